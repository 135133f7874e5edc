package memory

import (
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

// TouchNote is what the trial writes.
type TouchNote struct {
	Page           uint64
	Touched, Wrong uint64
	Pieces         []Piece
}

// A Piece is a piece of RAM in which pages lay: addresses of bytes.
type Piece struct {
	Start, Last     uint64
	Pages           uint64
	Lowest, Highest uint64 // of a page
}

// Format declares vmspec/touch.
func (n *TouchNote) Format() note.Format {
	return note.Format{Name: "touch", Doc: "pages that were written and read back, and where they lie", Rows: []note.Row{
		note.Line("page", "", note.Uint("BYTES", &n.Page)),
		note.Line("touched", "", note.Uint("PAGES", &n.Touched), note.Uint("wrong PAGES", &n.Wrong)),
		note.Each(&n.Pieces, func(p *Piece) note.Row {
			return note.Line("piece", "for each piece of RAM in which pages lie; addresses of bytes",
				note.Uint("START", &p.Start), note.Uint("LAST", &p.Last), note.Uint("PAGES", &p.Pages),
				note.Uint("LOWEST", &p.Lowest), note.Uint("HIGHEST", &p.Highest))
		}),
	}}
}

func (t *Touch) read(fsys fs.FS) error {
	var n TouchNote
	err := note.Read(fsys, &n)
	t.Page, t.Touched, t.Wrong = n.Page, n.Touched, n.Wrong
	for _, p := range n.Pieces {
		t.Pieces = append(t.Pieces, Touched{fdt.Range{Start: p.Start, Size: p.Last - p.Start + 1}, p.Pages, p.Lowest, p.Highest})
	}
	return err
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
