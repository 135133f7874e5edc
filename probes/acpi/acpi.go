// Package acpi reads what the guest's ACPI tables declare, by their headers
// and fixed fields. AML is not interpreted.
package acpi

import (
	"errors"
	"fmt"
	"io/fs"
)

const dir = "sys/firmware/acpi/tables"

// Facts are the guest's ACPI tables. Linux shows them only where it runs by
// ACPI. A table that is nil does not exist, unless Damaged or Unread says why. A
// damaged table that is not nil holds what could be read of it.
type Facts struct {
	Present bool
	Tables  []string // file names, such as APIC or SSDT1
	Root    Root
	FADT    *FADT
	MADT    *MADT
	GTDT    *GTDT
	SPCR    *SPCR
	DBG2    *DBG2
	MCFG    *MCFG
	PPTT    *PPTT
	DSDT    *Header
	Damaged map[string]string `json:",omitempty"` // by file name: what is wrong with a table
	Unread  map[string]string `json:",omitempty"` // by file name: why it could not be read
}

// tables are those that are read, by file name.
var tables = []struct {
	name string
	read func(f *Facts, table []byte) error
}{
	{"FACP", func(f *Facts, b []byte) (err error) { f.FADT, err = ParseFADT(b); return }},
	{"APIC", func(f *Facts, b []byte) (err error) { f.MADT, err = ParseMADT(b); return }},
	{"GTDT", func(f *Facts, b []byte) (err error) { f.GTDT, err = ParseGTDT(b); return }},
	{"SPCR", func(f *Facts, b []byte) (err error) { f.SPCR, err = ParseSPCR(b); return }},
	{"DBG2", func(f *Facts, b []byte) (err error) { f.DBG2, err = ParseDBG2(b); return }},
	{"MCFG", func(f *Facts, b []byte) (err error) { f.MCFG, err = ParseMCFG(b); return }},
	{"PPTT", func(f *Facts, b []byte) (err error) { f.PPTT, err = ParsePPTT(b); return }},
	{"IORT", func(_ *Facts, b []byte) error { _, _, err := parse(b, "IORT"); return err }},
	{"DSDT", func(f *Facts, b []byte) error {
		h, r, err := parse(b, "DSDT")
		if r != nil {
			f.DSDT = &h
		}
		return err
	}},
}

// Read lists the tables and reads those it knows. Absence is an answer, and
// one table's damage costs no other.
func Read(fsys fs.FS) (*Facts, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Facts{}, nil
	}
	if err != nil {
		return nil, err
	}
	f := &Facts{Present: true, Damaged: map[string]string{}, Unread: map[string]string{}}
	f.Root.read(fsys)
	for _, e := range entries {
		if !e.IsDir() {
			f.Tables = append(f.Tables, e.Name())
		}
	}
	for _, t := range tables {
		data, err := fs.ReadFile(fsys, dir+"/"+t.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			f.Unread[t.name] = err.Error()
			continue
		}
		if err := t.read(f, data); err != nil {
			f.Damaged[t.name] = err.Error()
		}
	}
	return f, nil
}

// Console describes the serial port that SPCR or, without one, DBG2 names:
// its kind and where it lies. It is empty where neither names one.
func (f *Facts) Console() string {
	switch {
	case f.SPCR != nil:
		return fmt.Sprintf("SPCR: %s at %#x", f.SPCR.Type, f.SPCR.Address)
	case f.DBG2 != nil && len(f.DBG2.Serial) > 0:
		return fmt.Sprintf("DBG2: %s at %#x", f.DBG2.Serial[0].Type, f.DBG2.Serial[0].Address)
	}
	return ""
}

// Header is what begins every table: ACPI 6.5, section 5.2.6.
type Header struct {
	Revision int
	OEM      string // OEM ID and OEM table ID
}

// headerSize is the size of every table's header.
const headerSize = 36

// parse checks a table's header and checksum and returns what follows the header:
// nil if this is no such table. If it returns both, with an error, the table is
// damaged, and Linux reads it all the same (drivers/acpi/acpica/tbprint.c, acpi_tb_verify_checksum).
func parse(table []byte, signature string) (Header, *reader, error) {
	if len(table) < headerSize {
		return Header{}, nil, fmt.Errorf("%d bytes, a header has %d", len(table), headerSize)
	}
	r := reader{data: table}
	got := string(r.take(4))
	length := r.u32()
	h := Header{Revision: int(r.u8())}
	r.take(1) // checksum
	h.OEM = printable(r.take(6)) + " " + printable(r.take(8))
	if got != signature {
		return h, nil, fmt.Errorf("signature %q, want %q", got, signature)
	}
	rest := &reader{data: table[headerSize:]}
	if length < headerSize || uint64(length) > uint64(len(table)) {
		return h, rest, fmt.Errorf("length %d in the header, but %d bytes", length, len(table))
	}
	rest.data = table[headerSize:length]
	var sum byte
	for _, b := range table[:length] {
		sum += b
	}
	if sum != 0 {
		return h, rest, fmt.Errorf("checksum is off by %#x", sum)
	}
	return h, rest, nil
}

// printable drops from a table's text what is no ASCII, and blanks around it.
func printable(b []byte) string {
	var out []byte
	for _, c := range b {
		if c > ' ' && c <= '~' {
			out = append(out, c)
		}
	}
	return string(out)
}
