package rtc

import (
	"errors"
	"io/fs"

	"vmspec/probes/guest"
	"vmspec/probes/note"
)

// PauseNote is what the clocks showed before and after the host paused the VM.
type PauseNote struct {
	Device        string // of the real-time clock
	Nonce         string // of the request
	Seconds       uint64 // that it was waited for
	Asked         string // "ok" or the kernel's error
	Answer        string // the host's: "done" or "cannot"; empty for none
	Before, After *Clocks
}

// Clocks are what the clocks show at a moment.
type Clocks struct {
	RTC  int64 // seconds since 1970
	Wall int64 // the system's, milliseconds since 1970
}

// Format declares vmspec/pause.
func (n *PauseNote) Format() note.Format {
	clocks := func(word string) func(c *Clocks) note.Row {
		return func(c *Clocks) note.Row {
			return note.Line(word, "", note.Int("RTC-SECONDS", &c.RTC), note.Int("SYSTEM-MILLISECONDS", &c.Wall))
		}
	}
	return note.Format{Name: "pause", Doc: "the clocks before and after the host was asked to pause the VM", Rows: []note.Row{
		note.Line("rtc", "", note.Word("DEVICE", &n.Device)),
		note.Line("asked", "", note.Word("NONCE", &n.Nonce), note.Uint("SECONDS", &n.Seconds), note.Words("RESULT", &n.Asked)),
		note.Line("answer", "", note.Word("done|cannot", &n.Answer)),
		note.Maybe(&n.Before, clocks("before")),
		note.Maybe(&n.After, clocks("after")),
	}}
}

// Passed returns by how many milliseconds the real-time clock and the system's clock
// advanced; ok is false where that was not seen.
func (n *PauseNote) Passed() (rtc, wall int64, ok bool) {
	if n.Before == nil || n.After == nil {
		return 0, 0, false
	}
	return (n.After.RTC - n.Before.RTC) * 1000, n.After.Wall - n.Before.Wall, true
}

// readPause reads the note. A guest that did not ask has none.
func (f *Facts) readPause(fsys fs.FS) {
	err := note.Read(fsys, &f.Pause)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, guest.ErrNotCaptured) {
		f.PauseErr = err.Error()
	}
}
