package results

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"vmspec/results/report"
)

// An Outcome is what became of a requirement, with its level: only a must fails.
type Outcome string

// The outcomes, the worst first.
const (
	Failed   Outcome = "failed" // a must
	InError  Outcome = "error"  // could not tell
	NotMet   Outcome = "missed" // a should or a recommendation
	Noted    Outcome = "noted"  // what no text asks
	Passed   Outcome = "passed"
	LeftOpen Outcome = "skipped" // does not apply, or was not tried
)

var outcomes = []Outcome{Failed, InError, NotMet, Noted, Passed, LeftOpen}

// OutcomeOf returns what became of a point.
func OutcomeOf(p Point) Outcome {
	switch {
	case p.Verdict == Pass:
		return Passed
	case p.Verdict == Error:
		return InError
	case p.Verdict == Skip:
		return LeftOpen
	case p.Must():
		return Failed
	case p.Level == report.Info:
		return Noted
	}
	return NotMet
}

// Counts are how many points had which outcome.
type Counts struct {
	Points  int `json:"points"`
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Missed  int `json:"missed"`
	Noted   int `json:"noted"`
	Errors  int `json:"errors"`
	Skipped int `json:"skipped"`
	Waived  int `json:"waived,omitempty"` // of those failed and missed
}

// of is the number of an outcome.
func (c *Counts) of(o Outcome) *int {
	switch o {
	case Passed:
		return &c.Passed
	case Failed:
		return &c.Failed
	case NotMet:
		return &c.Missed
	case Noted:
		return &c.Noted
	case InError:
		return &c.Errors
	}
	return &c.Skipped
}

// Counted counts the points of a report.
func (r *Report) Counted() Counts {
	c := Counts{Points: len(r.Points)}
	for _, p := range r.Points {
		*c.of(OutcomeOf(p))++
		if r.waived(p) {
			c.Waived++
		}
	}
	return c
}

// words are the outcomes as a count says them.
var words = map[Outcome]string{InError: "in error"}

// String says the counts in the order of the outcomes:
//
//	88 points: 4 failed, 1 in error, 1 missed, 2 noted, 45 passed, 35 skipped
func (c Counts) String() string {
	text, separator := plural(c.Points, "point"), ": "
	for _, o := range outcomes {
		if n := *c.of(o); n > 0 {
			text += fmt.Sprintf("%s%d %s", separator, n, cmp.Or(words[o], string(o)))
			separator = ", "
		}
	}
	if c.Waived > 0 {
		text += fmt.Sprintf("; %d waived", c.Waived)
	}
	return text
}

// badness orders conclusions: the worst has the highest.
func badness(c Conformance) int {
	return slices.Index([]Conformance{Conformant, MetAsChosen, CouldNotTell, NotConformant}, c)
}

// clauseText is a clause as a point has it: profile, chapter, number, readings.
var clauseText = regexp.MustCompile(`^\S+ ([A-Za-z][A-Za-z ]{0,40}) \d+(?:, by readings? [0-9 and,]+)?$`)

// beyond is the chapter of what no text asks.
const beyond = "Beyond the text"

// chapter is the one that a clause stands in.
func chapter(clause string) string {
	if m := clauseText.FindStringSubmatch(clause); m != nil {
		return m[1]
	}
	return beyond
}
