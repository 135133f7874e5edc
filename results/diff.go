package results

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"vmspec/results/report"
)

// A DiffKind is how a requirement differs between two reports.
type DiffKind string

// The changes, in the order in which they are told.
const (
	Regressed DiffKind = "regression" // what was met is not, or what was not judged fails
	Fixed     DiffKind = "fix"        // what was not met is
	Added     DiffKind = "new"        // judged now, and not before
	Gone      DiffKind = "gone"       // judged before, and not now
	Otherwise DiffKind = "evidence"   // the same outcome by other evidence
)

var changes = []DiffKind{Regressed, Fixed, Added, Gone, Otherwise}

// changeOf says what it means that an outcome became another one.
var changeOf = map[Outcome]map[Outcome]DiffKind{
	Passed:   {Failed: Regressed, InError: Regressed, NotMet: Regressed, Noted: Regressed, LeftOpen: Gone},
	Failed:   {Passed: Fixed, InError: Gone, NotMet: Otherwise, Noted: Otherwise, LeftOpen: Gone},
	NotMet:   {Passed: Fixed, InError: Gone, Failed: Regressed, Noted: Otherwise, LeftOpen: Gone},
	Noted:    {Passed: Fixed, InError: Gone, Failed: Regressed, NotMet: Regressed, LeftOpen: Gone},
	InError:  {Passed: Fixed, Failed: Regressed, NotMet: Regressed, Noted: Added, LeftOpen: Otherwise},
	LeftOpen: {Passed: Added, Failed: Regressed, InError: Regressed, NotMet: Added, Noted: Added},
}

// A DiffPoint is a requirement that differs between two reports.
type DiffPoint struct {
	ID     string       `json:"id"`
	Title  string       `json:"title"`
	Level  report.Level `json:"level"`
	Kind   DiffKind     `json:"change"`
	Before Told         `json:"before"`
	After  Told         `json:"after"`
}

// Told is what a report says of a requirement; the zero value for nothing.
type Told struct {
	Outcome Outcome `json:"outcome,omitempty"`
	Text    string  `json:"text,omitempty"` // what was found, or is wrong
}

// A Pair is two reports of the same name and profile, of which either may be
// missing.
type Pair struct {
	Name          string
	Profile       string
	Before, After *sheetReport
	Differences   []DiffPoint
}

// A Diff is how what two sources say differs.
type Diff struct {
	A, B  string // names of the sources
	Pairs []Pair
}

// NewDiff compares two sources. Where each has one report by a profile, these are a
// pair whatever their names are; else the last part of the name decides, and the
// order where a name is there several times.
func NewDiff(a, b Side) *Diff {
	d := &Diff{A: a.Name, B: b.Name}
	before, after := a.reports, b.reports
	taken := make([]bool, len(after))
	for i := range before {
		p := &before[i]
		at := slices.IndexFunc(indices(after), func(j int) bool {
			q := &after[j]
			return !taken[j] && q.Profile == p.Profile && (nameOf(q) == nameOf(p) || alone(before, p) && alone(after, q))
		})
		if at < 0 {
			d.Pairs = append(d.Pairs, newPair(p, nil))
			continue
		}
		taken[at] = true
		d.Pairs = append(d.Pairs, newPair(p, &after[at]))
	}
	for j := range after {
		if !taken[j] {
			d.Pairs = append(d.Pairs, newPair(nil, &after[j]))
		}
	}
	return d
}

func indices(all []sheetReport) []int {
	out := make([]int, len(all))
	for i := range out {
		out[i] = i
	}
	return out
}

// nameOf is by what a report is known again elsewhere.
func nameOf(r *sheetReport) string { return path.Base(r.Name) }

// alone tells whether a report is the only one by its profile.
func alone(all []sheetReport, r *sheetReport) bool {
	n := 0
	for i := range all {
		if all[i].Profile == r.Profile {
			n++
		}
	}
	return n == 1
}

func newPair(before, after *sheetReport) Pair {
	one := cmp.Or(before, after)
	p := Pair{Name: nameOf(one), Profile: one.Profile, Before: before, After: after}
	if before != nil && after != nil {
		p.Differences = differences(before, after)
	}
	return p
}

// differences are those of two reports, by their kind, then in the order of the
// reports.
func differences(before, after *sheetReport) (out []DiffPoint) {
	old, now := byID(before), byID(after)
	for _, p := range before.Points {
		if d, differs := diffPoint(&p, now[p.ID]); differs {
			out = append(out, d)
		}
	}
	for _, q := range after.Points {
		if old[q.ID] == nil {
			d, differs := diffPoint(nil, &q)
			if differs {
				out = append(out, d)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b DiffPoint) int {
		return cmp.Compare(slices.Index(changes, a.Kind), slices.Index(changes, b.Kind))
	})
	return out
}

func byID(r *sheetReport) map[string]*sheetPoint {
	out := map[string]*sheetPoint{}
	for i := range r.Points {
		out[r.Points[i].ID] = &r.Points[i]
	}
	return out
}

// diffPoint compares what two reports say of a requirement, of which one may not
// know it.
func diffPoint(p, q *sheetPoint) (DiffPoint, bool) {
	switch {
	case q == nil:
		return DiffPoint{p.ID, p.Title, p.Level, Gone, toldOf(p), Told{}}, p.Outcome != LeftOpen
	case p == nil:
		return DiffPoint{q.ID, q.Title, q.Level, Added, Told{}, toldOf(q)}, q.Outcome != LeftOpen
	}
	d := DiffPoint{ID: q.ID, Title: q.Title, Level: q.Level, Before: toldOf(p), After: toldOf(q)}
	if p.Outcome != q.Outcome {
		d.Kind = changeOf[p.Outcome][q.Outcome]
		return d, true
	}
	d.Kind = Otherwise
	if q.Outcome != LeftOpen && p.Kind != q.Kind {
		d.Before.Text, d.After.Text = p.Kind+": "+d.Before.Text, q.Kind+": "+d.After.Text
	}
	return d, steady(d.Before.Text) != steady(d.After.Text)
}

func toldOf(p *sheetPoint) Told {
	return Told{p.Outcome, cmp.Or(p.Problem, p.Found, p.Reason)}
}

// Regressions counts them. That a report is missing is one, and so is one that does
// not conclude where it did: no point may be to blame, such as when the VM stopped.
func (d *Diff) Regressions() (n int) {
	for i := range d.Pairs {
		n += d.Pairs[i].regressions()
	}
	return n
}

func (p *Pair) regressions() (n int) {
	for _, d := range p.Differences {
		if d.Kind == Regressed {
			n++
		}
	}
	if n == 0 && (p.lost() || p.worse()) {
		return 1
	}
	return n
}

// lost tells whether there is no report any more.
func (p *Pair) lost() bool { return p.Before != nil && p.After == nil }

// worse tells whether the verdict is worse by other than what the later suite asks
// anew: it knows requirements that the earlier one does not.
func (p *Pair) worse() bool {
	if p.Before == nil || p.After == nil || badness(p.After.Verdict) <= badness(p.Before.Verdict) {
		return false
	}
	return !slices.ContainsFunc(p.Differences, func(d DiffPoint) bool {
		return d.Kind == Added && d.Before.Outcome == "" && (d.After.Outcome == Failed || d.After.Outcome == InError)
	})
}

// counts say how many differences there are of each kind.
func (p *Pair) counts() string {
	switch {
	case p.Before == nil:
		return "new"
	case p.After == nil:
		return "gone"
	}
	var parts []string
	for _, c := range changes {
		n := 0
		for _, d := range p.Differences {
			if d.Kind == c {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, changeWords(c, n)))
		}
	}
	if parts == nil {
		return "no difference"
	}
	return strings.Join(parts, ", ")
}

// changeWords names a kind of change, of one or several.
func changeWords(c DiffKind, n int) string {
	switch {
	case c == Otherwise:
		return "by other evidence"
	case n == 1 || c == Added || c == Gone:
		return string(c)
	case c == Fixed:
		return "fixes"
	}
	return string(c) + "s"
}

// notes say what else differs: the verdicts, and by what was judged.
func (p *Pair) notes() (out []string) {
	switch {
	case p.Before == nil:
		return []string{"new: " + p.After.Sentence}
	case p.After == nil:
		return []string{"gone: it was " + p.Before.Sentence}
	}
	if p.Before.Verdict != p.After.Verdict {
		out = append(out, fmt.Sprintf("the verdict was %q and is %q", Words(p.Before.Verdict), Words(p.After.Verdict)))
	}
	if p.worse() && len(p.After.Points) == 0 {
		out = append(out, p.After.Sentence)
	}
	if a, b := p.Before.Catalogue, p.After.Catalogue; a != b && a != "" && b != "" {
		out = append(out, fmt.Sprintf("judged by other suites: vmspec %s, catalogue %s, and vmspec %s, catalogue %s", p.Before.Suite, a, p.After.Suite, b))
	}
	if p.Before.Arch != p.After.Arch && p.Before.Arch != "" && p.After.Arch != "" {
		out = append(out, fmt.Sprintf("the CPU was %s and is %s", p.Before.Arch, p.After.Arch))
	}
	return out
}
