package report

import (
	"fmt"
	"slices"
	"strings"
)

// Conformance is the conclusion from a whole report.
type Conformance string

// The conclusions, in the order of their exit statuses.
const (
	Conformant    Conformance = "conformant"
	NotConformant Conformance = "not-conformant"
	CouldNotTell  Conformance = "could-not-tell"
)

var conclusions = []Conformance{Conformant, NotConformant, CouldNotTell}

// ExitStatus is the conclusion as programs return it: 0, 1 or 2, and 3 for
// anything else.
func (c Conformance) ExitStatus() int {
	if status := slices.Index(conclusions, c); status >= 0 {
		return status
	}
	return len(conclusions)
}

// A Tally counts the points that a conclusion rests on.
type Tally struct {
	Judged, Failed, Open int // musts: judged, of these failed, not judged
	Missed               int // failures of other levels
	Errors               int // of all levels
}

// Tally counts the points that count.
func (r *Report) Tally() Tally {
	var t Tally
	counts := r.counting()
	for _, p := range r.Points {
		if counts(p) {
			t.add(p)
		}
	}
	return t
}

// Counts tells whether the conclusion rests on a point. What no text asks does
// not count, and neither does the guest OS in a report that judges a platform:
// no platform answers for the kernel that runs on it.
func (r *Report) Counts(p Point) bool { return r.counting()(p) }

func (r *Report) counting() func(Point) bool {
	platform := slices.ContainsFunc(r.Points, Point.ofPlatform)
	return func(p Point) bool { return p.Level != Info && !(platform && p.ofGuestOS()) }
}

// Point returns the point of an ID.
func (r *Report) Point(id string) (p Point, ok bool) {
	i := slices.IndexFunc(r.Points, func(p Point) bool { return p.ID == id })
	if i < 0 {
		return Point{}, false
	}
	return r.Points[i], true
}

func (t *Tally) add(p Point) {
	open := p.Verdict == Skip || p.Verdict == Error
	if p.Verdict == Error {
		t.Errors++
	}
	switch {
	case p.Must() && open:
		t.Open++
	case p.Must():
		t.Judged++
		if p.Verdict == Fail {
			t.Failed++
		}
	case p.Verdict == Fail:
		t.Missed++
	}
}

// String says how many of how many musts were judged.
func (t Tally) String() string {
	return fmt.Sprintf("%d of %d musts judged failed; %d not judged", t.Failed, t.Judged, t.Open)
}

// Conclude returns the conclusion from the points, and what it rests on.
func (r *Report) Conclude() (Conformance, Tally) {
	t := r.Tally()
	switch {
	case t.Failed > 0:
		return NotConformant, t
	case t.Errors > 0 || t.Judged == 0 || len(r.Problems) > 0:
		return CouldNotTell, t
	}
	return Conformant, t
}

func verdictLine(c Conformance, t Tally) string {
	return verdictMark + string(c) + ": " + t.String()
}

func parseVerdict(line string) (Conformance, bool) {
	text, marked := strings.CutPrefix(line, verdictMark)
	word, _, rests := strings.Cut(text, ": ")
	c := Conformance(word)
	return c, marked && rests && slices.Contains(conclusions, c)
}
