package results

import (
	"fmt"
	"slices"
	"strings"
)

// Words are a conclusion as sentences say it.
func Words(c Conformance) string { return strings.ReplaceAll(string(c), "-", " ") }

// Sentence says the verdict and what it rests on, with counts and names:
//
//	not conformant: 4 of 15 musts failed (FW-UEFI-BOOT, …); 10 not judged: 9 need a disk image, 1 needs two boots
func (r *Report) Sentence(strict bool) string {
	conclusion, _ := r.Conclude(strict)
	if r.Incomplete != nil {
		return Words(conclusion) + ": the report is incomplete: " + r.Incomplete.Error()
	}
	counted := func(is func(Point) bool) (ids []string) {
		for _, p := range r.Points {
			if r.Counts(p) && is(p) {
				ids = append(ids, p.ID)
			}
		}
		return ids
	}
	failed := counted(func(p Point) bool { return p.Must() && p.Verdict == Fail })
	met := counted(func(p Point) bool { return p.Must() && p.Verdict == Pass })
	missed := counted(func(p Point) bool { return !p.Must() && p.Verdict == Fail })
	errors := counted(func(p Point) bool { return p.Verdict == Error })
	start := Words(conclusion)
	if conclusion == NotConformant && len(failed) == 0 {
		start += fmt.Sprintf(" (--strict: %d recommended missed)", len(missed))
	}
	parts := []string{mustsText(failed, len(failed)+len(met))}
	if len(errors) > 0 {
		parts = append(parts, fmt.Sprintf("%s (%s)", plural(len(errors), "error"), names(errors)))
	}
	for _, problem := range r.Problems {
		parts = append(parts, "parameter "+problem)
	}
	if open := r.notJudged(); open != "" {
		parts = append(parts, open)
	}
	if len(missed) > 0 && len(failed)+len(errors) == 0 {
		parts = append(parts, fmt.Sprintf("%d recommended missed (%s)", len(missed), names(missed)))
	}
	return start + ": " + strings.Join(parts, "; ")
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

// notJudged counts the musts that were not judged by what they need.
func (r *Report) notJudged() string {
	groups := grouped(r.Points, missing, func(p Point) bool {
		return r.Counts(p) && p.Must() && (p.Verdict == Skip || p.Verdict == Error)
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

// needed is what reasons of a skip stand for.
var needed = map[string]string{
	"needs-image":       "a disk image",
	"needs-two-boots":   "two boots",
	"needs-host":        "what only the host knows",
	"needs-hotplug":     "somebody who plugs devices",
	"needs-aarch32":     "a boot in AArch32",
	"needs-guest-os":    "a guest OS under test",
	"needs-boot":        "a boot of the image",
	"needs-own-guest":   "a guest of the suite's own",
	"other-description": "a boot by the other description",
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
		return slices.IndexFunc(r.Points, func(p Point) bool { return r.Counts(p) && is(p) })
	}
	must := first(func(p Point) bool { return p.Verdict == Fail && p.Must() && r.cause(p) == p.ID })
	missed := first(func(p Point) bool { return p.Verdict == Fail && !p.Must() })
	spec := func(i int) string {
		return "vmspec spec " + r.Points[i].ID + " shows the clause and how to fix it"
	}
	switch {
	case c == NotConformant && must >= 0:
		return spec(must)
	case c == NotConformant && missed >= 0:
		return spec(missed)
	case c == CouldNotTell && first(func(p Point) bool { return p.Verdict == Error }) >= 0:
		return "fix what the errors name, and run again"
	case c == Conformant && first(func(p Point) bool { return p.Reason == "needs-image" }) >= 0:
		return "vmspec run qemu-image boots a disk image, vmspec image check judges one"
	}
	return ""
}
