package disk

import "vmspec/probes/note"

// Note is what was read of each disk.
type Note struct{ Disks []Trial }

// A Trial is what became of one disk.
type Trial struct {
	Name  string `json:"-"`
	Open  string // "ok" or the kernel's error, "EACCES permission denied"; empty if it was not tried
	Reads []Reading
	Err   string // why there are no more of them
}

// OpenErr returns why the disk could not be opened.
func (t *Trial) OpenErr() string {
	if t.Open == "ok" {
		return ""
	}
	return t.Open
}

// A Reading is one logical block that the trial asked for.
type Reading struct {
	Offset uint64 // bytes
	Result string // "ok", "short BYTES" or the kernel's error, "EIO input/output error"
}

// Format declares vmspec/disks.
func (n *Note) Format() note.Format {
	return note.Format{Name: "disks", Doc: "blocks that were read of each disk", Rows: []note.Row{
		note.Group(&n.Disks, func(t *Trial) []note.Row {
			return []note.Row{
				note.Line("open", "", note.Word("DISK", &t.Name), note.Words("RESULT", &t.Open)),
				note.Each(&t.Reads, func(r *Reading) note.Row {
					return note.Line("read", `a logical block at this byte; "short BYTES" if fewer came`,
						note.Word("DISK", &t.Name), note.Uint("OFFSET", &r.Offset), note.Words("RESULT", &r.Result))
				}),
			}
		}),
	}}
}

// of returns what became of a disk.
func (n *Note) of(name string) Trial {
	for _, t := range n.Disks {
		if t.Name == name {
			return t
		}
	}
	return Trial{}
}
