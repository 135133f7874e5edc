// Package hotplug finds what became of the devices that the guest asked its host to
// plug and to unplug.
package hotplug

import (
	"errors"
	"io/fs"

	"vmspec/probes/guest"
	"vmspec/probes/note"
)

// Facts are about those devices. There are none where nobody was asked.
type Facts struct {
	Devices  []Device `json:",omitempty"`
	TrialErr string   `json:",omitempty"` // why there are no more of them
}

// Of returns the device of a kind; nil if nobody was asked for one.
func (f *Facts) Of(kind string) *Device {
	for i := range f.Devices {
		if f.Devices[i].Kind == kind {
			return &f.Devices[i]
		}
	}
	return nil
}

// Read finds the facts out. A guest that did not ask has no note of it.
func Read(fsys fs.FS) Facts {
	var n Note
	err := note.Read(fsys, &n)
	f := Facts{Devices: n.Devices}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, guest.ErrNotCaptured) {
		f.TrialErr = err.Error()
	}
	return f
}
