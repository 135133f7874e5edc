package gic_test

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/gic"
	"vmspec/probes/guest/guesttest"
)

func read(t *testing.T, fsys fs.FS) *gic.Facts {
	t.Helper()
	f, err := gic.Read(fsys)
	require.NoError(t, err, "each witness has an error of its own")
	return f
}

func TestReadNoWitness(t *testing.T) {
	f := read(t, fstest.MapFS{})
	for _, w := range []gic.Witness{f.Declared, f.Running, f.Logged} {
		require.Zero(t, w.Version)
		require.Contains(t, w.Err, "file does not exist")
	}

	f = read(t, fstest.MapFS{
		"sys/firmware/acpi/tables/APIC": {Data: []byte("junk")},
		"proc/interrupts":               {Data: []byte("junk")},
		"vmspec/kmsg":                   {Data: []byte("error no /dev/kmsg\n")},
	})
	require.Empty(t, f.Declared.Err, "damage is the platform's, and acpi tells it")
	require.Zero(t, f.Declared.Version)
	require.Contains(t, f.Running.Err, "parse proc/interrupts")
	require.Equal(t, "no /dev/kmsg", f.Logged.Err)
}

func TestReadRunning(t *testing.T) {
	tests := map[string]struct {
		lines   string
		version int
	}{
		"no interrupts":              {"", 0},
		"no GIC":                     {"1: 0 apple-aic 1 Level timer\n", 0},
		"name that only begins so":   {"1: 0 GICx 1 Level timer\n", 0},
		"GIC without a version":      {"1: 0 GICv 1 Level timer\n", 0},
		"GIC only in an action":      {"1: 0 MSI 1 Level GICv3\n", 0},
		"GIC of what is no device's": {"IPI0: 0 GICv3 interrupts\n", 0},
		"MSI before the GIC":         {"1: 0 ITS-MSI 1 Edge x\n2: 0 GICv3 27 Level arch_timer\n", 3},
		"first of several":           {"1: 0 GICv3 1 Level x\n2: 0 GICv2 27 Level y\n", 3},
		"GICv2 without EL2":          {"1: 0 GIC-0 27 Level arch_timer\n", 2},
		"GICv2":                      {"1: 0 GICv2 27 Level arch_timer\n", 2},
		"GICv3":                      {"1: 0 GICv3 27 Level arch_timer\n", 3},
		"GICv4's driver says GICv3":  {"1: 0 GICv3-23 27 Level arch_timer\n", 3},
		"GICv5":                      {"1: 0 GICv5-SPI 27 Level uart\n", 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := read(t, fstest.MapFS{"proc/interrupts": {Data: []byte(" CPU0\n" + test.lines)}})
			require.Empty(t, f.Running.Err)
			require.Equal(t, test.version, f.Running.Version)
			require.Equal(t, test.version != 0, f.Running.Source != "")
			require.Equal(t, strings.Contains(test.lines, " GIC-0 "), f.Running.OrOlder)
		})
	}
}

func TestReadLogged(t *testing.T) {
	tests := map[string]struct {
		log     string
		version int
	}{
		"nothing of a GIC":        {"[    0.000000] Booting Linux\n", 0},
		"message without a time":  {"GICv3: 224 SPIs implemented\n", 0},
		"GIC within a message":    {"[    0.000000] ACPI: GICv3: x\n", 0},
		"features, not the GIC":   {"[    0.000000] GIC physical location is 0x1\n", 0},
		"GICv2's message frames":  {"[    0.000000] GICv2m: range[mem 0x08020000-0x08020fff], SPI[80:143]\n", 2},
		"GICv3":                   {"[    0.000000] GICv3: 224 SPIs implemented\n", 3},
		"GICv5":                   {"[    0.000000] GICv5 IRS: x\n", 5},
		"the first that says one": {"[    0.000000] GICv3: x\n[    0.000000] GICv2m: range\n", 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := read(t, fstest.MapFS{"vmspec/kmsg": {Data: []byte(test.log)}})
			require.Empty(t, f.Logged.Err)
			require.Equal(t, test.version, f.Logged.Version)
		})
	}
}

func TestReadDeclaredByACPI(t *testing.T) {
	// Header, address and flags, GICD of version 3, and an ITS.
	madt := append([]byte("APIC"), make([]byte, 84)...)
	madt[4] = byte(len(madt))
	copy(madt[44:], []byte{0x0c, 24})
	madt[44+20] = 3
	copy(madt[68:], []byte{0x0f, 20})
	var sum byte
	for _, b := range madt {
		sum += b
	}
	madt[9] -= sum
	f := read(t, fstest.MapFS{"sys/firmware/acpi/tables/APIC": {Data: madt}, fdt.Path: {Data: []byte("junk")}})
	require.Equal(t, gic.Witness{Version: 3, Source: "MADT GICD"}, f.Declared, "before the tree")
	require.Equal(t, "ITS", f.MSI)
}

// A GICv3 can have a GICv2m's frames, and then says nothing of version 2.
func TestReadLoggedFrames(t *testing.T) {
	log := []byte("[    0.000000] GICv2m: range[mem 0x08020000-0x08020fff], SPI[80:143]\n")
	f := read(t, fstest.MapFS{"vmspec/kmsg": {Data: log}, "proc/interrupts": {Data: []byte(" CPU0\n1: 0 GICv3 27 Level x\n")}})
	require.Zero(t, f.Logged.Version)
}

// What takes messages, each as its binding has it.
func TestReadMSI(t *testing.T) {
	tests := map[string]struct {
		props []string // name and value
		want  string
	}{
		"ITS":                  {[]string{"compatible", "arm,gic-v3-its\x00", "msi-controller", ""}, "ITS"},
		"ITS without messages": {[]string{"compatible", "arm,gic-v3-its\x00"}, ""},
		"v2m without messages": {[]string{"compatible", "arm,gic-v2m-frame\x00"}, ""},
		"ITS that is disabled": {[]string{"compatible", "arm,gic-v3-its\x00", "msi-controller", "", "status", "disabled\x00"}, ""},
		"ITS of GICv5":         {[]string{"compatible", "arm,gic-v5-its\x00"}, "ITS"},
		"v2m frame":            {[]string{"compatible", "arm,gic-v2m-frame\x00", "msi-controller", ""}, "GICv2m"},
		"message ranges":       {[]string{"compatible", "arm,gic-v3\x00", "msi-controller", "", "mbi-ranges", "\x00\x00\x00\x20\x00\x00\x00\x20"}, "MBI"},
		"no message ranges":    {[]string{"compatible", "arm,gic-v3\x00", "msi-controller", ""}, ""},
		"of a vendor's":        {[]string{"compatible", "acme,msi\x00", "msi-controller", ""}, "an MSI controller"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := &fdt.Node{Name: "n"}
			for i := 0; i < len(test.props); i += 2 {
				fdttest.Set(n, test.props[i], []byte(test.props[i+1]))
			}
			root := &fdt.Node{Children: []*fdt.Node{n}}
			require.Equal(t, test.want, read(t, fstest.MapFS{fdt.Path: {Data: fdttest.Encode(&fdt.Tree{Root: root})}}).MSI)
		})
	}
}

func TestReadCaptured(t *testing.T) {
	f := read(t, guesttest.Open(t, "qemu-virt-gicv2"))
	require.Equal(t, &gic.Facts{
		Declared: gic.Witness{Version: 2, Source: "/intc@8000000 arm,cortex-a15-gic"},
		Running:  gic.Witness{Version: 2, OrOlder: true, Source: "/proc/interrupts GIC-0"},
		Logged:   gic.Witness{Version: 2, Source: "kernel log"},
		MSI:      "GICv2m",
		Chips:    []string{"GIC-0", "MSI"},
	}, f)
	f = read(t, guesttest.Open(t, "qemu-virt-uefi-gicv3"))
	require.Equal(t, []int{3, 3, 3}, []int{f.Declared.Version, f.Running.Version, f.Logged.Version})
	require.Equal(t, "ITS", f.MSI)
}

// One witness changes; the others must not follow.
func TestReadWitnessesDisagree(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-uefi-gicv3")
	tree, err := files.ReadFile(fdt.Path)
	require.NoError(t, err)
	tests := map[string]struct {
		name, content string
		want          []int
	}{
		"no tree":         {fdt.Path, "junk", []int{0, 3, 3}},
		"tree of another": {fdt.Path, string(bytes.ReplaceAll(tree, []byte("arm,gic-v3\x00"), []byte("arm,gic-v9\x00"))), []int{0, 3, 3}},
		"tree of GICv5":   {fdt.Path, string(bytes.ReplaceAll(tree, []byte("arm,gic-v3\x00"), []byte("arm,gic-v5\x00"))), []int{5, 3, 3}},
		"interrupts":      {"proc/interrupts", " CPU0\n1: 0 GICv2 1 Level x\n", []int{3, 2, 3}},
		"log":             {"vmspec/kmsg", "[    0.000000] GICv2m: range", []int{3, 3, 0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := read(t, files.With(map[string][]byte{test.name: []byte(test.content)}))
			require.Equal(t, test.want, []int{f.Declared.Version, f.Running.Version, f.Logged.Version})
		})
	}
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func TestReadErrors(t *testing.T) {
	f := read(t, failingFS{errors.New("input/output error")})
	require.Contains(t, f.Declared.Err, "input/output error")
	require.Contains(t, f.Running.Err, "input/output error")
	require.Contains(t, f.Logged.Err, "input/output error")
}
