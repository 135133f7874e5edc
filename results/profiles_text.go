package results

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// OfProfiles returns the text on one boot by several profiles: a table of what
// became of each requirement, what failed, was in error or open, and a verdict for
// each profile. Verbose, each profile's report follows.
func (t Text) OfProfiles(all []*Report) string {
	var verdicts []*Merged
	var names []string
	for _, r := range all {
		verdicts = append(verdicts, &Merged{Report: *r})
		names = append(names, r.Profile)
	}
	w := page{Text: t, report: all[0]}
	w.plain(fmt.Sprintf("%s, by %s, vmspec %s", t.Name, strings.Join(names, ", "), all[0].Version))
	w.line("")
	w.out.WriteString(gridOf(verdicts, nil))
	w.problems(verdicts)
	w.open(verdicts)
	w.list("note", w.report.remarks())
	w.verdicts(verdicts)
	return w.out.String()
}

// verdicts write a line for each profile. Verbose, its report follows that.
func (w *page) verdicts(all []*Merged) {
	for _, m := range all {
		w.line("")
		if w.Verbose {
			w.out.WriteString(w.Of(&m.Report))
			continue
		}
		by := page{Text: w.Text, report: &m.Report}
		by.verdictBy()
		w.out.WriteString(by.out.String())
	}
}

// A finding is what became of a requirement by some of several profiles.
type finding struct {
	Point
	by     []string
	waiver *Waiver
}

// findingsOf lists the points that a profile counts and that are meant, once for all
// profiles by which they are the same.
func findingsOf(all []*Merged, meant func(Point) bool) (out []finding) {
	for _, m := range all {
		for _, p := range m.Points {
			if !m.Counts(p) || !meant(p) {
				continue
			}
			at := slices.IndexFunc(out, func(f finding) bool {
				return f.ID == p.ID && f.Must() == p.Must() && f.Verdict == p.Verdict && f.Problem == p.Problem && f.Reason == p.Reason && f.waiver == m.waiverOf(p)
			})
			if at < 0 {
				out, at = append(out, finding{Point: p, waiver: m.waiverOf(p)}), len(out)
			}
			out[at].by = append(out[at].by, m.Profile)
		}
	}
	return out
}

// labels are what a text calls what a person should look at, the worst first.
var labels = []string{"failed", "error", "missed"}

func mark(p Point) (label string, tone Tone) {
	switch {
	case p.Verdict == Error:
		return "error", Doubtful
	case p.Must():
		return "failed", Bad
	}
	return "missed", Missed
}

// problems write what failed, was missed or was in error, and by which profiles.
func (w *page) problems(all []*Merged) {
	found := findingsOf(all, func(p Point) bool { return p.Verdict == Fail || p.Verdict == Error })
	rank := func(f finding) int {
		label, _ := mark(f.Point)
		return slices.Index(labels, label)
	}
	slices.SortStableFunc(found, func(a, b finding) int { return cmp.Compare(rank(a), rank(b)) })
	for _, f := range found {
		label, tone := mark(f.Point)
		w.line("")
		w.entry(label, tone, f.ID+"  "+f.Title)
		for _, e := range []struct{ label, value string }{{" by", strings.Join(f.by, ", ")}, {" waived", describe(f.waiver)}, {" problem", why(f.Point)}, {" follows", f.Follows}, {" fix", f.Fix}, {" boot", f.Boot}} {
			if e.value != "" {
				w.entry(e.label, Quiet, e.value)
			}
		}
	}
}

// open writes which requirements were not tested, and why.
func (w *page) open(all []*Merged) {
	var points []Point
	for _, f := range findingsOf(all, func(p Point) bool { return p.Verdict == Skip }) {
		if !slices.ContainsFunc(points, func(p Point) bool { return p.ID == f.ID && p.Reason == f.Reason }) {
			points = append(points, f.Point)
		}
	}
	var lines []string
	for _, g := range grouped(points, func(p Point) string { return p.Reason }, func(Point) bool { return true }) {
		lines = append(lines, g.reason+": "+strings.Join(g.ids, " "))
	}
	w.list("untested", lines)
}

// wordOf is what a table says of a verdict.
func wordOf(p Point) string {
	if p.Verdict == Fail && !p.Must() {
		return "missed"
	}
	return cells[p.Verdict]
}
