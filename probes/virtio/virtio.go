// Package virtio finds the guest's virtio devices as Linux sees them on its
// virtio bus.
package virtio

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"vmspec/probes/kernel"
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
	Fault     string `json:",omitempty"` // what the kernel logged of a fault of the device
}

// faults are what Linux logs of a device that does not do what it must: the virtio
// core (drivers/virtio/virtio.c), its transports and rings, and its drivers. What
// the kernel wants beyond the specification is not among them.
var faults = []string{
	"virtio: device refuses features",
	"device uses modern interface but does not have VIRTIO_F_VERSION_1",
	"New virtio-mmio devices (version 2) must provide VIRTIO_F_VERSION_1 feature!",
	"device advertises feature ",
	" is not a head!",
}

// fault returns the kernel's first line of a fault of the device, without its time
// stamp; empty if there is none.
func (d Device) fault(log []string) string {
	for _, line := range log {
		_, text, named := strings.Cut(line, " "+d.Name+": ")
		if named && slices.ContainsFunc(faults, func(words string) bool { return strings.Contains(text, words) }) {
			return kernel.Message(line)
		}
	}
	return ""
}

// Refused tells whether the device's fault kept it from being driven. A driver
// that got it after all was loaded again.
func (d Device) Refused() bool { return d.Fault != "" && (d.Driver == "" || d.Status&failed != 0) }

// failed is a bit of the status: the driver gave up (Virtual I/O Device 1.2,
// section 2.1).
const failed = 128

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
	log, _ := kernel.Log(fsys) // its silence means nothing
	var out []Device
	for _, name := range names {
		d, err := readDevice(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("virtio device %s: %w", name, err)
		}
		d.Fault = d.fault(log)
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
