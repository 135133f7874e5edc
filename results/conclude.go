package results

import (
	"fmt"

	"vmspec/results/report"
)

// Conclude returns the conclusion from the points, and says what it rests on. It
// is never better than the guest's own. With strict a missed recommendation
// counts as a failed must does.
func (r *Report) Conclude(strict bool) (Conformance, string) {
	if r.Incomplete != nil {
		return CouldNotTell, "the report is incomplete: " + r.Incomplete.Error()
	}
	if r.Outdated != "" {
		return CouldNotTell, r.Outdated
	}
	conclusion, t := r.concludeOn(r.Party(), strict)
	text, missed := t.String(), fmt.Sprintf("%d recommended missed", t.Missed)
	if t.LeftOut > 0 {
		text = fmt.Sprintf("%s (%s); %s", t.Chosen(), r.Choice, text)
	}
	switch {
	case r.byStrict(conclusion, t):
		text = "--strict: " + missed + "; " + text
	case t.Missed > 0:
		text += "; " + missed
	}
	if waived := r.waivedText(r.Party()); waived != "" {
		text += "; " + waived
	}
	if errors := t.Errors + t.Doubts; errors > 0 {
		text += fmt.Sprintf("; %d errors", errors)
	}
	for _, problem := range r.Problems {
		text += "; parameter " + problem
	}
	if r.Provisional() {
		text = r.provisionally() + "; " + text
	}
	return conclusion, text
}

// concludeOn returns the conclusion on a party. With strict what is recommended
// counts as a must does.
func (r *Report) concludeOn(party report.Party, strict bool) (Conformance, report.Tally) {
	conclusion, t := r.counted().ConcludeOn(party)
	met := conclusion == Conformant || conclusion == MetAsChosen
	switch {
	case strict && t.Missed > 0 && conclusion != NotConformant:
		return NotConformant, t
	case strict && t.Doubts > 0 && met:
		return CouldNotTell, t
	case conclusion == Conformant && party == r.Party() && r.Verdict != Conformant && len(r.waivedOf(party, true)) == 0:
		return CouldNotTell, t // the guest's own conclusion is no better
	}
	return conclusion, t
}

// byStrict tells whether the conclusion would be better without --strict.
func (r *Report) byStrict(conclusion Conformance, t report.Tally) bool {
	return conclusion == NotConformant && t.Failed == 0
}
