package virtio_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/virtio"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func link(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }

// machine is a guest with one device, at that place below sys/devices.
func machine(place string) (files fstest.MapFS, dir string) {
	dir = "sys/devices/" + place + "/"
	return fstest.MapFS{
		"sys/bus/virtio/devices/virtio0": link("../../../devices/" + place),
		dir + "device":                   file("0x0001\n"),
		dir + "status":                   file("0x0000000f\n"),
		dir + "features":                 file(strings.Repeat("0", 64) + "\n"),
		dir + "driver":                   link("../../../bus/virtio/drivers/virtio_net"),
	}, dir
}

func TestReadFaults(t *testing.T) {
	tests := map[string]struct{ name, content, want string }{
		"device is no number": {"device", "net", "virtio device virtio0: parse"},
		"device over 16 bits": {"device", "0x10000", "parse"},
		"device of no length": {"device", "", "parse"},
		"device missing":      {"device", "-", "does not exist"},
		"status negative":     {"status", "-1", "parse"},
		"status missing":      {"status", "-", "does not exist"},
		"features missing":    {"features", "-", "does not exist"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files, dir := machine("a000000.virtio_mmio/virtio0")
			files[dir+test.name] = file(test.content)
			if test.content == "-" {
				delete(files, dir+test.name)
			}
			_, err := virtio.Read(files)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := virtio.Read(failingFS{errors.ErrUnsupported})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	devices, err := virtio.Read(fstest.MapFS{})
	require.NoError(t, err, "a kernel without the bus has none")
	require.Empty(t, devices)
}

// VIRTIO_F_VERSION_1 is bit 32, the 33rd character.
func TestReadFeatures(t *testing.T) {
	bit := func(at, length int) string {
		b := []byte(strings.Repeat("0", length) + "\n")
		b[at] = '1'
		return string(b)
	}
	tests := map[string]struct {
		features string
		modern   bool
	}{
		"empty":               {"", false},
		"one character short": {strings.Repeat("1", 32), false},
		"bit 31 of 64":        {bit(31, 64), false},
		"bit 33 of 64":        {bit(33, 64), false},
		"bit 32 of 64":        {bit(32, 64), true},
		"bit 95 of 128":       {bit(95, 128), false},
		"bit 32 of 128":       {bit(32, 128), true}, // as Linux writes since 6.16
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files, dir := machine("a000000.virtio_mmio/virtio0")
			files[dir+"features"] = file(test.features)
			devices, err := virtio.Read(files)
			require.NoError(t, err)
			require.Equal(t, []virtio.Device{{Name: "virtio0", ID: virtio.Net, Transport: "mmio", Driver: "virtio_net", Status: 15, Modern: test.modern,
				Features: strings.TrimRight(test.features, "0\n")}}, devices)
		})
	}
}

func TestReadTransport(t *testing.T) {
	tests := map[string]struct{ place, want string }{
		"unknown bus":       {"css0/0.0.0001/virtio0", ""},
		"mmio by the tree":  {"platform/a003e00.virtio_mmio/virtio0", "mmio"},
		"mmio by parameter": {"platform/virtio-mmio.0/virtio0", "mmio"},
		"mmio by ACPI":      {"platform/LNRO0005:00/virtio0", "mmio"},
		"PCI":               {"platform/4010000000.pcie/pci0000:00/0000:00:01.0/virtio0", "pci"},
		"PCI by ACPI":       {"pci0000:00/0000:00:01.0/virtio0", "pci"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files, dir := machine(test.place)
			delete(files, dir+"driver")
			devices, err := virtio.Read(files)
			require.NoError(t, err)
			require.Len(t, devices, 1)
			require.Equal(t, test.want, devices[0].Transport)
			require.Empty(t, devices[0].Driver)
		})
	}
}

func TestHas(t *testing.T) {
	d := virtio.Device{Features: "01x"}
	require.Equal(t, []bool{false, true, false, false}, []bool{d.Has(0), d.Has(1), d.Has(2), d.Has(3)})
}

func TestString(t *testing.T) {
	require.Equal(t, "virtio-block on pci", virtio.Device{ID: virtio.Block, Transport: "pci"}.String())
	require.Equal(t, "virtio-device 99 on mmio", virtio.Device{ID: 99, Transport: "mmio"}.String())
}

func TestReadCaptured(t *testing.T) {
	devices, err := virtio.Read(guesttest.Open(t, "qemu-virt-gicv2"))
	require.NoError(t, err)
	require.Equal(t, []virtio.Device{
		{Name: "virtio0", ID: virtio.Entropy, Transport: "pci", Driver: "virtio_rng", Status: 15, Modern: true,
			Features: strings.Repeat("0", 28) + "1100100000001", Function: "0000:00:01.0"},
		{Name: "virtio1", ID: virtio.Console, Transport: "pci", Driver: "virtio_console", Status: 15, Modern: true,
			Features: "01" + strings.Repeat("0", 26) + "1100100000001", Function: "0000:00:02.0"},
	}, devices)
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}
