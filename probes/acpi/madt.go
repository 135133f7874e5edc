package acpi

import (
	"cmp"
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
	UID           uint32
	Enabled       bool
	OnlineCapable bool `json:",omitempty"` // not enabled, but can be while the guest runs
	Parked        bool `json:",omitempty"` // it waits for the parking protocol, which needs no PSCI
}

// ForPSCI counts the CPUs that only PSCI can start: those that are enabled or can
// be, and are not parked (arch/arm64/kernel/acpi_parking_protocol.c). One of them
// may be the one that boots.
func (m *MADT) ForPSCI() (n int) {
	for _, c := range m.CPUs {
		if (c.Enabled || c.OnlineCapable) && !c.Parked {
			n++
		}
	}
	return max(0, n-1)
}

// Flags of a GICC: table 5.37.
const (
	giccEnabled       = 1 << 0
	giccOnlineCapable = 1 << 3
)

// Types of interrupt controller structures: section 5.2.12.
const (
	typeGICC     = 0x0b
	typeGICD     = 0x0c
	typeMSIFrame = 0x0d
	typeGICR     = 0x0e
	typeITS      = 0x0f
	typeIRS      = 0x1c // of a GICv5, as the next: ACPI 6.7
	typeITSv5    = 0x1d
)

// LoadMADT reads the guest's MADT. Damage is no error: [Facts.Damaged] says what
// it is, and the MADT is what could be read.
func LoadMADT(fsys fs.FS) (*MADT, error) {
	table, err := fs.ReadFile(fsys, dir+"/APIC")
	if err != nil {
		return nil, err
	}
	m, _ := ParseMADT(table)
	return cmp.Or(m, &MADT{}), nil
}

// ParseMADT reads a MADT with its header.
func ParseMADT(table []byte) (*MADT, error) {
	_, r, err := parse(table, "APIC")
	if r == nil {
		return nil, err
	}
	r.take(8) // local interrupt controller address, flags
	var m MADT
	for kind, e := range r.structures(1) {
		m.add(kind, e)
	}
	return &m, cmp.Or(err, r.err)
}

// add reads an entry, which begins behind its type and length.
func (m *MADT) add(kind uint8, e *reader) {
	switch kind {
	case typeGICC:
		e.take(6) // reserved, CPU interface number
		c := GICC{UID: e.u32()}
		flags := e.u32()
		c.Enabled = flags&giccEnabled != 0
		c.OnlineCapable = !c.Enabled && flags&giccOnlineCapable != 0
		version := e.u32()
		e.take(4) // performance interrupt
		c.Parked = e.u64() != 0 && version != 0
		e.take(8) // base address
		if e.err == nil {
			m.CPUs = append(m.CPUs, c)
		}
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
	case typeIRS:
		m.GICVersion = 5
	case typeITSv5:
		m.ITS++
	}
}
