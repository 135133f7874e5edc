// Package rtc finds the guest's real-time clock and how it advanced while it
// was watched.
package rtc

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"vmspec/probes/kernel"
	"vmspec/probes/note"
)

// Facts are about the clock.
type Facts struct {
	Clocks []Clock
	Note
	TrialErr string
	Pause    PauseNote `json:",omitzero"` // empty where nobody was asked for one
	PauseErr string    `json:",omitempty"`
}

// A Clock is one that Linux registered.
type Clock struct {
	Device, Name string // "rtc0", "rtc-efi rtc-efi.0"
	Set          bool   `json:",omitempty"` // the kernel set its own clock by it
}

// Read finds the facts out. A guest without a clock is an answer.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	entries, err := fs.ReadDir(fsys, "sys/class/rtc")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		name, err := fs.ReadFile(fsys, "sys/class/rtc/"+e.Name()+"/name")
		if err != nil {
			return nil, err
		}
		f.Clocks = append(f.Clocks, Clock{Device: e.Name(), Name: strings.TrimSpace(string(name))})
	}
	f.readSet(fsys)
	if err := note.Read(fsys, &f.Note); err != nil {
		f.TrialErr = err.Error()
	}
	f.readPause(fsys)
	return &f, nil
}

// readSet finds the clock by which the kernel set its own: its attribute hctosys
// says so (drivers/rtc/sysfs.c), and the kernel's log (drivers/rtc/class.c,
// rtc_hctosys).
func (f *Facts) readSet(fsys fs.FS) {
	log, _ := kernel.Log(fsys)
	for i, c := range f.Clocks {
		attribute, _ := fs.ReadFile(fsys, "sys/class/rtc/"+c.Device+"/hctosys")
		says := func(line string) bool { return strings.Contains(line, c.Name+": setting system clock to ") }
		f.Clocks[i].Set = strings.TrimSpace(string(attribute)) == "1" || slices.ContainsFunc(log, says)
	}
}

// UEFI returns the clock that Linux keeps by UEFI's GetTime, nil if none.
func (f *Facts) UEFI() *Clock {
	for i, c := range f.Clocks {
		if c.efi() {
			return &f.Clocks[i]
		}
	}
	return nil
}

// efi tells whether a clock is UEFI's, by the name of its driver or of its
// device: "rtc-efi rtc-efi.0", "rtc-efi rtc-efi", "platform rtc-efi.0", "rtc_efi".
func (c *Clock) efi() bool {
	return slices.ContainsFunc(strings.Fields(c.Name), func(word string) bool {
		return strings.HasPrefix(strings.ReplaceAll(word, "_", "-"), "rtc-efi")
	})
}

// Answered returns the error with which the clock of that name answered, as the
// trial has it; empty if it was not the clock's. Linux's drivers answer EINVAL if
// the device or the firmware does, or if its date is none, and EIO.
func (f *Facts) Answered(c *Clock) string {
	_, answer, own := strings.Cut(f.TrialErr, c.Device+"/since_epoch: ")
	if !own || answer != "invalid argument" && answer != "input/output error" {
		return ""
	}
	return answer
}
