package memory

import (
	"vmspec/probes/fdt"
	"vmspec/probes/note"
)

// Touch is the trial in which free pages were written and read.
type Touch struct {
	Page           uint64 // its size in bytes
	Touched, Wrong uint64 // pages, and those that came back altered
	Pieces         []Piece
	Err            string // why there is no more of it
}

// A Piece is a piece of RAM in which pages lay: addresses of bytes.
type Piece struct {
	Start, Last     uint64
	Pages           uint64
	Lowest, Highest uint64 // of a page
}

// Format declares vmspec/touch.
func (t *Touch) Format() note.Format {
	return note.Format{Name: "touch", Doc: "pages that were written and read back, and where they lie", Rows: []note.Row{
		note.Line("page", "", note.Uint("BYTES", &t.Page)),
		note.Line("touched", "", note.Uint("PAGES", &t.Touched), note.Uint("wrong PAGES", &t.Wrong)),
		note.Each(&t.Pieces, func(p *Piece) note.Row {
			return note.Line("piece", "for each piece of RAM in which pages lie; addresses of bytes",
				note.Uint("START", &p.Start), note.Uint("LAST", &p.Last), note.Uint("PAGES", &p.Pages),
				note.Uint("LOWEST", &p.Lowest), note.Uint("HIGHEST", &p.Highest))
		}),
	}}
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
