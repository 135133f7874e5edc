package report

import (
	"fmt"
	"slices"
	"strings"
)

// Conformance is the conclusion on one party from a whole report.
type Conformance string

// The conclusions. MetAsChosen is for a part that the host's own command line
// chose: a part is never called conformant.
const (
	Conformant    Conformance = "conformant"
	NotConformant Conformance = "not-conformant"
	CouldNotTell  Conformance = "could-not-tell"
	MetAsChosen   Conformance = "met-as-far-as-chosen"
)

// exits are the conclusions as programs return them.
var exits = map[Conformance]int{Conformant: 0, MetAsChosen: 0, NotConformant: 1, CouldNotTell: 2}

// ExitStatus is the conclusion as programs return it: 0, 1 or 2, and 3 for
// anything else.
func (c Conformance) ExitStatus() int {
	if status, known := exits[c]; known {
		return status
	}
	return 3
}

// A Tally counts the points that a conclusion on a party rests on.
type Tally struct {
	Judged, Failed, Open int // musts: judged, of these failed, not judged
	Errors               int // of those not judged, the ones in error
	Missed, Doubts       int // of other levels: failures and errors
	LeftOut              int // musts that a parameter left out
}

// Tally counts the points of a party.
func (r *Report) Tally(party Party) Tally {
	var t Tally
	for _, p := range r.Points {
		if p.Party() == party && p.Level != Info {
			t.add(p)
		}
	}
	if party == r.Party() && r.Choice.Any() {
		t.LeftOut = max(t.LeftOut, r.Choice.Musts-t.Judged-t.Open)
	}
	return t
}

func (t *Tally) add(p Point) {
	open := p.Verdict == Skip || p.Verdict == Error
	switch {
	case p.Must() && p.LeftOut():
		t.LeftOut++
	case p.Must() && open:
		t.Open++
		if p.Verdict == Error {
			t.Errors++
		}
	case p.Must():
		t.Judged++
		if p.Verdict == Fail {
			t.Failed++
		}
	case p.Verdict == Fail:
		t.Missed++
	case p.Verdict == Error:
		t.Doubts++
	}
}

// Chosen says how many of how many musts were chosen, if not all were.
func (t Tally) Chosen() string {
	if t.LeftOut == 0 {
		return ""
	}
	chosen := t.Judged + t.Open
	if chosen == 1 {
		return fmt.Sprintf("only 1 of %d musts was chosen", chosen+t.LeftOut)
	}
	return fmt.Sprintf("only %d of %d musts were chosen", chosen, chosen+t.LeftOut)
}

// String says how many of how many musts were judged.
func (t Tally) String() string {
	return fmt.Sprintf("%d of %d musts judged failed; %d not judged", t.Failed, t.Judged, t.Open)
}

// Parties lists the parties that the report is about, its own first. Of the others
// it leaves out those that were not under test, or of which nothing was judged.
func (r *Report) Parties() []Party {
	own := r.Party()
	out := []Party{own}
	for _, party := range parties {
		if party != own && r.underTest(party) {
			out = append(out, party)
		}
	}
	return out
}

// Party is whom the report concludes on: the platform, or what an image was
// checked for without one.
func (r *Report) Party() Party {
	for _, party := range parties {
		if slices.ContainsFunc(r.Points, func(p Point) bool { return p.Party() == party }) && !r.Choice.Any() {
			return party
		}
	}
	return Platform
}

// notUnderTest are reasons of a skip. All points of a party are skipped for such a
// reason where the party was only there to carry the suite.
var notUnderTest = map[Party]string{Image: NeedsImage, GuestOS: NeedsGuestOS}

func (r *Report) underTest(party Party) bool {
	judged := false
	for _, p := range r.Points {
		if p.Party() != party || p.Level == Info {
			continue
		}
		if p.Verdict == Skip && p.Reason == notUnderTest[party] {
			return false
		}
		judged = judged || p.Verdict != Skip
	}
	return judged
}

// Counts tells whether a conclusion on its party rests on a point: whether any
// text asks it, and the party was under test.
func (r *Report) Counts(p Point) bool {
	return p.Level != Info && slices.Contains(r.Parties(), p.Party())
}

// Point returns the point of an ID.
func (r *Report) Point(id string) (p Point, ok bool) {
	i := slices.IndexFunc(r.Points, func(p Point) bool { return p.ID == id })
	if i < 0 {
		return Point{}, false
	}
	return r.Points[i], true
}

// Conclude returns the conclusion on the report's own party, and what it rests
// on.
func (r *Report) Conclude() (Conformance, Tally) { return r.ConcludeOn(r.Party()) }

// ConcludeOn returns the conclusion on a party, and what it rests on. An error
// counts where a must is asked.
func (r *Report) ConcludeOn(party Party) (Conformance, Tally) {
	t := r.Tally(party)
	switch {
	case t.Failed > 0:
		return NotConformant, t
	case t.Errors > 0 || t.Judged == 0 || len(r.Problems) > 0 || r.Stopped != "":
		return CouldNotTell, t
	case !r.partial(party, t):
		return Conformant, t
	case r.Choice.ByHost:
		return MetAsChosen, t
	}
	return CouldNotTell, t
}

// partial tells whether parameters left out a must of the party, or may have left
// one out: the number of all musts is known of the report's own party only.
func (r *Report) partial(party Party, t Tally) bool {
	return t.LeftOut > 0 || party != r.Party() && len(r.Choice.Only) > 0
}

// verdictLines has a conclusion on each party. The line of the report's own party
// does not name it.
func (r *Report) verdictLines() []string {
	var lines []string
	for i, party := range r.Parties() {
		c, t := r.ConcludeOn(party)
		text := string(c) + ": "
		if i > 0 {
			text = string(party) + " " + text
		}
		if t.LeftOut > 0 {
			text += fmt.Sprintf("%s (%s); %d of %d judged failed", t.Chosen(), r.Choice, t.Failed, t.Judged)
		} else {
			text += t.String()
		}
		lines = append(lines, cut(verdictMark+text, MaxLine))
	}
	return lines
}

// parseVerdict reads a line of verdictLines. The party is empty for the report's
// own.
func parseVerdict(line string) (c Conformance, party Party, ok bool) {
	text, marked := strings.CutPrefix(line, verdictMark)
	word, _, rests := strings.Cut(text, ": ")
	if who, what, named := strings.Cut(word, " "); named {
		party, word = Party(who), what
	}
	c = Conformance(word)
	_, known := exits[c]
	return c, party, marked && rests && known && (party == "" || slices.Contains(parties, party))
}
