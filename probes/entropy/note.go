package entropy

import "vmspec/probes/note"

// Note is what the source gave.
type Note struct {
	Source string // as the kernel calls it: virtio_rng.0
	Drawn  *Drawn // what came in time
}

// Drawn is how many bytes came, and of how many values.
type Drawn struct{ Bytes, Distinct uint64 }

// Format declares vmspec/entropy. It has none of the bytes.
func (n *Note) Format() note.Format {
	return note.Format{Name: "entropy", Doc: "how many random bytes the hardware's source gave", Rows: []note.Row{
		note.Line("source", "as the kernel calls it", note.Words("NAME", &n.Source)),
		note.Maybe(&n.Drawn, func(d *Drawn) note.Row {
			return note.Line("bytes", "how many bytes came, and how many different values",
				note.Uint("COUNT", &d.Bytes), note.Uint("DISTINCT", &d.Distinct))
		}),
	}}
}
