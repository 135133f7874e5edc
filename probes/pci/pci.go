// Package pci finds the guest's PCI functions, by sysfs and by the bytes of
// their configuration spaces, and the slots that can be plugged while it runs.
package pci

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"vmspec/probes/gic"
	"vmspec/probes/memory"
)

// Facts are about the guest's PCI.
type Facts struct {
	Domains   []string // one for each root complex, such as 0000
	Functions []Function
	Slots     []Slot

	IomemErr    string        `json:",omitempty"` // why it is unknown which BARs are claimed
	Messages    []gic.Message // the interrupts that come as messages
	MessagesErr string        `json:",omitempty"`
}

// A Function is one PCI function.
type Function struct {
	Address        string // 0000:00:01.0
	Vendor, Device uint64
	Class          uint64 // 24 bits
	Driver         string // empty if none is bound
	Port           *Port  // nil if it is no PCI Express port with a slot
	Config         *Config
	ConfigErr      string // why Port is unknown
	Serving        bool   // the kernel's pciehp serves its slot
	BARs           []BAR
	ResourceErr    string `json:",omitempty"` // why BARs are unknown
}

// Virtio tells whether the function's IDs are those of a virtio device:
// Virtual I/O Device 1.3, section 4.1.2.
func (fn Function) Virtio() bool {
	return fn.Vendor == 0x1af4 && fn.Device >= 0x1000 && fn.Device <= 0x107f
}

// A Slot is one that a hotplug driver of the kernel made.
type Slot struct {
	Name  string
	Power bool // it can be switched: the driver is one that plugs
}

const dir = "sys/bus/pci/devices"

// Read finds the facts out. A guest without PCI is an answer.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &f, nil
	}
	if err != nil {
		return nil, err
	}
	regions := f.readShared(fsys)
	seen := map[string]bool{}
	serving := servingPorts(fsys)
	for _, e := range entries {
		fn, err := readFunction(fsys, e.Name())
		if err != nil {
			return nil, fmt.Errorf("pci function %s: %w", e.Name(), err)
		}
		fn.Serving = serving[fn.Address]
		fn.readBARs(fsys, regions)
		f.Functions = append(f.Functions, fn)
		if domain, _, _ := strings.Cut(e.Name(), ":"); !seen[domain] {
			seen[domain] = true
			f.Domains = append(f.Domains, domain)
		}
	}
	return &f, f.readSlots(fsys)
}

// readShared reads what functions share: the address space, interrupts.
func (f *Facts) readShared(fsys fs.FS) []memory.Region {
	regions, err := memory.Iomem(fsys)
	if err != nil {
		f.IomemErr = err.Error()
	}
	_, interrupts, err := gic.LoadInterrupts(fsys)
	if err != nil {
		f.MessagesErr = err.Error()
	}
	f.Messages = gic.Messages(interrupts)
	return regions
}

func readFunction(fsys fs.FS, address string) (Function, error) {
	fn := Function{Address: address}
	for _, number := range []struct {
		name string
		into *uint64
	}{{"vendor", &fn.Vendor}, {"device", &fn.Device}, {"class", &fn.Class}} {
		text, err := fs.ReadFile(fsys, path.Join(dir, address, number.name))
		if err != nil {
			return fn, err
		}
		if *number.into, err = strconv.ParseUint(strings.TrimSpace(string(text)), 0, 32); err != nil {
			return fn, fmt.Errorf("parse %s: %q is not a number", number.name, text)
		}
	}
	if driver, err := fs.ReadLink(fsys, path.Join(dir, address, "driver")); err == nil {
		fn.Driver = path.Base(driver)
	}
	config, err := fs.ReadFile(fsys, path.Join(dir, address, "config"))
	if err == nil {
		fn.Config, err = ParseConfig(config, fn.Virtio())
	}
	if err == nil {
		fn.Port, err = ParsePort(config)
	}
	if err != nil {
		fn.ConfigErr = err.Error()
	}
	return fn, nil
}

// servingPorts finds the ports that pciehp is bound to: services are devices
// of the pci_express bus called ADDRESS:pcieXXX.
func servingPorts(fsys fs.FS) map[string]bool {
	const dir = "sys/bus/pci_express/devices"
	out := map[string]bool{}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return out
	}
	for _, e := range entries {
		address, _, ok := strings.Cut(e.Name(), ":pcie")
		driver, err := fs.ReadLink(fsys, path.Join(dir, e.Name(), "driver"))
		if ok && err == nil && path.Base(driver) == "pciehp" {
			out[address] = true
		}
	}
	return out
}

func (f *Facts) readSlots(fsys fs.FS) error {
	const dir = "sys/bus/pci/slots"
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		_, err := fs.Stat(fsys, path.Join(dir, e.Name(), "power"))
		f.Slots = append(f.Slots, Slot{Name: e.Name(), Power: err == nil})
	}
	return nil
}
