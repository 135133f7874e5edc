package smbios

import "vmspec/probes/note"

// Note is what the firmware's tables hold, without the serial numbers and UUIDs
// in them.
type Note struct {
	Version    string       // 3.0.0
	Entry      uint64       // bits of the entry point, 32 or 64
	Structures []Structures // SMBIOS 3.6, section 7
}

// Structures are how many there are of one type.
type Structures struct {
	Type  uint8
	Count uint64
}

// Count returns how many structures there are of a type.
func (n *Note) Count(kind uint8) uint64 {
	for _, s := range n.Structures {
		if s.Type == kind {
			return s.Count
		}
	}
	return 0
}

// Format declares vmspec/smbios.
func (n *Note) Format() note.Format {
	return note.Format{Name: "smbios", Doc: "SMBIOS's version, and how many structures it has of each type", Rows: []note.Row{
		note.Line("version", "", note.Word("MAJOR.MINOR.REVISION", &n.Version)),
		note.Line("entry", "of the entry point: 32 or 64", note.Uint("BITS", &n.Entry)),
		note.Each(&n.Structures, func(s *Structures) note.Row {
			return note.Line("structures", "", note.Byte("TYPE", &s.Type), note.Uint("COUNT", &s.Count))
		}),
	}}
}
