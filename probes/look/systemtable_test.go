package look

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/efi"
	"vmspec/probes/fdt"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/note"
)

// ram is a piece of physical memory that may be read.
type ram struct {
	start uint64
	data  []byte
}

func (m ram) read(address uint64, size int) ([]byte, error) {
	if address < m.start || address-m.start > uint64(len(m.data)) || uint64(size) > uint64(len(m.data))-(address-m.start) {
		return nil, fmt.Errorf("%#x is not in memory reserved by the kernel", address)
	}
	return m.data[address-m.start:][:size], nil
}

// firmware is memory with a system table at its start of two configuration
// tables, after which change changes it.
func firmware(change func(table []byte)) ram {
	m := ram{start: 0x5fd0_0000, data: make([]byte, 4096)}
	le := binary.LittleEndian
	copy(m.data, "IBI SYST")
	le.PutUint32(m.data[8:], 2<<16|70)
	le.PutUint32(m.data[12:], 120)           // the header's size field has the table's
	le.PutUint64(m.data[24:], m.start+0x200) // vendor
	le.PutUint64(m.data[104:], 2)
	le.PutUint64(m.data[112:], m.start+0x400) // configuration tables
	for i, unit := range []byte("EDK II") {
		m.data[0x200+2*i] = unit
	}
	copy(m.data[0x400:], []byte{0xd5, 0x21, 0xb6, 0xb1, 0x9c, 0xf1, 0xa5, 0x41, 0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0})
	le.PutUint64(m.data[0x410:], 0x47ef_6000)
	le.PutUint64(m.data[0x428:], 0x5fed_0000)
	change(m.data)
	return m
}

func TestReadSystemTable(t *testing.T) {
	put := func(at int, value uint64) func([]byte) {
		return func(table []byte) { binary.LittleEndian.PutUint64(table[at:], value) }
	}
	const revision, vendor = "revision 0x20046\n", "vendor \"EDK II\"\n"
	const tables = "table b1b621d5-f19c-41a5-830b-d9152c69aae0 0x47ef6000\ntable 00000000-0000-0000-0000-000000000000 0x5fed0000\n"
	tests := map[string]struct {
		change    func([]byte)
		want, err string
	}{
		"wrong signature":             {func(b []byte) { b[0] = 'X' }, "", `signature "XBI SYST"`},
		"boot services' signature":    {func(b []byte) { copy(b, "BOOTSERV") }, "", "signature"},
		"32-bit firmware's":           {func(b []byte) { b[12] = 72 }, "", "72 bytes, want 120"},
		"too many tables":             {put(104, maxConfigTables+1), revision + vendor, "129 configuration tables"},
		"as many tables as there can": {put(104, ^uint64(0)), revision + vendor, "18446744073709551615 configuration tables"},
		"tables outside":              {put(112, 0x1000), revision + vendor, "configuration table: 0x1000 is not in memory reserved"},
		"tables run out":              {put(112, 0x5fd0_0fff), revision + vendor, "configuration table"},
		"vendor outside":              {put(24, 0x900_0000), revision + tables, ""}, // a device may be there
		"vendor without end": {func(b []byte) { copy(b[0x200:], strings.Repeat("v\x00", 100)) },
			revision + `vendor "` + strings.Repeat("v", maxVendor) + "\"\n" + tables, ""},
		"vendor that writes lines": {func(b []byte) { copy(b[0x200:], "\n\x00t\x00\x00\x00") }, revision + "vendor \"\\nt\"\n" + tables, ""},
		"vendor of half a pair":    {func(b []byte) { copy(b[0x200:], "\x00\xd8\x00\x00") }, revision + "vendor \"\ufffd\"\n" + tables, ""},
		"no tables":                {func(b []byte) { put(104, 0)(b); put(112, 0)(b) }, revision + vendor, ""},
		"good":                     {func([]byte) {}, revision + vendor + tables, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := firmware(test.change)
			var n efi.TableNote
			err := readSystemTable(m.read, m.start, &n)
			require.Equal(t, test.want, string(note.Text(&n)))
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.err)
		})
	}
	m := firmware(func([]byte) {})
	require.ErrorContains(t, readSystemTable(m.read, 0, &efi.TableNote{}), "system table: 0x0 is not in memory reserved")
}

func TestSystemTableFaults(t *testing.T) {
	text, err := guesttest.Open(t, "qemu-virt-uefi-gicv3").ReadFile(fdt.Path)
	require.NoError(t, err)
	renamed := strings.Replace(string(text), "linux,uefi-system-table", "linux,uefi-system-tabel", 1)
	require.NotEqual(t, string(text), renamed)
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tests := map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"no tree":           {fstest.MapFS{}, "sys/firmware/fdt: file does not exist"},
		"broken tree":       {fstest.MapFS{fdt.Path: file("junk")}, "could be read of the device tree: header: 4 bytes"},
		"not by the stub":   {fstest.MapFS{fdt.Path: file(renamed)}, "no /chosen/linux,uefi-system-table"},
		"memory unknown":    {fstest.MapFS{fdt.Path: file(string(text))}, "proc/iomem: file does not exist"},
		"memory hidden":     {fstest.MapFS{fdt.Path: file(string(text)), "proc/iomem": file("00000000-00000000 : reserved\n")}, "hidden"},
		"table in free RAM": {fstest.MapFS{fdt.Path: file(string(text)), "proc/iomem": file("40000000-5fffffff : System RAM\n")}, "system table: 0x5ffd0018 is not in memory reserved"},
		"table runs out":    {fstest.MapFS{fdt.Path: file(string(text)), "proc/iomem": file("5ffd0000-5ffd0020 : reserved\n")}, "system table: 0x5ffd0018 is not in memory reserved"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, SystemTable(test.files, &efi.TableNote{}), test.want)
		})
	}
}
