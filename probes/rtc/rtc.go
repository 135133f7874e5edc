// Package rtc finds the guest's real-time clock and how it advanced while it
// was watched.
package rtc

import (
	"errors"
	"io/fs"
	"strings"

	"vmspec/probes/note"
)

// Facts are about the clock.
type Facts struct {
	Clocks []Clock
	Note
	TrialErr string
}

// A Clock is one that Linux registered.
type Clock struct{ Device, Name string } // "rtc0", "rtc-efi rtc-efi.0"

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
	if err := note.Read(fsys, &f.Note); err != nil {
		f.TrialErr = err.Error()
	}
	return &f, nil
}

// UEFI returns the clock that Linux keeps by UEFI's GetTime, nil if none.
func (f *Facts) UEFI() *Clock {
	for i, c := range f.Clocks {
		if strings.HasPrefix(c.Name, "rtc-efi") {
			return &f.Clocks[i]
		}
	}
	return nil
}
