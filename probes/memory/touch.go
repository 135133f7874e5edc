package memory

import (
	"fmt"
	"io/fs"

	"vmspec/probes/fdt"
	"vmspec/probes/note"
)

// Touch is the trial in which free pages were written and read.
type Touch struct {
	Page           uint64 // its size in bytes
	Touched, Wrong uint64 // pages, and those that came back altered
	Pieces         []Touched
	Err            string
}

// Touched is a piece of RAM in which pages lay, and between which addresses.
type Touched struct {
	fdt.Range
	Pages, Lowest, Highest uint64
}

func (t *Touch) read(fsys fs.FS) error {
	lines, err := note.Read(fsys, "touch")
	for _, l := range lines {
		if err := t.readLine(l); err != nil {
			return fmt.Errorf("vmspec/touch: %w", err)
		}
	}
	return err
}

func (t *Touch) readLine(l note.Line) error {
	switch l.Word(0) {
	case "page":
		return l.Scan([]int{1}, &t.Page)
	case "touched":
		return l.Scan([]int{1, 3}, &t.Touched, &t.Wrong)
	case "piece":
		var p Touched
		var last uint64
		if err := l.Scan([]int{1, 2, 3, 4, 5}, &p.Start, &last, &p.Pages, &p.Lowest, &p.Highest); err != nil {
			return err
		}
		p.Size = last - p.Start + 1
		t.Pieces = append(t.Pieces, p)
	}
	return nil
}

// In tells whether one of the pages is known to lie in a range.
func (t *Touch) In(r fdt.Range) bool {
	for _, p := range t.Pieces {
		for _, at := range []uint64{p.Lowest, p.Highest} {
			if at >= r.Start && at-r.Start < r.Size {
				return true
			}
		}
	}
	return false
}
