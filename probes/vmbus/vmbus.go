// Package vmbus finds the devices on Hyper-V's VMBus. The hypervisor offers and
// rescinds them while the guest runs.
package vmbus

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/gic"
	"vmspec/probes/guest"
	"vmspec/probes/sysfs"
)

// Facts are about the bus. Elsewhere they are empty.
type Facts struct {
	Bus       bool // the kernel has the bus
	Devices   []Device
	Described string `json:",omitempty"` // where the tree or ACPI describes the bus
}

// A Device is one that the hypervisor offered.
type Device struct {
	Class  string // what it is, by its GUID
	Driver string // empty if none is bound
}

// String names the device's class, by its GUID if it is unknown here.
func (d Device) String() string {
	return cmp.Or(classes[d.Class], d.Class, "a device of an unknown class")
}

// classes are names of GUIDs: include/linux/hyperv.h.
var classes = map[string]string{
	"f8615163-df3e-46c5-913f-f2d2f965ed0e": "network",
	"ba6163d9-04a1-4d29-b605-72e2ffb1dc7f": "SCSI",
	"32412632-86cb-44a2-9b5c-50d1417354f5": "IDE",
	"44c4f61d-4444-4400-9d52-802e27ede19f": "PCI",
}

const dir = "sys/bus/vmbus/devices"

// Read finds the facts out. A kernel without the bus is an answer. A capture of
// before the bus was looked at shows it by its interrupt and by the registers of its
// devices.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	entries, err := fs.ReadDir(fsys, dir)
	switch {
	case err == nil:
		f = Facts{Bus: true, Devices: devices(fsys, entries)}
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, guest.ErrNotCaptured):
		if f, err = byTraces(fsys); err != nil {
			return nil, fmt.Errorf("vmbus: %w", err)
		}
	default:
		return nil, fmt.Errorf("vmbus: %w", err)
	}
	f.Described = described(fsys)
	return &f, nil
}

// described finds the bus in the tree, and among the names of ACPI's devices by its
// hardware IDs (drivers/hv/vmbus_drv.c).
func described(fsys fs.FS) string {
	if tree, err := fdt.Load(fsys); err == nil {
		for _, n := range tree.Root.All() {
			if n.Is("microsoft,vmbus") {
				return n.Path()
			}
		}
	}
	names, _ := sysfs.Names(fsys, "sys/bus/acpi/devices")
	for _, name := range names {
		if strings.HasPrefix(name, "VMBUS:") || strings.HasPrefix(name, "MSFT1000:") {
			return name
		}
	}
	return ""
}

func devices(fsys fs.FS, entries []fs.DirEntry) (out []Device) {
	for _, e := range entries {
		var d Device
		if class, err := fs.ReadFile(fsys, path.Join(dir, e.Name(), "class_id")); err == nil {
			d.Class = strings.ToLower(strings.Trim(string(class), "{}\n "))
		}
		if driver, err := fs.ReadLink(fsys, path.Join(dir, e.Name(), "driver")); err == nil {
			d.Driver = path.Base(driver)
		}
		out = append(out, d)
	}
	return out
}

// user is the name of the bus's interrupt (drivers/hv/vmbus_drv.c).
const user = "Hyper-V VMbus"

// isOwner tells whether the owner of a region in /proc/iomem is a device on the bus:
// its name is a GUID.
func isOwner(name string) bool {
	groups := strings.Split(name, "-")
	if len(groups) != len(guidGroups) {
		return false
	}
	for i, g := range groups {
		if len(g) != guidGroups[i] || strings.Trim(g, "0123456789abcdef") != "" {
			return false
		}
	}
	return true
}

// guidGroups are the digits of a GUID's groups.
var guidGroups = []int{8, 4, 4, 4, 12}

func byTraces(fsys fs.FS) (f Facts, err error) {
	_, interrupts, err := gic.LoadInterrupts(fsys)
	if err != nil {
		return f, err
	}
	for _, i := range interrupts {
		f.Bus = f.Bus || i.Total() > 0 && strings.HasSuffix(strings.Join(i.Fields, " "), user)
	}
	iomem, _ := fs.ReadFile(fsys, "proc/iomem")
	for line := range strings.Lines(string(iomem)) {
		if _, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " : "); isOwner(name) {
			f.Bus, f.Devices = true, append(f.Devices, Device{})
		}
	}
	return f, nil
}
