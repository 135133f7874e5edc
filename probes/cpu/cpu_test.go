package cpu_test

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/cpu"
	"vmspec/probes/fdt"
	"vmspec/probes/guest"
	"vmspec/probes/guest/guesttest"
)

const (
	four = "qemu-virt-uefi-gicv3" // it has four CPUs
	one  = "qemu-virt-gicv2"
)

func TestParseList(t *testing.T) {
	tests := map[string]struct {
		text string
		want []int
		bad  bool
	}{
		"word":              {"all", nil, true},
		"negative":          {"-1", nil, true},
		"range without end": {"1-", nil, true},
		"range of three":    {"1-2-3", nil, true},
		"range backwards":   {"3-1", nil, true},
		"space within":      {"0, 1", nil, true},
		"over the limit":    {"4096", nil, true},
		"overflow":          {"18446744073709551616", nil, true},
		"too many":          {"0-4095,0-4095,0", nil, true},
		"empty":             {"", nil, false},
		"newline only":      {"\n", nil, false},
		"one":               {"0\n", []int{0}, false},
		"highest":           {"4095", []int{4095}, false},
		"range of one":      {"2-2", []int{2}, false},
		"ranges":            {"0-2,5,7-8\n", []int{0, 1, 2, 5, 7, 8}, false},
		"comma too many":    {",0,,1,", []int{0, 1}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := cpu.ParseList(test.text)
			if test.bad {
				require.ErrorContains(t, err, "is not a list of CPUs")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func FuzzParseList(f *testing.F) {
	for _, name := range []string{one, four} {
		text, err := guesttest.Open(f, name).ReadFile("sys/devices/system/cpu/online")
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Add("0-2,5,7-8")
	f.Add("0-4095,0-4095,0-4095")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := cpu.ParseList(text)
		if err != nil {
			require.Nil(t, list)
			return
		}
		require.LessOrEqual(t, len(list), 2<<12)
		for _, n := range list {
			require.GreaterOrEqual(t, n, 0)
			require.Less(t, n, 1<<12)
		}
	})
}

func TestRead(t *testing.T) {
	f, err := cpu.Read(guesttest.Open(t, four))
	require.NoError(t, err)
	all := []int{0, 1, 2, 3}
	declared := []cpu.Declared{
		{Name: "/cpus/cpu@0", EnableMethod: "psci", Enabled: true}, {Name: "/cpus/cpu@1", EnableMethod: "psci", Enabled: true},
		{Name: "/cpus/cpu@2", EnableMethod: "psci", Enabled: true}, {Name: "/cpus/cpu@3", EnableMethod: "psci", Enabled: true},
	}
	require.Equal(t, &cpu.Facts{Declared: declared, Source: "fdt", Possible: all, Present: all, Online: all, Most: 256,
		Identity: cpu.Identity{Models: []string{"0x41 0xd07 r1p0"}, Whole: true},
		Level:    cpu.Level{Started: "EL1", Said: "CPU: All CPU(s) started at EL1", Whole: true},
		Offline:  cpu.Offline{Err: "open vmspec/offline: not captured"}}, f)
}

func TestReadFaults(t *testing.T) {
	const dir = "sys/devices/system/cpu/"
	tests := map[string]struct{ name, content, want string }{
		"possible is no list":     {dir + "possible", "x", "parse sys/devices/system/cpu/possible"},
		"present is no list":      {dir + "present", "x", "parse sys/devices/system/cpu/present"},
		"online is no list":       {dir + "online", "x", "parse sys/devices/system/cpu/online"},
		"kernel_max is no number": {dir + "kernel_max", "x", `kernel_max: "x" is not a number`},
		"kernel_max over 16 bits": {dir + "kernel_max", "65536", "kernel_max"},
		"kernel_max of no length": {dir + "kernel_max", "", "kernel_max"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := cpu.Read(guesttest.Open(t, one).With(map[string][]byte{test.name: []byte(test.content)}))
			require.ErrorContains(t, err, test.want)
		})
	}
	for _, name := range []string{dir + "possible", dir + "present", dir + "online", dir + "kernel_max"} {
		_, err := cpu.Read(guesttest.Open(t, one).With(map[string][]byte{name: nil}))
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
}

func TestReadDeclaredFaults(t *testing.T) {
	files := guesttest.Open(t, one)
	for name, change := range map[string]map[string][]byte{
		"file does not exist": {fdt.Path: nil},
		"":                    {fdt.Path: []byte("junk")},                        // damage is told by the description's own subject
		" ":                   {"sys/firmware/acpi/tables/APIC": []byte("junk")}, // not silently the tree
	} {
		f, err := cpu.Read(files.With(change))
		require.NoError(t, err, "what Linux brought up is known")
		require.Contains(t, f.DeclaredErr, strings.TrimSpace(name))
		require.Equal(t, strings.TrimSpace(name) == "", f.DeclaredErr == "")
		require.Empty(t, f.Declared)
		require.Equal(t, []int{0}, f.Online)
	}
}

// CPUs that may be enabled later are no fault while they are offline.
func TestReadOnlineCapable(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-acpi")
	f, err := cpu.Read(files)
	require.NoError(t, err)
	require.Zero(t, f.OnlineCapable())
	require.Empty(t, f.Down())
	f.Present, f.Online = []int{0, 1, 2}, []int{0}
	require.Equal(t, []int{1, 2}, f.Down(), "an older kernel")
	f.Ready = []int{0, 1}
	require.Equal(t, []int{1}, f.Down())
}

// A report says the same each time: of several faults, always one.
func TestReadErrorIsTheSame(t *testing.T) {
	_, first := cpu.Read(fstest.MapFS{})
	require.ErrorIs(t, first, fs.ErrNotExist)
	for range 32 {
		_, err := cpu.Read(fstest.MapFS{})
		require.EqualError(t, err, first.Error())
	}
}

// edited is a captured guest with its tree changed, byte for byte: each first
// of a pair becomes the second.
func edited(t *testing.T, name string, pairs ...string) *guest.FS {
	t.Helper()
	files := guesttest.Open(t, name)
	tree, err := files.ReadFile(fdt.Path)
	require.NoError(t, err)
	for pair := range slices.Chunk(pairs, 2) {
		require.Contains(t, string(tree), pair[0])
		tree = bytes.ReplaceAll(tree, []byte(pair[0]), []byte(pair[1]))
	}
	return files.With(map[string][]byte{fdt.Path: tree})
}

func TestReadTree(t *testing.T) {
	f, err := cpu.Read(edited(t, one, "cpus\x00", "spuc\x00"))
	require.NoError(t, err)
	require.Empty(t, f.Declared, "no /cpus")
	f, err = cpu.Read(edited(t, one, "device_type\x00", "device_tyyp\x00"))
	require.NoError(t, err)
	require.Len(t, f.Declared, 1, "by its name")
	f, err = cpu.Read(edited(t, one, "device_type\x00", "device_tyyp\x00", "cpu@0\x00", "cpx@0\x00"))
	require.NoError(t, err)
	require.Empty(t, f.Declared, "no node is a CPU")
}

// Linux counts a CPU that is disabled, as one that waits to be started.
func TestReadTreeStatus(t *testing.T) {
	tests := map[string]struct {
		status string // of as many bytes as the property it replaces, "psci"
		want   bool
	}{
		"failed":   {"fail", false},
		"disabled": {"disa", true},
		"okay":     {"okay", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := cpu.Read(edited(t, four, "enable-method\x00", "status\x00unused\x00", "psci\x00", test.status+"\x00"))
			require.NoError(t, err)
			require.Len(t, f.Declared, 4)
			require.Equal(t, test.want, f.Declared[0].Enabled)
			require.Equal(t, test.want, f.Enabled() == 4)
		})
	}
}

func TestReadACPI(t *testing.T) {
	// Header, address and flags, an enabled GICC with UID 5.
	madt := append([]byte("APIC"), make([]byte, 40+40)...)
	madt[4] = byte(len(madt))
	copy(madt[44:], []byte{0x0b, 40})
	madt[44+8], madt[44+12] = 5, 1
	var sum byte
	for _, b := range madt {
		sum += b
	}
	madt[9] -= sum
	files := guesttest.Open(t, one).With(map[string][]byte{"sys/firmware/acpi/tables/APIC": madt})
	f, err := cpu.Read(files)
	require.NoError(t, err)
	require.Equal(t, "acpi", f.Source)
	require.Equal(t, []cpu.Declared{{Name: "GICC 5", EnableMethod: "psci", Enabled: true}}, f.Declared)
}

func TestReadPSCI(t *testing.T) {
	p, err := cpu.ReadPSCI(guesttest.Open(t, one))
	require.NoError(t, err)
	require.Equal(t, &cpu.PSCI{Version: "1.1", Whole: true, SMCCC: "1.0", Node: "/psci", Method: "hvc", Asked: true, Functions: []string{"MIGRATE_INFO_TYPE"}}, p)

	p, err = cpu.ReadPSCI(edited(t, one, "arm,psci", "arm,psch"))
	require.NoError(t, err)
	require.Equal(t, &cpu.PSCI{Version: "1.1", Whole: true, SMCCC: "1.0", Asked: true, Functions: []string{"MIGRATE_INFO_TYPE"}}, p, "no node")
}

func TestReadPSCIWitnesses(t *testing.T) {
	const debugfs = "sys/kernel/debug/psci"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tests := map[string]struct {
		files fstest.MapFS
		want  cpu.PSCI
	}{
		"neither says anything":   {fstest.MapFS{debugfs: file(""), "vmspec/kmsg": file("")}, cpu.PSCI{Whole: true}},
		"no version":              {fstest.MapFS{debugfs: file("PSCIv1\nPSCI 1.1\n")}, cpu.PSCI{Whole: true}},
		"log without its start":   {fstest.MapFS{"vmspec/kmsg": file("[    9.000000] x\n")}, cpu.PSCI{}},
		"log from its start":      {fstest.MapFS{"vmspec/kmsg": file("[    0.000000] x\n")}, cpu.PSCI{Whole: true}},
		"debugfs of the 1st ABI":  {fstest.MapFS{debugfs: file("PSCI v0.1\n")}, cpu.PSCI{Version: "0.1", Whole: true}},
		"an error in place of it": {fstest.MapFS{debugfs: file("PSCIv65535.65535\n")}, cpu.PSCI{Version: "65535.65535", Whole: true, Refused: "-1 NOT_SUPPORTED"}},
		"an error the next time":  {fstest.MapFS{debugfs: file("PSCIv1.1\n"), "vmspec/kmsg": file("psci: PSCIv65535.65533 detected\n")}, cpu.PSCI{Version: "1.1", Whole: true, Refused: "-3 DENIED"}},
		"an error of no name":     {fstest.MapFS{debugfs: file("PSCIv32768.0\n")}, cpu.PSCI{Version: "32768.0", Whole: true, Refused: "-2147483648"}},
		"a large version":         {fstest.MapFS{debugfs: file("PSCIv32767.65535\n")}, cpu.PSCI{Version: "32767.65535", Whole: true}},
		"only debugfs":            {fstest.MapFS{debugfs: file("PSCIv1.3\nSMC Calling Convention v1.2\n")}, cpu.PSCI{Version: "1.3", Whole: true, SMCCC: "1.2"}},
		"only the log":            {fstest.MapFS{"vmspec/kmsg": file("[    0.000000] psci: PSCIv0.2 detected in firmware.\n")}, cpu.PSCI{Version: "0.2", Whole: true}},
		"debugfs first":           {fstest.MapFS{debugfs: file("PSCIv1.1\n"), "vmspec/kmsg": file("psci: PSCIv0.2\n")}, cpu.PSCI{Version: "1.1", Whole: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := cpu.ReadPSCI(test.files)
			require.NoError(t, err)
			require.Equal(t, test.want, *p)
		})
	}
	_, err := cpu.ReadPSCI(fstest.MapFS{})
	require.ErrorIs(t, err, fs.ErrNotExist, "without a witness nothing is known")
	_, err = cpu.ReadPSCI(fstest.MapFS{"vmspec/kmsg": file("error no log\n")})
	require.ErrorContains(t, err, "no log")
	p, err := cpu.ReadPSCI(fstest.MapFS{fdt.Path: file("junk"), debugfs: file("PSCIv1.1\n")})
	require.NoError(t, err, "the tree's damage is no error")
	require.Equal(t, "1.1", p.Version)
	_, err = cpu.ReadPSCI(failingFS{errors.New("input/output error")})
	require.True(t, err != nil && strings.Contains(err.Error(), "input/output error"))
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}
