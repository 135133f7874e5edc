package cpu

import (
	"fmt"
	"io/fs"
	"strings"

	"vmspec/probes/note"
)

// Offline is the trial in which secondary CPUs went offline and came back.
type Offline struct {
	Secondaries *uint64 // how many there are; not all need be tried
	Tried       []Switched
	Log         []string // what the kernel had to say of it
	Err         string   // why there is no more of it
}

// Switched is one CPU's part: results, "ok" or what the kernel calls it, and
// empty where it did not come to that.
type Switched struct {
	Number  int
	Off, On string
	Ran     *uint64 // the CPU on which a thread ran that was then bound to it
}

// Lost tells whether the trial's worker was lost, so that a CPU may still be
// offline.
func (o *Offline) Lost() bool {
	return strings.Contains(o.Err, "crashed: ") || strings.Contains(o.Err, "hung for ")
}

// Format declares vmspec/offline. A CPU without a line is one that the kernel does
// not allow to go offline.
func (o *Offline) Format() note.Format {
	return note.Format{Name: "offline", Doc: "secondary CPUs that were taken offline and back", Rows: []note.Row{
		note.Maybe(&o.Secondaries, func(count *uint64) note.Row { return note.Line("secondaries", "", note.Uint("N", count)) }),
		note.Group(&o.Tried, func(s *Switched) []note.Row {
			number := note.Index("CPU", &s.Number)
			return []note.Row{
				note.Line("off", "", number, note.Words("RESULT", &s.Off)),
				note.Line("on", "", number, note.Words("RESULT", &s.On)),
				note.Maybe(&s.Ran, func(on *uint64) note.Row {
					return note.Line("ran", "then a thread was bound to CPU, and ran on this one", number, note.Uint("ON", on))
				}),
			}
		}),
		note.Each(&o.Log, func(text *string) note.Row {
			return note.Line("log", "the kernel's messages about it", note.Words("TEXT", text))
		}),
	}}
}

func (o *Offline) read(fsys fs.FS) error {
	if err := note.Read(fsys, o); err != nil {
		return err
	}
	for _, s := range o.Tried {
		if s.Off == "" {
			return fmt.Errorf("%s: cpu %d came back, and did not go off before", note.Path(o), s.Number)
		}
	}
	return nil
}
