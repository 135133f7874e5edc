// Package virtio finds the guest's virtio devices as Linux sees them on its
// virtio bus.
package virtio

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"vmspec/probes/sysfs"
)

// Device IDs: Virtual I/O Device 1.2, section 5.
const (
	Net     = 1
	Block   = 2
	Console = 3
	Entropy = 4
	Balloon = 5
)

var names = map[int]string{
	Net: "net", Block: "block", Console: "console", Entropy: "entropy", Balloon: "balloon",
	8: "scsi", 9: "9p", 16: "gpu", 18: "input", 19: "vsock", 23: "iommu", 26: "fs",
}

// A Device is one virtio device.
type Device struct {
	Name      string // virtio0
	ID        int
	Transport string // "pci", "mmio", or empty
	Driver    string // empty if none is bound
	Status    uint64
	Modern    bool   // VIRTIO_F_VERSION_1 was negotiated
	Features  string // what was negotiated, bit 0 first, up to the last one
	Function  string `json:",omitempty"` // on PCI, the function's address
}

// Has tells whether a feature bit was negotiated. How many characters there
// are depends on the kernel: 64, or 128 since Linux 6.16.
func (d Device) Has(bit int) bool { return bit < len(d.Features) && d.Features[bit] == '1' }

// String names the device by kind and transport.
func (d Device) String() string {
	kind := names[d.ID]
	if kind == "" {
		kind = fmt.Sprintf("device %d", d.ID)
	}
	return fmt.Sprintf("virtio-%s on %s", kind, d.Transport)
}

// Version1 is the place of VIRTIO_F_VERSION_1 in the negotiated features,
// which Linux writes bit 0 first (drivers/virtio/virtio.c, features_show).
const Version1 = 32

const dir = "sys/bus/virtio/devices"

// Read lists the devices. A kernel without the bus has none.
func Read(fsys fs.FS) ([]Device, error) {
	names, err := sysfs.Names(fsys, dir)
	if err != nil {
		return nil, err
	}
	var out []Device
	for _, name := range names {
		d, err := readDevice(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("virtio device %s: %w", name, err)
		}
		out = append(out, d)
	}
	return out, nil
}

func readDevice(fsys fs.FS, name string) (Device, error) {
	d := Device{Name: name}
	id, err := sysfs.Number(fsys, path.Join(dir, name, "device"), 16)
	if err != nil {
		return d, err
	}
	d.ID = int(id)
	if d.Status, err = sysfs.Number(fsys, path.Join(dir, name, "status"), 16); err != nil {
		return d, err
	}
	features, err := fs.ReadFile(fsys, path.Join(dir, name, "features"))
	if err != nil {
		return d, err
	}
	d.Features = strings.TrimRight(string(features), "0\n")
	d.Modern = d.Has(Version1)
	if driver, err := fs.ReadLink(fsys, path.Join(dir, name, "driver")); err == nil {
		d.Driver = path.Base(driver)
	}
	if link, err := fs.ReadLink(fsys, path.Join(dir, name)); err == nil {
		if d.Transport = transport(link); d.Transport == "pci" {
			d.Function = path.Base(path.Dir(link))
		}
	}
	return d, nil
}

// transport tells from a device's place in /sys/devices what carries it.
func transport(link string) string {
	parent := path.Base(path.Dir(link))
	switch {
	// Under ACPI, LNRO0005 is the virtio-mmio device's hardware ID.
	case strings.HasSuffix(parent, "virtio_mmio"), strings.HasPrefix(parent, "virtio-mmio"), strings.HasPrefix(parent, "LNRO0005"):
		return "mmio"
	case strings.Contains(link, "/pci"):
		return "pci"
	}
	return ""
}
