package cpu

import (
	"fmt"
	"io/fs"
	"strings"

	"vmspec/probes/note"
)

// Offline is the trial in which secondary CPUs went offline and came back.
type Offline struct {
	Secondaries uint64 // how many there are; not all need be tried
	Tried       []Switched
	Log         []string // what the kernel had to say of it
	Err         string
}

// Switched is one CPU's part: results, "ok" or what the kernel calls it, and
// empty where it did not come to that.
type Switched struct {
	Number  int
	Off, On string
	Ran     *uint64 // the CPU on which a thread ran that was then bound to it
}

// Lost tells whether the trial ended what made it, so that it may have left a
// CPU offline.
func (o *Offline) Lost() bool {
	return strings.Contains(o.Err, "crashed: ") || strings.Contains(o.Err, "hung for ")
}

// OfflineNote is what the trial showed.
type OfflineNote struct {
	Secondaries *uint64
	Tried       []Switched
	Log         []string
}

// Format declares vmspec/offline. A CPU without a line is one that the kernel does
// not allow to go offline.
func (n *OfflineNote) Format() note.Format {
	return note.Format{Name: "offline", Doc: "secondary CPUs that were taken offline and back", Rows: []note.Row{
		note.Maybe(&n.Secondaries, func(count *uint64) note.Row { return note.Line("secondaries", "", note.Uint("N", count)) }),
		note.Group(&n.Tried, func(s *Switched) []note.Row {
			number := note.Index("CPU", &s.Number)
			return []note.Row{
				note.Line("off", "", number, note.Words("RESULT", &s.Off)),
				note.Line("on", "", number, note.Words("RESULT", &s.On)),
				note.Maybe(&s.Ran, func(on *uint64) note.Row {
					return note.Line("ran", "then a thread was bound to CPU, and ran on this one", number, note.Uint("ON", on))
				}),
			}
		}),
		note.Each(&n.Log, func(text *string) note.Row {
			return note.Line("log", "the kernel's messages about it", note.Words("TEXT", text))
		}),
	}}
}

func (o *Offline) read(fsys fs.FS) error {
	var n OfflineNote
	err := note.Read(fsys, &n)
	o.Tried, o.Log = n.Tried, n.Log
	if n.Secondaries != nil {
		o.Secondaries = *n.Secondaries
	}
	if err != nil {
		return err
	}
	for _, s := range n.Tried {
		if s.Off == "" {
			return fmt.Errorf("vmspec/offline: cpu %d came back, and did not go off before", s.Number)
		}
	}
	return nil
}
