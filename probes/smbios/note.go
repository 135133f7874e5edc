package smbios

import "vmspec/probes/note"

// Note is what the firmware's tables hold, without the serial numbers and UUIDs
// in them.
type Note struct {
	Version    string
	Entry      uint64
	Structures []Structures
}

// Structures are how many there are of one type.
type Structures struct {
	Type  uint8
	Count uint64
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
