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

func (o *Offline) read(fsys fs.FS) error {
	lines, err := note.Read(fsys, "offline")
	for _, l := range lines {
		if err := o.readLine(l); err != nil {
			return fmt.Errorf("vmspec/offline: %w", err)
		}
	}
	return err
}

func (o *Offline) readLine(l note.Line) (err error) {
	switch l.Word(0) {
	case "secondaries":
		o.Secondaries, err = l.Uint(1)
	case "log":
		o.Log = append(o.Log, l.Rest(1))
	case "off":
		var number uint64
		number, err = l.Uint(1)
		o.Tried = append(o.Tried, Switched{Number: int(number), Off: l.Rest(2)})
	case "on", "ran":
		if len(o.Tried) == 0 || l.Word(1) != fmt.Sprint(o.Tried[len(o.Tried)-1].Number) {
			return fmt.Errorf("%q: that CPU did not go off before", l.Rest(0))
		}
		last := &o.Tried[len(o.Tried)-1]
		if l.Word(0) == "on" {
			last.On = l.Rest(2)
			return nil
		}
		last.Ran = new(uint64)
		*last.Ran, err = l.Uint(2)
	}
	return err
}
