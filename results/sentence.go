package results

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

// Words are a conclusion as sentences say it.
func Words(c Conformance) string {
	if c == MetAsChosen {
		return "met, as far as chosen"
	}
	return strings.ReplaceAll(string(c), "-", " ")
}

// Sentence says the verdict and what it rests on, with counts and names:
//
//	not conformant: 4 of 15 musts failed (FW-UEFI-BOOT, …); 10 not judged: 9 need a disk image, 1 needs two boots
func (r *Report) Sentence(strict bool) string {
	if r.Incomplete != nil {
		return Words(CouldNotTell) + ": the report is incomplete: " + r.Incomplete.Error()
	}
	if r.Outdated != "" {
		return Words(CouldNotTell) + ": " + r.Outdated
	}
	return r.sentence(r.Party(), strict)
}

// Others says the verdict on each other party. It does not count for the report's
// own.
func (r *Report) Others(strict bool) (out []string) {
	if r.Incomplete != nil || r.Outdated != "" {
		return nil
	}
	for _, party := range r.Parties()[1:] {
		out = append(out, who[party]+": "+r.sentence(party, strict))
	}
	return out
}

// who names a party within a sentence.
var who = map[report.Party]string{report.Platform: "the platform", report.Image: "the image", report.GuestOS: "the guest OS"}

func (r *Report) sentence(party report.Party, strict bool) string {
	conclusion, t := r.concludeOn(party, strict)
	start := Words(conclusion)
	if r.byStrict(conclusion, t) {
		start += fmt.Sprintf(" (--strict: %d recommended missed)", t.Missed)
	}
	var parts []string
	if party == r.Party() && r.Provisional() {
		parts = append(parts, r.provisionally())
	}
	if chosen := t.Chosen(); chosen != "" {
		parts = append(parts, fmt.Sprintf("%s (%s)", chosen, r.Choice))
	}
	if waived := r.waivedText(party); waived != "" {
		parts = append(parts, waived)
	}
	parts = append(parts, mustsText(r.of(party, true, Fail), t.Judged-len(r.waivedOf(party, true))))
	if errors := r.of(party, true, Error); len(errors) > 0 {
		parts = append(parts, fmt.Sprintf("%s (%s)", plural(len(errors), "error"), names(errors)))
	}
	for _, problem := range r.Problems {
		parts = append(parts, "parameter "+problem)
	}
	if open := r.notJudged(party); open != "" {
		parts = append(parts, open)
	}
	if t.Failed+t.Errors == 0 {
		parts = append(parts, r.recommended(party)...)
	}
	return start + ": " + strings.Join(parts, "; ")
}

// provisionally says that a report is provisional.
func (r *Report) provisionally() string {
	return "the report is provisional: the VM stopped " + r.Stopped
}

// recommended says which recommendations of a party were missed or are errors.
func (r *Report) recommended(party report.Party) (parts []string) {
	if missed := r.of(party, false, Fail); len(missed) > 0 {
		parts = append(parts, fmt.Sprintf("%d recommended missed (%s)", len(missed), names(missed)))
	}
	if doubts := r.of(party, false, Error); len(doubts) > 0 {
		parts = append(parts, fmt.Sprintf("%d recommended in error (%s)", len(doubts), names(doubts)))
	}
	return parts
}

// of lists the IDs of a party's musts with a verdict, or of its recommendations.
func (r *Report) of(party report.Party, must bool, v Verdict) (ids []string) {
	for _, p := range r.Points {
		if p.Party() == party && p.Level != report.Info && p.Must() == must && p.Verdict == v && !r.waived(p) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func mustsText(failed []string, judged int) string {
	switch {
	case judged == 0:
		return "no must was judged"
	case len(failed) == 0 && judged == 1:
		return "the one must judged is met"
	case len(failed) == 0:
		return fmt.Sprintf("all %d musts judged are met", judged)
	}
	return fmt.Sprintf("%d of %s failed (%s)", len(failed), plural(judged, "must"), names(failed))
}

// notJudged counts the musts that were not judged, grouped by what they need.
func (r *Report) notJudged(party report.Party) string {
	groups := grouped(r.Points, missing, func(p Point) bool {
		return p.Party() == party && p.Must() && !p.LeftOut() && (p.Verdict == Skip || p.Verdict == Error)
	})
	slices.SortStableFunc(groups, func(a, b group) int { return len(b.ids) - len(a.ids) })
	all := 0
	var parts []string
	for _, g := range groups {
		all += len(g.ids)
		text := g.reason
		if need, known := needed[g.reason]; known {
			text = "need " + need
			if len(g.ids) == 1 {
				text = "needs " + need
			}
		}
		parts = append(parts, fmt.Sprintf("%d %s", len(g.ids), text))
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("%d not judged: %s", all, strings.Join(parts, ", "))
}

// missing is why a point was not judged, in a word.
func missing(p Point) string {
	if p.Verdict == Error {
		return "in error"
	}
	word, _, _ := strings.Cut(p.Reason, ":")
	return word
}

// needed says what is missing, by the reason of a skip.
var needed = map[string]string{
	report.NeedsImage:       "a disk image",
	report.GuessedDisk:      "to know which disk was booted",
	report.NeedsTwoBoots:    "two boots",
	report.NeedsTwoVMs:      "two VMs",
	report.NeedsImageCheck:  "vmspec image check of its image",
	report.NeedsHost:        "what only the host knows",
	report.NeedsHotplug:     "somebody who plugs devices",
	report.NeedsReboot:      "a boot that ends in a reboot",
	report.NeedsAArch32:     "a boot in AArch32",
	report.NeedsGICv2:       "a boot with a GICv2",
	report.NeedsGICv3:       "a boot with a GICv3",
	report.NeedsGuestOS:     "a guest OS under test",
	report.NeedsBoot:        "a boot of the image",
	report.NeedsOwnGuest:    "a guest of the suite's own",
	report.OtherDescription: "a boot by the other description",
}

// names lists IDs, at most four of them.
func names(ids []string) string {
	if len(ids) > 4 {
		return strings.Join(ids[:3], ", ") + ", ..."
	}
	return strings.Join(ids, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// next is what to do after a conclusion; empty if there is nothing.
func (r *Report) next(c Conformance) string {
	first := func(is func(Point) bool) int {
		return slices.IndexFunc(r.Points, func(p Point) bool { return p.Party() == r.Party() && p.Level != report.Info && is(p) })
	}
	must := first(func(p Point) bool { return p.Verdict == Fail && p.Must() && !r.waived(p) && r.cause(p) == p.ID })
	missed := first(func(p Point) bool { return p.Verdict == Fail && !p.Must() && !r.waived(p) })
	spec := func(i int) string {
		return "vmspec spec " + r.Points[i].ID + " shows the clause and how to fix it"
	}
	switch {
	case r.GoOn() != "":
		return r.GoOn()
	case c == NotConformant && must >= 0:
		return spec(must)
	case c == NotConformant && missed >= 0:
		return spec(missed)
	case c == CouldNotTell && len(r.of(r.Party(), true, Error)) > 0:
		return "fix what the errors name, and run again"
	case c == Conformant && first(func(p Point) bool { return p.Reason == report.NeedsImage }) >= 0:
		return "vmspec run qemu-image boots a disk image, vmspec image check judges one"
	}
	return ""
}
