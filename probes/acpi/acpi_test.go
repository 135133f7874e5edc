package acpi_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/acpi"
)

// table lays out an ACPI table with a right length and checksum.
func table(signature string, body ...byte) []byte {
	out := append([]byte(signature), make([]byte, 32)...)
	out = append(out, body...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)))
	return sum(out)
}

// sum makes the checksum right.
func sum(table []byte) []byte {
	table[9] = 0
	var s byte
	for _, b := range table {
		s += b
	}
	table[9] = -s
	return table
}

// madt is a MADT of these entries.
func madt(entries ...[]byte) []byte {
	body := make([]byte, 8) // local interrupt controller address, flags
	for _, e := range entries {
		body = append(body, e...)
	}
	return table("APIC", body...)
}

// entry is an interrupt controller structure; what sets bytes in it.
func entry(kind, length byte, set map[int]byte) []byte {
	out := make([]byte, length)
	out[0], out[1] = kind, length
	for at, value := range set {
		out[at] = value
	}
	return out
}

// Entries as QEMU 7.2's virt machine writes them: a GICC of ACPI 6.0 with 80
// bytes, its UID at 8 and its flags at 12; a GICD with its version at 20.
var (
	gicc0 = entry(0x0b, 80, map[int]byte{8: 0, 12: 1})
	gicc7 = entry(0x0b, 80, map[int]byte{8: 7, 12: 0})
	gicd3 = entry(0x0c, 24, map[int]byte{20: 3})
	frame = entry(0x0d, 24, nil)
	its   = entry(0x0f, 20, nil)
	gicr  = entry(0x0e, 16, nil) // known to ACPI, of no use to us
)

func TestParseMADTFaults(t *testing.T) {
	broken := func(at int, value byte) []byte {
		b := madt(gicc0)
		b[at] = value
		return b
	}
	length := func(n uint32) []byte {
		b := madt(gicc0)
		binary.LittleEndian.PutUint32(b[4:], n)
		return sum(b)
	}
	tests := map[string]struct {
		table []byte
		want  string
	}{
		"empty":                      {nil, "0 bytes"},
		"shorter than a header":      {madt()[:35], "35 bytes"},
		"another table":              {table("FACP"), `signature "FACP"`},
		"length below the header's":  {length(35), "length 35"},
		"length over the file's":     {length(1000), "length 1000"},
		"length overflows":           {length(0xffff_ffff), "length 4294967295"},
		"checksum off":               {broken(50, 1), "checksum is off by 0x1"},
		"cut before the first entry": {table("APIC", 0, 0, 0, 0), "before the first entry"},
		"entry of one byte":          {madt([]byte{0x0b}), "entry 0: truncated"},
		"entry of no length":         {madt(its, []byte{0x0b, 0}), "entry 1: length 0"},
		"entry of length one":        {madt([]byte{0x0b, 1, 0}), "entry 0: length 1"},
		"entry over the end":         {madt([]byte{0x0b, 80, 0}), "entry 0: length 80"},
		"GICC too short":             {madt(entry(0x0b, 39, nil)), "type 0xb has 39 bytes, want 40"},
		"GICD too short":             {madt(entry(0x0c, 23, nil)), "type 0xc has 23 bytes, want 24"},
		"MSI frame too short":        {madt(entry(0x0d, 23, nil)), "type 0xd has 23"},
		"ITS too short":              {madt(entry(0x0f, 19, nil)), "type 0xf has 19"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := acpi.ParseMADT(test.table)
			require.ErrorContains(t, err, test.want)
			require.Nil(t, m)
		})
	}
}

func TestParseMADT(t *testing.T) {
	tests := map[string]struct {
		table []byte
		want  acpi.MADT
	}{
		"no entries":        {madt(), acpi.MADT{}},
		"unknown entries":   {madt(gicr, entry(0xff, 2, nil)), acpi.MADT{}},
		"junk behind it":    {append(madt(gicd3), 1, 2, 3), acpi.MADT{GICVersion: 3}},
		"GICv2 with frames": {madt(gicc0, frame, frame), acpi.MADT{CPUs: []acpi.GICC{{Enabled: true}}, MSIFrames: 2}},
		"GICv3 with an ITS": {madt(gicd3, gicc0, gicc7, gicr, its),
			acpi.MADT{GICVersion: 3, CPUs: []acpi.GICC{{Enabled: true}, {UID: 7}}, ITS: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := acpi.ParseMADT(test.table)
			require.NoError(t, err)
			require.Equal(t, test.want, *m)
		})
	}
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func TestRead(t *testing.T) {
	const dir = "sys/firmware/acpi/tables/"
	file := func(data []byte) *fstest.MapFile { return &fstest.MapFile{Data: data} }

	_, err := acpi.Read(failingFS{errors.ErrUnsupported})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = acpi.Read(fstest.MapFS{dir + "APIC": file([]byte("APIC"))})
	require.ErrorContains(t, err, "parse madt: 4 bytes")

	f, err := acpi.Read(fstest.MapFS{})
	require.NoError(t, err, "absence is an answer")
	require.Equal(t, acpi.Facts{}, *f)

	f, err = acpi.Read(fstest.MapFS{dir + "DSDT": file(nil), dir + "SSDT1": file(nil), dir + "dynamic/SSDT2": file(nil)})
	require.NoError(t, err, "tables without a MADT")
	require.Equal(t, acpi.Facts{Present: true, Tables: []string{"DSDT", "SSDT1"}}, *f)

	f, err = acpi.Read(fstest.MapFS{dir + "APIC": file(madt(gicd3))})
	require.NoError(t, err)
	require.Equal(t, acpi.Facts{Present: true, Tables: []string{"APIC"}, MADT: &acpi.MADT{GICVersion: 3}}, *f)
}

// No captured guest runs by ACPI, so the seeds are laid out by hand.
func FuzzParseMADT(f *testing.F) {
	f.Add(madt())
	f.Add(madt(gicd3, gicc0, gicc7, gicr, its))
	f.Add(madt(gicc0, frame))
	f.Add(table("FACP"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Most mutations would end at the checksum: repair it.
		if len(data) >= 36 {
			copy(data, "APIC")
			binary.LittleEndian.PutUint32(data[4:], uint32(len(data)))
			sum(data)
		}
		m, err := acpi.ParseMADT(data)
		if err != nil {
			require.Nil(t, m)
			return
		}
		require.LessOrEqual(t, 40*len(m.CPUs)+24*m.MSIFrames+20*m.ITS, len(data)-44)
		require.LessOrEqual(t, m.GICVersion, 0xff)
	})
}
