package acpi

import (
	"cmp"
	"fmt"
)

// MCFG describes the PCI Express configuration spaces in memory: PCI Firmware
// Specification 3.3, section 4.1.2.
type MCFG struct {
	Spaces []ConfigSpace
}

// A ConfigSpace is one segment group's part of buses.
type ConfigSpace struct {
	Base        uint64
	Segment     int
	First, Last int // bus numbers
}

// ParseMCFG reads an MCFG with its header.
func ParseMCFG(table []byte) (*MCFG, error) {
	_, r, err := parse(table, "MCFG")
	if r == nil {
		return nil, err
	}
	r.take(8) // reserved
	var m MCFG
	for len(r.data) > 0 && r.err == nil {
		s := ConfigSpace{Base: r.u64(), Segment: int(r.u16()), First: int(r.u8()), Last: int(r.u8())}
		r.take(4)
		switch {
		case r.err != nil:
			return &m, cmp.Or(err, fmt.Errorf("entry %d: %w", len(m.Spaces), r.err))
		case s.First > s.Last:
			return &m, cmp.Or(err, fmt.Errorf("entry %d: buses %d to %d", len(m.Spaces), s.First, s.Last))
		}
		m.Spaces = append(m.Spaces, s)
	}
	return &m, cmp.Or(err, r.err)
}
