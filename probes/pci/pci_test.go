package pci_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/gic"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/pci"
)

// config is a configuration space with a capability list that begins at first;
// bytes sets bytes in it.
func config(size int, first byte, bytes map[int]byte) []byte {
	out := make([]byte, size)
	out[0x06] = 1 << 4 // it has a capability list
	out[0x34] = first
	for at, b := range bytes {
		out[at] = b
	}
	return out
}

// port is a root port with its PCI Express capability at 0x40.
func port(flags uint16, slot uint32) []byte {
	out := config(256, 0x40, map[int]byte{0x40: 0x10})
	binary.LittleEndian.PutUint16(out[0x42:], flags)
	binary.LittleEndian.PutUint32(out[0x54:], slot)
	return out
}

func TestParsePort(t *testing.T) {
	const slotImplemented, hotPlug = 1 << 8, 1 << 6
	none := (*pci.Port)(nil)
	tests := map[string]struct {
		config []byte
		want   *pci.Port
		err    string
	}{
		"empty":                         {nil, none, "0 bytes"},
		"shorter than the header":       {make([]byte, 63), none, "63 bytes"},
		"cut at the header":             {config(64, 0x40, nil), none, "not root"},
		"pointer behind the end":        {config(128, 0x80, nil), none, "capability pointer 0x80"},
		"pointer to the last byte":      {config(65, 0x40, nil), none, "capability pointer 0x40"},
		"pointer into the header":       {config(256, 0x3c, nil), none, "capability pointer 0x3c"},
		"next pointer into the header":  {config(256, 0x40, map[int]byte{0x40: 1, 0x41: 4}), none, "capability pointer 0x4"},
		"capability points to itself":   {config(256, 0x40, map[int]byte{0x40: 1, 0x41: 0x40}), none, "no end"},
		"capabilities in a circle":      {config(256, 0x40, map[int]byte{0x40: 1, 0x41: 0x50, 0x50: 5, 0x51: 0x40}), none, "no end"},
		"express capability cut":        {config(256, 0xf0, map[int]byte{0xf0: 0x10}), none, "is cut"},
		"no capability list":            {make([]byte, 256), none, ""},
		"header only, no list":          {make([]byte, 64), none, ""},
		"list of no length":             {config(256, 0, nil), none, ""},
		"no express capability":         {config(256, 0x40, map[int]byte{0x40: 1}), none, ""},
		"no slot":                       {port(0, hotPlug), none, ""},
		"slot that cannot be plugged":   {port(slotImplemented, ^uint32(hotPlug)), &pci.Port{}, ""},
		"slot that can":                 {port(slotImplemented, hotPlug), &pci.Port{HotPlugCapable: true}, ""},
		"reserved bits of the pointers": {config(256, 0x42, map[int]byte{0x40: 1, 0x41: 0x53, 0x50: 0x10, 0x53: 1, 0x64: hotPlug}), &pci.Port{HotPlugCapable: true}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := pci.ParsePort(test.config)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func FuzzParsePort(f *testing.F) {
	for _, files := range guesttest.All(f) {
		text, err := files.ReadFile("sys/bus/pci/devices/0000:00:01.0/config")
		if errors.Is(err, fs.ErrNotExist) { // a guest without PCI
			continue
		}
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add(port(1<<8, 1<<6))
	f.Add(config(256, 0x40, map[int]byte{0x40: 1, 0x41: 0x40}))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := pci.ParsePort(data)
		if err != nil || got == nil {
			require.Nil(t, got)
			return
		}
		require.Greater(t, len(data), 64)
		require.NotZero(t, data[6]&(1<<4), "a port without a capability list")
	})
}

// machine is a guest with one root port and a device behind it, as sysfs
// shows them.
func machine() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	const root = "sys/devices/pci0000:00/0000:00:01.0/"
	return fstest.MapFS{
		"sys/bus/pci/devices/0000:00:01.0":                 link("../../../devices/pci0000:00/0000:00:01.0"),
		"sys/bus/pci/devices/0001:01:00.0":                 link("../../../devices/pci0000:00/0000:00:01.0/0001:01:00.0"),
		root + "vendor":                                    file("0x1b36\n"),
		root + "device":                                    file("0x000c\n"),
		root + "class":                                     file("0x060400\n"),
		root + "config":                                    file(string(port(1<<8, 1<<6))),
		root + "driver":                                    link("../../../bus/pci/drivers/pcieport"),
		root + "0001:01:00.0/vendor":                       file("0x1af4\n"),
		root + "0001:01:00.0/device":                       file("0x1041\n"),
		root + "0001:01:00.0/class":                        file("0x020000\n"),
		"sys/bus/pci_express/devices/0000:00:01.0:pcie004": link("../../../devices/pci0000:00/0000:00:01.0/0000:00:01.0:pcie004"),
		root + "0000:00:01.0:pcie004/driver":               link("../../../../bus/pci_express/drivers/pciehp"),
		root + "resource":                                  file("0x10200000 0x10200fff 0x40200\n"),
		"proc/iomem":                                       file("10000000-3efeffff : pcie@10000000\n  10200000-10200fff : 0000:00:01.0\n"),
		"proc/interrupts":                                  file("  CPU0 CPU1\n 17: 1 2 ITS-MSI 131072 Edge PCIe PME, aerdrv\n"),
		"sys/bus/pci/slots/0/address":                      file("0001:01:00\n"),
		"sys/bus/pci/slots/0/power":                        file("1\n"),
		"sys/bus/pci/slots/1/address":                      file("0001:02:00\n"),
	}
}

func TestRead(t *testing.T) {
	f, err := pci.Read(machine())
	require.NoError(t, err)
	require.Equal(t, []string{"0000", "0001"}, f.Domains)
	require.Len(t, f.Functions, 2)
	require.Equal(t, pci.Function{Address: "0000:00:01.0", Vendor: 0x1b36, Device: 12, Class: 0x060400, Driver: "pcieport",
		Config: &pci.Config{Capabilities: 1}, Port: &pci.Port{HotPlugCapable: true}, Serving: true,
		BARs: []pci.BAR{{Index: 0, Start: 0x10200000, Size: 0x1000, Placed: true, Claimed: true}}}, f.Functions[0])
	require.Contains(t, f.Functions[1].ResourceErr, "does not exist", "a function of which BARs are unknown")
	require.Equal(t, []gic.Message{{Chip: "ITS-MSI", Count: 3, Users: []string{"PCIe PME", "aerdrv"}}}, f.Messages)
	second := f.Functions[1]
	require.Contains(t, second.ConfigErr, "does not exist", "a config that cannot be read is no missing port")
	require.False(t, second.Serving)
	require.Equal(t, []pci.Slot{{Name: "0", Power: true}, {Name: "1"}}, f.Slots)
}

func TestReadFaults(t *testing.T) {
	const root = "sys/devices/pci0000:00/0000:00:01.0/"
	tests := map[string]struct{ name, content, want string }{
		"vendor is no number": {root + "vendor", "none", "pci function 0000:00:01.0: parse vendor"},
		"device over 32 bits": {root + "device", "0x100000000", "parse device"},
		"class negative":      {root + "class", "-1", "parse class"},
		"class of no length":  {root + "class", "", "parse class"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := machine()
			m[test.name] = &fstest.MapFile{Data: []byte(test.content)}
			_, err := pci.Read(m)
			require.ErrorContains(t, err, test.want)
		})
	}
	m := machine()
	delete(m, root+"vendor")
	_, err := pci.Read(m)
	require.ErrorIs(t, err, fs.ErrNotExist, "vendor is missing")

	m = machine()
	delete(m, root+"0000:00:01.0:pcie004/driver")
	f, err := pci.Read(m)
	require.NoError(t, err)
	require.False(t, f.Functions[0].Serving, "a port that no driver serves")

	m = machine()
	m[root+"0000:00:01.0:pcie004/driver"].Data = []byte("../../../../bus/pci_express/drivers/aer")
	f, err = pci.Read(m)
	require.NoError(t, err)
	require.False(t, f.Functions[0].Serving, "another service of the port")
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func TestReadWithoutPCI(t *testing.T) {
	f, err := pci.Read(fstest.MapFS{})
	require.NoError(t, err, "absence is an answer")
	require.Empty(t, f.Functions)
	eio := errors.New("input/output error")
	_, err = pci.Read(failingFS{eio})
	require.ErrorIs(t, err, eio)
}

func TestReadCaptured(t *testing.T) {
	for _, name := range []string{"qemu-virt-gicv2", "qemu-virt-uefi-gicv3"} {
		files := guesttest.Open(t, name)
		f, err := pci.Read(files)
		require.NoError(t, err)
		require.Equal(t, []string{"0000"}, f.Domains)
		require.Len(t, f.Functions, 3)
		require.Equal(t, "virtio-pci", f.Functions[1].Driver)
		require.EqualValues(t, 0x1af4, f.Functions[1].Vendor)
		for _, fn := range f.Functions {
			require.Empty(t, fn.ConfigErr)
			require.Nil(t, fn.Port)
		}
	}
}
