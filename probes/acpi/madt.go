package acpi

import (
	"fmt"
	"io/fs"
)

// MADT is the Multiple APIC Description Table: ACPI 6.5, section 5.2.12.
type MADT struct {
	GICVersion     int // of the distributor; 0: the table does not say
	CPUs           []GICC
	Redistributors int // GICR structures; a GICC can carry an address instead
	MSIFrames      int
	ITS            int
}

// GICC is a GIC CPU interface structure: section 5.2.12.14.
type GICC struct {
	UID     uint32
	Enabled bool
}

// Types of interrupt controller structures: section 5.2.12.
const (
	typeGICC     = 0x0b
	typeGICD     = 0x0c
	typeMSIFrame = 0x0d
	typeGICR     = 0x0e
	typeITS      = 0x0f
)

// LoadMADT reads the guest's MADT.
func LoadMADT(fsys fs.FS) (*MADT, error) {
	table, err := fs.ReadFile(fsys, dir+"/APIC")
	if err != nil {
		return nil, err
	}
	m, err := ParseMADT(table)
	if err != nil {
		return nil, fmt.Errorf("parse madt: %w", err)
	}
	return m, nil
}

// ParseMADT reads a MADT with its header.
func ParseMADT(table []byte) (*MADT, error) {
	_, r, err := parse(table, "APIC")
	if err != nil {
		return nil, err
	}
	r.take(8) // local interrupt controller address, flags
	var m MADT
	for kind, e := range r.structures(1) {
		m.add(kind, e)
	}
	if r.err != nil {
		return nil, r.err
	}
	return &m, nil
}

// add reads an entry, which begins behind its type and length.
func (m *MADT) add(kind uint8, e *reader) {
	switch kind {
	case typeGICC:
		e.take(6) // reserved, CPU interface number
		c := GICC{UID: e.u32()}
		c.Enabled = e.u32()&1 != 0
		e.take(24) // parking protocol, performance interrupt, parked address, base address
		m.CPUs = append(m.CPUs, c)
	case typeGICD:
		e.take(18) // reserved, identifier, base address, vector base
		m.GICVersion = int(e.u8())
		e.take(3)
	case typeMSIFrame:
		e.take(22)
		m.MSIFrames++
	case typeGICR:
		e.take(14)
		m.Redistributors++
	case typeITS:
		e.take(18)
		m.ITS++
	}
}
