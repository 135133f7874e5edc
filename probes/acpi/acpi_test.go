package acpi_test

import (
	"bytes"
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
	gicr  = entry(0x0e, 16, nil)
)

// le lays out numbers as little-endian bytes; ints are 32 bits wide.
func le(values ...any) []byte {
	var out []byte
	for _, v := range values {
		switch v := v.(type) {
		case int:
			out = binary.LittleEndian.AppendUint32(out, uint32(v))
		case []byte:
			out = append(out, v...)
		default:
			out, _ = binary.Append(out, binary.LittleEndian, v)
		}
	}
	return out
}

func zeros(n int) []byte { return make([]byte, n) }

// fadt is a FADT of revision 6 with these flags.
func fadt(flags int, arm uint16, minor byte) []byte {
	b := table("FACP", le(zeros(76), flags, zeros(13), arm, minor, zeros(144))...)
	b[8] = 6
	return sum(b)
}

// gtdt is a GTDT of revision 2 whose virtual timer has the flags.
func gtdt(flags, count, offset int, platform ...byte) []byte {
	return table("GTDT", le(zeros(12), 29, 0, 30, 0, 27, flags, 26, 0, zeros(8), count, offset, platform)...)
}

var (
	watchdog = le(uint8(1), uint16(28), zeros(25))
	gtBlock  = le(uint8(0), uint16(60), zeros(57))
	pl011    = le(uint8(0), uint8(32), uint8(0), uint8(3), uint64(0x9000000))
	spcr     = table("SPCR", le(3, pl011, uint16(8), 33, zeros(22))...)
)

// port is a debug port of DBG2 with one register block behind its fixed part.
func port(kind, sub uint16, gas []byte) []byte {
	return le(uint8(0), uint16(22+len(gas)), uint8(1), zeros(8), kind, sub, uint16(0), uint16(22), uint16(0), gas)
}

func dbg2(count int, ports ...[]byte) []byte {
	body := le(44, count)
	for _, p := range ports {
		body = append(body, p...)
	}
	return table("DBG2", body...)
}

func ecam(base uint64, first, last uint8) []byte { return le(base, uint16(0), first, last, 0) }

func pptt(revision byte, nodes ...[]byte) []byte {
	var body []byte
	for _, n := range nodes {
		body = append(body, n...)
	}
	b := table("PPTT", body...)
	b[8] = revision
	return sum(b)
}

func processor(flags, parent int) []byte {
	return le(uint8(0), uint8(20), uint16(0), flags, parent, 0, 0)
}

// parsers are all there are, by their table's signature.
var parsers = map[string]func([]byte) (any, error){
	"APIC": func(b []byte) (any, error) { return result(acpi.ParseMADT(b)) },
	"FACP": func(b []byte) (any, error) { return result(acpi.ParseFADT(b)) },
	"GTDT": func(b []byte) (any, error) { return result(acpi.ParseGTDT(b)) },
	"SPCR": func(b []byte) (any, error) { return result(acpi.ParseSPCR(b)) },
	"DBG2": func(b []byte) (any, error) { return result(acpi.ParseDBG2(b)) },
	"MCFG": func(b []byte) (any, error) { return result(acpi.ParseMCFG(b)) },
	"PPTT": func(b []byte) (any, error) { return result(acpi.ParsePPTT(b)) },
}

// result makes a table that was not parsed a plain nil.
func result[T any](table *T, err error) (any, error) {
	if table == nil {
		return nil, err
	}
	return table, err
}

func TestParseFaults(t *testing.T) {
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
		signature string
		table     []byte
		want      string
	}{
		"empty":                       {"APIC", nil, "0 bytes"},
		"shorter than a header":       {"APIC", madt()[:35], "35 bytes"},
		"another table":               {"APIC", table("FACP"), `signature "FACP"`},
		"length below the header's":   {"APIC", length(35), "length 35"},
		"length over the file's":      {"APIC", length(1000), "length 1000"},
		"length overflows":            {"APIC", length(0xffff_ffff), "length 4294967295"},
		"checksum off":                {"APIC", broken(50, 1), "checksum is off by 0x1"},
		"cut before the first entry":  {"APIC", table("APIC", 0, 0, 0, 0), "truncated: 4 bytes where 8"},
		"entry of one byte":           {"APIC", madt([]byte{0x0b}), "entry 0: truncated"},
		"entry of no length":          {"APIC", madt(its, []byte{0x0b, 0}), "entry 1: length 0"},
		"entry of length one":         {"APIC", madt([]byte{0x0b, 1, 0}), "entry 0: length 1"},
		"entry over the end":          {"APIC", madt([]byte{0x0b, 80, 0}), "entry 0: length 80"},
		"GICC too short":              {"APIC", madt(entry(0x0b, 39, nil)), "entry 0: type 0xb: truncated"},
		"GICD too short":              {"APIC", madt(entry(0x0c, 23, nil)), "type 0xc: truncated"},
		"MSI frame too short":         {"APIC", madt(entry(0x0d, 23, nil)), "type 0xd: truncated"},
		"GICR too short":              {"APIC", madt(entry(0x0e, 15, nil)), "type 0xe: truncated"},
		"ITS too short":               {"APIC", madt(gicc0, entry(0x0f, 19, nil)), "entry 1: type 0xf: truncated"},
		"FADT of ACPI 1":              {"FACP", table("FACP", zeros(80)...), "truncated"},
		"FADT cut before its minor":   {"FACP", table("FACP", zeros(95)...), "truncated"},
		"GTDT cut":                    {"GTDT", table("GTDT", zeros(40)...), "truncated"},
		"GTDT timers in the header":   {"GTDT", gtdt(0, 1, 35, watchdog...), "platform timers at 35"},
		"GTDT timers behind the end":  {"GTDT", gtdt(0, 1, -1<<31), "platform timers: truncated"},
		"GTDT timer of no length":     {"GTDT", gtdt(0, 1, 96, 1, 0, 0), "platform timers: entry 0: length 0"},
		"GTDT counts too many":        {"GTDT", gtdt(0, 2, 96, watchdog...), "2 platform timers, but there are 1"},
		"SPCR of revision 0":          {"SPCR", table("SPCR", zeros(20)...), "truncated"},
		"DBG2 without a count":        {"DBG2", table("DBG2", le(44)...), "truncated"},
		"DBG2 ports in the header":    {"DBG2", table("DBG2", le(8, 1)...), "debug ports at 8"},
		"DBG2 ports behind the end":   {"DBG2", table("DBG2", le(-1, 1)...), "debug port 0: truncated"},
		"DBG2 of four billion ports":  {"DBG2", dbg2(-1), "debug port 0: truncated"},
		"DBG2 counts too many":        {"DBG2", dbg2(2, port(0x8000, 3, pl011)), "debug port 1: truncated"},
		"DBG2 port of no length":      {"DBG2", dbg2(1, le(uint8(0), uint16(0), zeros(40))), "debug port 0: length 0"},
		"DBG2 port over the end":      {"DBG2", dbg2(1, le(uint8(0), uint16(900), zeros(40))), "debug port 0: length 900"},
		"DBG2 registers over the end": {"DBG2", dbg2(1, port(0x8000, 3, pl011[:8])), "debug port 0: truncated"},
		"MCFG cut":                    {"MCFG", table("MCFG", zeros(7)...), "truncated"},
		"MCFG entry cut":              {"MCFG", table("MCFG", le(zeros(8), ecam(1, 0, 1), zeros(15))...), "entry 1: truncated"},
		"MCFG of no bus":              {"MCFG", table("MCFG", le(zeros(8), ecam(1, 2, 1))...), "entry 0: buses 2 to 1"},
		"PPTT node too short":         {"PPTT", pptt(2, le(uint8(0), uint8(19), zeros(17))), "entry 0: type 0x0: truncated"},
		"PPTT cache too short":        {"PPTT", pptt(2, le(uint8(1), uint8(23), zeros(21))), "entry 0: type 0x1: truncated"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parsers[test.signature](test.table)
			require.ErrorContains(t, err, test.want)
		})
	}
}

// What could be read of a damaged table is there.
func TestParseWhatIsLeft(t *testing.T) {
	wrong := func(b []byte) []byte { b[9]++; return b }
	tests := map[string]struct {
		signature string
		table     []byte
		want      any
	}{
		"another table":           {"APIC", table("FACP"), nil},
		"MADT, checksum off":      {"APIC", wrong(madt(gicd3, gicc0)), &acpi.MADT{GICVersion: 3, CPUs: []acpi.GICC{{Enabled: true}}}},
		"FADT, checksum off":      {"FACP", wrong(fadt(1<<20, 3, 3)), &acpi.FADT{Major: 6, Minor: 3, HardwareReduced: true, PSCI: true, HVC: true}},
		"GTDT, checksum off":      {"GTDT", wrong(gtdt(0, 0, 0)), &acpi.GTDT{Secure: 29, Physical: 30, Virtual: 27, Hypervisor: 26}},
		"SPCR, checksum off":      {"SPCR", wrong(bytes.Clone(spcr)), &acpi.SPCR{Serial: acpi.Serial{Type: "PL011", Address: 0x9000000}, GSIV: 33}},
		"a CPU that is too short": {"APIC", madt(gicc0, entry(0x0b, 39, nil), gicd3), &acpi.MADT{GICVersion: 3, CPUs: []acpi.GICC{{Enabled: true}}}},
		"an entry of no length":   {"APIC", madt(gicc0, []byte{0x0b, 0}, gicd3), &acpi.MADT{CPUs: []acpi.GICC{{Enabled: true}}}},
		"a second space cut":      {"MCFG", table("MCFG", le(zeros(8), ecam(1, 0, 1), zeros(15))...), &acpi.MCFG{Spaces: []acpi.ConfigSpace{{Base: 1, Last: 1}}}},
		"a FADT too short":        {"FACP", table("FACP", zeros(80)...), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parsers[test.signature](test.table)
			require.Error(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestParse(t *testing.T) {
	const leaf, pkg = 1 << 3, 1 << 0
	tests := map[string]struct {
		signature string
		table     []byte
		want      any
	}{
		"no entries":        {"APIC", madt(), &acpi.MADT{}},
		"unknown entries":   {"APIC", madt(entry(0xff, 2, nil)), &acpi.MADT{}},
		"junk behind it":    {"APIC", append(madt(gicd3), 1, 2, 3), &acpi.MADT{GICVersion: 3}},
		"GICv2 with frames": {"APIC", madt(gicc0, frame, frame), &acpi.MADT{CPUs: []acpi.GICC{{Enabled: true}}, MSIFrames: 2}},
		"GICv3 with an ITS": {"APIC", madt(gicd3, gicc0, gicc7, gicr, its),
			&acpi.MADT{GICVersion: 3, CPUs: []acpi.GICC{{Enabled: true}, {UID: 7}}, Redistributors: 1, ITS: 1}},
		"CPUs that may come":            {"APIC", madt(gicc0, entry(0x0b, 80, map[int]byte{12: 8})), &acpi.MADT{CPUs: []acpi.GICC{{Enabled: true}, {OnlineCapable: true}}}},
		"GICv5":                         {"APIC", madt(entry(0x1c, 2, nil), entry(0x1d, 2, nil)), &acpi.MADT{GICVersion: 5, ITS: 1}},
		"a timer of a new kind":         {"GTDT", gtdt(0, 1, 96, 9, 3, 0), &acpi.GTDT{Secure: 29, Physical: 30, Virtual: 27, Hypervisor: 26}},
		"reduced hardware, PSCI by HVC": {"FACP", fadt(1<<20, 3, 3), &acpi.FADT{Major: 6, Minor: 3, HardwareReduced: true, PSCI: true, HVC: true}},
		"a PC":                          {"FACP", fadt(0, 0, 0x15), &acpi.FADT{Major: 6, Minor: 5}},
		"timers":                        {"GTDT", gtdt(0, 0, 0), &acpi.GTDT{Secure: 29, Physical: 30, Virtual: 27, Hypervisor: 26}},
		"an always-on timer with platform timers": {"GTDT", gtdt(4, 2, 96, append(watchdog, gtBlock...)...),
			&acpi.GTDT{Secure: 29, Physical: 30, Virtual: 27, Hypervisor: 26, AlwaysOn: true, Watchdogs: 1, MemoryTimers: 1}},
		"a PL011":         {"SPCR", spcr, &acpi.SPCR{Serial: acpi.Serial{Type: "PL011", Address: 0x9000000}, GSIV: 33}},
		"a strange port":  {"SPCR", table("SPCR", le(0x63, zeros(40))...), &acpi.SPCR{Serial: acpi.Serial{Type: "type 0x63"}}},
		"no debug port":   {"DBG2", dbg2(0), &acpi.DBG2{}},
		"two debug ports": {"DBG2", dbg2(2, port(0x8003, 0, pl011), port(0x8000, 0xe, pl011)), &acpi.DBG2{Others: 1, Serial: []acpi.Serial{{Type: "SBSA UART", Address: 0x9000000}}}},
		"no ECAM":         {"MCFG", table("MCFG", zeros(8)...), &acpi.MCFG{}},
		"ECAM":            {"MCFG", table("MCFG", le(zeros(8), ecam(0x4010000000, 0, 255))...), &acpi.MCFG{Spaces: []acpi.ConfigSpace{{Base: 0x4010000000, Last: 255}}}},
		"flagged leaves":  {"PPTT", pptt(2, processor(pkg, 0), processor(leaf, 36), processor(leaf, 36)), &acpi.PPTT{CPUs: 2, Packages: 1}},
		"leaves by what has no child": {"PPTT", pptt(1, processor(pkg, 0), processor(0, 36), processor(0, 36), le(uint8(1), uint8(24), zeros(22))),
			&acpi.PPTT{CPUs: 2, Packages: 1, Caches: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parsers[test.signature](test.table)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestConsole(t *testing.T) {
	uart := acpi.Serial{Type: "PL011", Address: 0x9000000}
	require.Empty(t, (&acpi.Facts{DBG2: &acpi.DBG2{}}).Console())
	require.Equal(t, "DBG2: PL011 at 0x9000000", (&acpi.Facts{DBG2: &acpi.DBG2{Serial: []acpi.Serial{uart}}}).Console())
	require.Equal(t, "SPCR: PL011 at 0x9000000", (&acpi.Facts{SPCR: &acpi.SPCR{Serial: uart}, DBG2: &acpi.DBG2{}}).Console())
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

	f, err := acpi.Read(fstest.MapFS{})
	require.NoError(t, err, "absence is an answer")
	require.Equal(t, acpi.Facts{}, *f)

	f, err = acpi.Read(fstest.MapFS{dir + "DSDT": file(nil), dir + "SSDT1": file(nil), dir + "dynamic/SSDT2": file(nil)})
	require.NoError(t, err, "one table's damage costs no other")
	require.Equal(t, []string{"DSDT", "SSDT1"}, f.Tables)
	require.Equal(t, map[string]string{"DSDT": "0 bytes, a header has 36"}, f.Damaged)

	f, err = acpi.Read(fstest.MapFS{dir + "APIC": file(madt(gicd3)), dir + "DSDT": file(table("DSDT", 1, 2))})
	require.NoError(t, err)
	require.Equal(t, []string{"APIC", "DSDT"}, f.Tables)
	require.Equal(t, &acpi.MADT{GICVersion: 3}, f.MADT)
	require.Equal(t, &acpi.Header{OEM: " "}, f.DSDT)
	require.Empty(t, f.Damaged)
	require.Nil(t, f.SPCR)
}

// FuzzTables gives the same bytes to every parser, each with its own signature
// and a right checksum: most mutations would end there.
func FuzzTables(f *testing.F) {
	for _, seed := range [][]byte{
		madt(gicd3, gicc0, gicc7, gicr, its), madt(gicc0, frame), fadt(1<<20, 3, 3), gtdt(4, 2, 96, append(watchdog, gtBlock...)...), spcr,
		dbg2(2, port(0x8003, 0, pl011), port(0x8000, 0xe, pl011)), table("MCFG", le(zeros(8), ecam(0x4010000000, 0, 255))...),
		pptt(2, processor(1, 0), processor(8, 36)),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for signature, parse := range parsers {
			if len(data) >= 36 {
				copy(data, signature)
				binary.LittleEndian.PutUint32(data[4:], uint32(len(data)))
				sum(data)
			}
			got, err := parse(data)
			if got == nil {
				require.Error(t, err)
				continue
			}
			if err == nil {
				require.LessOrEqual(t, held(got), len(data)-36)
			}
		}
	})
}

// held is the least number of bytes in which a table can say what was read.
func held(table any) int {
	switch m := table.(type) {
	case *acpi.MADT:
		return 8 + 40*len(m.CPUs) + 24*m.MSIFrames + 16*m.Redistributors + 2*m.ITS
	case *acpi.GTDT:
		return 60 + 3*(m.Watchdogs+m.MemoryTimers)
	case *acpi.DBG2:
		return 8 + 22*(len(m.Serial)+m.Others)
	case *acpi.MCFG:
		return 8 + 16*len(m.Spaces)
	case *acpi.PPTT:
		return 20*m.CPUs + 24*m.Caches
	}
	return 44
}

// The CPU that boots needs nobody to start it, and may be any.
func TestForPSCI(t *testing.T) {
	on, off, capable, parked := acpi.GICC{Enabled: true}, acpi.GICC{}, acpi.GICC{OnlineCapable: true}, acpi.GICC{Enabled: true, Parked: true}
	for _, test := range []struct {
		cpus []acpi.GICC
		want int
	}{
		{nil, 0}, {[]acpi.GICC{on}, 0}, {[]acpi.GICC{on, off, off}, 0}, {[]acpi.GICC{off, on, on}, 1},
		{[]acpi.GICC{on, capable}, 1}, {[]acpi.GICC{on, parked}, 0}, {[]acpi.GICC{parked, parked}, 0}, {[]acpi.GICC{parked, on, on}, 1},
	} {
		require.Equal(t, test.want, (&acpi.MADT{CPUs: test.cpus}).ForPSCI(), test.cpus)
	}
}
