package mutantstest

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
	"vmspec/suite/mutants"
)

// A Point is a verdict, and what is said with it.
type Point struct {
	Verdict report.Verdict
	Text    string
}

// An Outcome is what became of a row.
type Outcome struct {
	Row        *mutants.Row
	Killed     []string // IDs of those that must catch it, and did
	Survived   []string // what must have caught it, and did not
	Collateral []string // what else is judged otherwise, or does not follow as it should
	Unproven   []string // proof that is missing
}

// Sound tells whether all that the row says was found, and nothing else.
func (o *Outcome) Sound() bool {
	return len(o.Survived) == 0 && len(o.Collateral) == 0 && len(o.Unproven) == 0
}

// Wrong says what was not as the row says.
func (o *Outcome) Wrong() string {
	var out []string
	for _, list := range []struct {
		name  string
		items []string
	}{{"survived", o.Survived}, {"collateral", o.Collateral}, {"no proof", o.Unproven}} {
		for _, item := range list.items {
			out = append(out, list.name+": "+item)
		}
	}
	return strings.Join(out, "\n")
}

// Compare holds the points of the unbroken and the broken machine against a row.
func Compare(r *mutants.Row, before, after map[string]Point) *Outcome {
	o := &Outcome{Row: r}
	for id, e := range r.Finds {
		got := after[id]
		switch {
		case !got.is(e):
			o.Survived = append(o.Survived, fmt.Sprintf("%s is %s: %s", id, got.Verdict, got.Text))
		case got.Verdict == before[id].Verdict:
			o.Survived = append(o.Survived, fmt.Sprintf("%s is %s on the unbroken machine", id, got.Verdict))
		default:
			o.Killed = append(o.Killed, id)
		}
	}
	for _, list := range []map[string]mutants.Expected{r.With, r.Also} {
		for id, e := range list {
			if got := after[id]; !got.is(e) {
				o.Collateral = append(o.Collateral, fmt.Sprintf("%s is %s and not %s: %s", id, got.Verdict, e.Verdict, got.Text))
			}
		}
	}
	o.undeclared(before, after)
	slices.Sort(o.Killed)
	slices.Sort(o.Survived)
	slices.Sort(o.Collateral)
	return o
}

// undeclared collects what is judged otherwise and stands in no line of the row.
func (o *Outcome) undeclared(before, after map[string]Point) {
	expected := o.Row.Expected()
	for id, got := range after {
		_, listed := expected[id]
		if listed || got.Verdict == before[id].Verdict || isOwed(before[id], got) || got.is(o.Row.May[id]) {
			continue
		}
		o.Collateral = append(o.Collateral, fmt.Sprintf("%s is %s, and was %s: %s", id, got.Verdict, before[id].Verdict, got.Text))
	}
}

// is tells whether a point is as expected.
func (p Point) is(e mutants.Expected) bool {
	return p.Verdict == e.Verdict && strings.Contains(p.Text, e.Text)
}

// isOwed tells whether a point differs only since the kernel is that of an OS under
// test: such a kernel passes by what the suite's own kernel is not judged by.
func isOwed(before, after Point) bool {
	return before.Verdict == report.Skip && strings.HasPrefix(before.Text, report.NeedsGuestOS) && after.Verdict == report.Pass
}
