// Package device finds the devices on the buses that cannot be enumerated,
// Linux's platform and AMBA buses, and what described each of them.
package device

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"vmspec/probes/memory"
)

// A Device is one with a driver, or with a place in the address space.
type Device struct {
	Name   string // 9000000.pl011, ARMH0011:00
	Bus    string // "amba" or "platform"
	Driver string // empty if none is bound
	Node   string // path of the tree's node, or "acpi"; empty if nothing described it
	Under  string `json:",omitempty"` // the node of the device that made it, where nothing else described it
	At     string // the regions of /proc/iomem that it claims: 9000000-9000fff; empty if none
}

// Facts are about those devices.
type Facts struct {
	Devices    []Device
	IomemErr   string   // why At is unknown
	Binding    *Binding // what became of what the description describes
	BindingErr string   // why that is unknown
}

// Read lists the devices.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	regions, err := memory.Iomem(fsys)
	if err != nil {
		f.IomemErr = err.Error()
	}
	_, byACPI := fs.Stat(fsys, "sys/firmware/acpi/tables")
	var all []Device
	for _, bus := range []string{"amba", "platform"} {
		dir := path.Join("sys/bus", bus, "devices")
		entries, err := fs.ReadDir(fsys, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s bus: %w", bus, err)
		}
		for _, e := range entries {
			d := readDevice(fsys, dir, e.Name(), bus, regions, byACPI == nil)
			if all = append(all, d); d.Driver != "" || d.At != "" {
				f.Devices = append(f.Devices, d)
			}
		}
	}
	if f.Binding, err = readBinding(fsys, all, regions, byACPI == nil); err != nil {
		f.BindingErr = err.Error()
	}
	return &f, nil
}

// tableDevices begin the names of devices that Linux makes from ACPI tables
// of their own, IORT, GTDT and APMT, and not from the namespace
// (drivers/acpi/arm64): no node in sysfs belongs to them.
var tableDevices = []string{"arm-smmu", "sbsa-gwdt", "gtdt-", "arm-cs-arch-pmu", "arm-cspmu"}

func isTableDevice(name string) bool {
	return slices.ContainsFunc(tableDevices, func(begin string) bool { return strings.HasPrefix(name, begin) })
}

func readDevice(fsys fs.FS, dir, name, bus string, regions []memory.Region, acpi bool) Device {
	d := Device{Name: name, Bus: bus}
	if driver, err := fs.ReadLink(fsys, path.Join(dir, name, "driver")); err == nil {
		d.Driver = path.Base(driver)
	}
	if _, err := fs.ReadLink(fsys, path.Join(dir, name, "firmware_node")); err == nil || (acpi && isTableDevice(name)) {
		d.Node = "acpi"
	}
	if link, err := fs.ReadLink(fsys, path.Join(dir, name, "of_node")); err == nil {
		_, node, _ := strings.Cut(link, "/devicetree/base")
		d.Node = path.Join("/", node)
	}
	if d.At = claimed(name, regions); d.At != "" && d.Node == "" {
		d.Under = above(fsys, path.Join(dir, name))
	}
	return d
}

// above returns what described the parent of a device without a description: the
// parent's driver made it.
func above(fsys fs.FS, name string) string {
	target, err := fs.ReadLink(fsys, name)
	if err != nil {
		return ""
	}
	for at := path.Dir(path.Join(path.Dir(name), target)); strings.HasPrefix(at, "sys/devices/"); at = path.Dir(at) {
		if _, err := fs.ReadLink(fsys, path.Join(at, "firmware_node")); err == nil {
			return "acpi"
		}
		if link, err := fs.ReadLink(fsys, path.Join(at, "of_node")); err == nil {
			_, node, _ := strings.Cut(link, "/devicetree/base")
			return path.Join("/", node)
		}
	}
	return ""
}

// claimed lists the regions of a device. A region's name is its device's, or
// the device's and its node's.
func claimed(name string, regions []memory.Region) string {
	var at []string
	for _, r := range regions {
		if strings.Contains(r.Name, name) && slices.Contains(strings.Fields(r.Name), name) && !slices.Contains(at, r.String()) {
			at = append(at, r.String())
		}
	}
	return strings.Join(at, ", ")
}
