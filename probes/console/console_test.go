package console_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/console"
	"vmspec/probes/fdt"
	"vmspec/probes/guest/guesttest"
)

func TestParseConsoles(t *testing.T) {
	tests := map[string]struct {
		text string
		want []console.Console // nil: an error
	}{
		"blank line":           {"\n", nil},
		"name only":            {"ttyAMA0\n", nil},
		"no flags":             {"ttyAMA0 -W- 204:64\n", nil},
		"flags that end late":  {"ttyAMA0 -W- (EC p a\n", nil},
		"flags that begin not": {"ttyAMA0 -W- EC) 4:64\n", nil},
		"one bad of two":       {"hvc0 -W- (EC p  ) 229:0\njunk\n", nil},
		"nothing":              {"", []console.Console{}},
		"flags of no length":   {"hvc0 -W- () 229:0", []console.Console{{Name: "hvc0"}}},
		"two": {"ttyAMA0              -W- (EC p a)  204:64\ntty0                 -WU (E  p  )    4:1\n",
			[]console.Console{{Name: "ttyAMA0", Flags: "ECpa"}, {Name: "tty0", Flags: "Ep"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := console.ParseConsoles(test.text)
			if test.want == nil {
				require.ErrorContains(t, err, "is not a console")
				return
			}
			require.NoError(t, err)
			require.ElementsMatch(t, test.want, got)
		})
	}
}

func FuzzParseConsoles(f *testing.F) {
	for _, files := range guesttest.All(f) {
		text, err := files.ReadFile("proc/consoles")
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Add("hvc0 -W- () 229:0")
	f.Fuzz(func(t *testing.T, text string) {
		consoles, err := console.ParseConsoles(text)
		if err != nil {
			require.Nil(t, consoles)
			return
		}
		require.LessOrEqual(t, len(consoles), strings.Count(text, "\n")+1)
		for _, c := range consoles {
			require.NotEmpty(t, c.Name)
			require.NotContains(t, c.Name+c.Flags, " ")
			require.NotContains(t, c.Flags, ")")
		}
	})
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func link(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }

// machine has terminals of every kind: one of a driver's four that has no
// device, one on PCI, a hypervisor's, and some that are none.
func machine() fstest.MapFS {
	const pci = "sys/devices/pci0000:00/0000:00:03.0/"
	return fstest.MapFS{
		"sys/class/tty/tty0":                             link("../../devices/virtual/tty/tty0"),
		"sys/class/tty/console":                          link("../../devices/virtual/tty/console"),
		"sys/class/tty/hvc0":                             link("../../devices/virtual/tty/hvc0"),
		"sys/class/tty/hvc":                              link("../../devices/virtual/tty/hvc"),
		"sys/class/tty/ttyS0":                            link("../../devices/pci0000:00/0000:00:03.0/tty/ttyS0"),
		"sys/class/tty/ttyS1":                            link("../../devices/platform/serial8250/tty/ttyS1"),
		"sys/class/tty/ttyS2":                            link("../../devices/platform/serial8250/tty/ttyS2"),
		pci + "tty/ttyS0/type":                           file("4\n"),
		pci + "tty/ttyS0/device":                         link("../../../0000:00:03.0"),
		pci + "driver":                                   link("../../../bus/pci/drivers/serial"),
		"sys/devices/platform/serial8250/tty/ttyS1/type": file("0\n"),
		"sys/devices/platform/serial8250/tty/ttyS2/dev":  file("4:66\n"), // of no known type
		"proc/tty/driver/serial":                         file("serinfo:1.0 driver revision:\n0: uart:16550A port:00001000 irq:36 tx:0 rx:0\n1: uart:unknown port:0 irq:0\n"),
		"proc/consoles":                                  file("hvc0 -W- (EC p  ) 229:0\n"),
	}
}

func TestRead(t *testing.T) {
	f, err := console.Read(machine())
	require.NoError(t, err)
	require.Equal(t, &console.Facts{
		Terminals: []console.Terminal{{Name: "hvc0"}, {Name: "ttyS0", Device: "0000:00:03.0", Driver: "serial", UART: "16550A"}},
		Consoles:  []console.Console{{Name: "hvc0", Flags: "ECp"}},
		PortsErr:  "open vmspec/ports: file does not exist",
		InputErr:  "open vmspec/input: file does not exist",
	}, f)
	require.True(t, f.Has("hvc0"))
	require.False(t, f.Has("ttyS1"))
}

func TestReadHidden(t *testing.T) {
	m := machine()
	delete(m, "proc/tty/driver/serial")
	f, err := console.Read(m)
	require.NoError(t, err)
	require.NotEmpty(t, f.Hidden, "an ordinary user may not read it")
	require.Empty(t, f.Terminals[1].UART)
	require.Len(t, f.Terminals, 2, "the terminal is there all the same")
}

func TestReadFaults(t *testing.T) {
	_, err := console.Read(fstest.MapFS{})
	require.ErrorIs(t, err, fs.ErrNotExist, "no ttys at all")
	_, err = console.Read(failingFS{errors.ErrUnsupported})
	require.ErrorIs(t, err, errors.ErrUnsupported)

	m := machine()
	delete(m, "proc/consoles")
	_, err = console.Read(m)
	require.ErrorIs(t, err, fs.ErrNotExist)
	m["proc/consoles"] = file("junk")
	_, err = console.Read(m)
	require.ErrorContains(t, err, "parse proc/consoles")

	m = machine()
	m[fdt.Path] = file("junk")
	_, err = console.Read(m)
	require.NoError(t, err, "a broken tree is another subject's")
}

func TestReadPL011(t *testing.T) {
	for _, name := range []string{"qemu-virt-gicv2", "qemu-virt-uefi-gicv3"} {
		files := guesttest.Open(t, name)
		f, err := console.Read(files)
		require.NoError(t, err)
		require.Equal(t, []console.Terminal{{Name: "ttyAMA0", Device: "9000000.pl011", Driver: "uart-pl011", UART: "PL011 rev1",
			Node: []string{"arm,pl011", "arm,primecell"}}}, f.Terminals)
		require.Equal(t, []console.Console{{Name: "ttyAMA0", Flags: "ECpa"}, {Name: "tty0", Flags: "Ep"}}, f.Consoles)
		require.Empty(t, f.Hidden)
	}
}

func TestReadXen(t *testing.T) {
	f, err := console.Read(guesttest.Open(t, "xen-dom0"))
	require.NoError(t, err)
	require.True(t, f.Has("hvc0"))
	require.False(t, f.Has("ttyAMA0"), "Xen keeps the UART to itself")
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}
