package results

import (
	"fmt"
	"slices"
	"strings"
)

// Status is the exit status of programs that conclude from a report.
type Status int

// The statuses: 3 is for wrong usage and a wrong environment.
const (
	Conformant    Status = 0
	NotConformant Status = 1
	CouldNotTell  Status = 2
	Unusable      Status = 3
)

// String names a status as reports do.
func (s Status) String() string {
	switch s {
	case Conformant:
		return "conformant"
	case NotConformant:
		return "not-conformant"
	case CouldNotTell:
		return "could-not-tell"
	}
	return "unusable"
}

// Tally counts a report's points, but those that are told and not asked, and
// the guest OS's where a platform is judged.
type Tally struct {
	Judged, Failed, Open int // musts: judged, of these failed, not judged
	Missed               int // failures of other levels
	Errors               int // of all levels
}

// Tally counts.
func (r *Report) Tally() Tally {
	var t Tally
	platform := slices.ContainsFunc(r.Points, Point.ofPlatform)
	for _, p := range r.Points {
		if p.Level == told || platform && p.ofGuestOS() {
			continue // told, and not asked
		}
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
	return t
}

// String says what a verdict rests on, as guests do.
func (t Tally) String() string {
	return fmt.Sprintf("%d of %d musts judged failed; %d not judged", t.Failed, t.Judged, t.Open)
}

// Conclude returns the verdict on the whole and says what it rests on. With
// strict a missed recommendation counts as a failed must does.
func (r *Report) Conclude(strict bool) (Status, string) {
	if r.Incomplete != nil {
		return CouldNotTell, "the report is incomplete: " + r.Incomplete.Error()
	}
	t := r.Tally()
	text := t.String()
	if t.Missed > 0 {
		text += fmt.Sprintf("; %d recommended missed", t.Missed)
	}
	if t.Errors > 0 {
		text += fmt.Sprintf("; %d errors", t.Errors)
	}
	switch {
	case t.Failed > 0, strict && t.Missed > 0:
		return NotConformant, text
	case t.Errors > 0, t.Judged == 0, r.Verdict != Conformant.String():
		return CouldNotTell, text
	}
	return Conformant, text
}

// symptoms are lines of a guest that may not report any more, with what they
// mean.
var symptoms = []struct{ text, meaning string }{
	{"Kernel panic - not syncing", "the guest's kernel panicked"},
	{"Synchronous Exception at", "the firmware crashed"},
	{"UEFI Interactive Shell", "the firmware found nothing to boot and started its shell"},
}

// signsOfLife are what a guest writes that goes on after all: a shell's
// startup.nsh can start the kernel.
var signsOfLife = []string{"Booting Linux on", "EFI stub: Booting Linux", version}

// Alive tells whether a line takes back an earlier symptom.
func Alive(line string) bool {
	return slices.ContainsFunc(signsOfLife, func(s string) bool { return strings.Contains(line, s) })
}

// Symptom returns what a line says of a guest that cannot go on; ok is false
// for any other line.
func Symptom(line string) (meaning string, ok bool) {
	for _, s := range symptoms {
		if strings.Contains(line, s.text) {
			return s.meaning, true
		}
	}
	return "", false
}
