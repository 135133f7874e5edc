// Package acpi reads what the guest's ACPI tables declare, by their headers
// and the MADT. AML is not interpreted.
package acpi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
)

const dir = "sys/firmware/acpi/tables"

// Facts are the guest's ACPI tables. Linux shows them only where it runs by
// ACPI.
type Facts struct {
	Present bool
	Tables  []string // file names, such as APIC or SSDT1
	MADT    *MADT
}

// Read lists the tables. Absence is an answer.
func Read(fsys fs.FS) (*Facts, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Facts{}, nil
	}
	if err != nil {
		return nil, err
	}
	f := &Facts{Present: true}
	for _, e := range entries {
		if !e.IsDir() {
			f.Tables = append(f.Tables, e.Name())
		}
	}
	f.MADT, err = LoadMADT(fsys)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return f, nil
}

// headerSize is the size of every table's header: ACPI 6.5, section 5.2.6.
const headerSize = 36

// body checks a table's header and checksum and returns what follows it.
func body(table []byte, signature string) ([]byte, error) {
	if len(table) < headerSize {
		return nil, fmt.Errorf("%d bytes, a header has %d", len(table), headerSize)
	}
	if got := string(table[:4]); got != signature {
		return nil, fmt.Errorf("signature %q, want %q", got, signature)
	}
	length := binary.LittleEndian.Uint32(table[4:])
	if length < headerSize || uint64(length) > uint64(len(table)) {
		return nil, fmt.Errorf("length %d in the header, but %d bytes", length, len(table))
	}
	var sum byte
	for _, b := range table[:length] {
		sum += b
	}
	if sum != 0 {
		return nil, fmt.Errorf("checksum is off by %#x", sum)
	}
	return table[headerSize:length], nil
}

// MADT is the Multiple APIC Description Table: ACPI 6.5, section 5.2.12.
type MADT struct {
	GICVersion int // of the distributor; 0: the table does not say
	CPUs       []GICC
	MSIFrames  int
	ITS        int
}

// GICC is a GIC CPU interface structure: section 5.2.12.14.
type GICC struct {
	UID     uint32
	Enabled bool
}

// Structure types, their shortest lengths, and offsets in them.
const (
	typeGICC, sizeGICC         = 0x0b, 40
	typeGICD, sizeGICD         = 0x0c, 24
	typeMSIFrame, sizeMSIFrame = 0x0d, 24
	typeITS, sizeITS           = 0x0f, 20

	giccUID, giccFlags = 8, 12
	gicdVersion        = 20
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
	data, err := body(table, "APIC")
	if err != nil {
		return nil, err
	}
	if len(data) < 8 {
		return nil, errors.New("truncated before the first entry")
	}
	var m MADT
	data = data[8:] // local interrupt controller address, flags
	for n := 0; len(data) > 0; n++ {
		if len(data) < 2 {
			return nil, fmt.Errorf("entry %d: truncated", n)
		}
		length := int(data[1])
		if length < 2 || length > len(data) {
			return nil, fmt.Errorf("entry %d: length %d", n, length)
		}
		if err := m.add(data[:length]); err != nil {
			return nil, fmt.Errorf("entry %d: %w", n, err)
		}
		data = data[length:]
	}
	return &m, nil
}

func (m *MADT) add(e []byte) error {
	shortest := map[byte]int{typeGICC: sizeGICC, typeGICD: sizeGICD, typeMSIFrame: sizeMSIFrame, typeITS: sizeITS}
	if len(e) < shortest[e[0]] {
		return fmt.Errorf("type %#x has %d bytes, want %d", e[0], len(e), shortest[e[0]])
	}
	switch e[0] {
	case typeGICC:
		flags := binary.LittleEndian.Uint32(e[giccFlags:])
		m.CPUs = append(m.CPUs, GICC{UID: binary.LittleEndian.Uint32(e[giccUID:]), Enabled: flags&1 != 0})
	case typeGICD:
		m.GICVersion = int(e[gicdVersion])
	case typeMSIFrame:
		m.MSIFrames++
	case typeITS:
		m.ITS++
	}
	return nil
}
