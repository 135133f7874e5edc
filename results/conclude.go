package results

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

// Conclude returns the conclusion from the points, and says what it rests on. It
// is never better than the guest's own. With strict a missed recommendation
// counts as a failed must does.
func (r *Report) Conclude(strict bool) (Conformance, string) {
	if r.Incomplete != nil {
		return CouldNotTell, "the report is incomplete: " + r.Incomplete.Error()
	}
	conclusion, t := r.Report.Conclude()
	text, missed := t.String(), fmt.Sprintf("%d recommended missed", t.Missed)
	byStrict := strict && t.Missed > 0 && conclusion != NotConformant
	switch {
	case byStrict:
		text = "--strict: " + missed + "; " + text
	case t.Missed > 0:
		text += "; " + missed
	}
	if t.Errors > 0 {
		text += fmt.Sprintf("; %d errors", t.Errors)
	}
	for _, problem := range r.Problems {
		text += "; parameter " + problem
	}
	switch {
	case byStrict:
		return NotConformant, text
	case conclusion == Conformant && r.Verdict != Conformant:
		return CouldNotTell, text
	}
	return conclusion, text
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
var signsOfLife = []string{"Booting Linux on", "EFI stub: Booting Linux", report.Begin}

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
