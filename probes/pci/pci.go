// Package pci finds the guest's PCI functions, by sysfs and by the bytes of
// their configuration spaces, and the slots that can be plugged while it runs.
package pci

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Facts are about the guest's PCI.
type Facts struct {
	Domains   []string // one for each root complex, such as 0000
	Functions []Function
	Slots     []Slot
}

// A Function is one PCI function.
type Function struct {
	Address        string // 0000:00:01.0
	Vendor, Device uint64
	Class          uint64 // 24 bits
	Driver         string // empty if none is bound
	Port           *Port  // nil if it is no PCI Express port with a slot
	ConfigErr      string // why Port is unknown
	Serving        bool   // the kernel's pciehp serves its slot
}

// A Port is what a PCI Express port says of its slot: PCI Express Base
// Specification 6.0, sections 7.5.3.2 and 7.5.3.9.
type Port struct {
	HotPlugCapable bool
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
	seen := map[string]bool{}
	serving := servingPorts(fsys)
	for _, e := range entries {
		fn, err := readFunction(fsys, e.Name())
		if err != nil {
			return nil, fmt.Errorf("pci function %s: %w", e.Name(), err)
		}
		fn.Serving = serving[fn.Address]
		f.Functions = append(f.Functions, fn)
		if domain, _, _ := strings.Cut(e.Name(), ":"); !seen[domain] {
			seen[domain] = true
			f.Domains = append(f.Domains, domain)
		}
	}
	return &f, f.readSlots(fsys)
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
		fn.Port, err = ParsePort(config)
	}
	if err != nil {
		fn.ConfigErr = err.Error()
	}
	return fn, nil
}

// Places in configuration space: PCI Local Bus 3.0, section 6.1; PCI Express
// Base Specification 6.0, section 7.5.3.
const (
	configHeader   = 64
	statusRegister = 0x06
	capabilityList = 1 << 4
	firstPointer   = 0x34
	expressID      = 0x10
	expressFlags   = 0x02
	slotCaps       = 0x14
	slotImpl       = 1 << 8
	hotPlugCapable = 1 << 6
)

// errHidden: the kernel shows only the header to other users than root.
var errHidden = errors.New("configuration space is cut at its header: not root")

// ParsePort finds the PCI Express capability in a function's configuration
// space and returns its slot, nil where it has none.
func ParsePort(config []byte) (*Port, error) {
	if len(config) < configHeader {
		return nil, fmt.Errorf("configuration space has %d bytes, want at least %d", len(config), configHeader)
	}
	if binary.LittleEndian.Uint16(config[statusRegister:])&capabilityList == 0 {
		return nil, nil
	}
	if len(config) == configHeader {
		return nil, errHidden
	}
	at := int(config[firstPointer] &^ 3)
	// A list cannot be longer than the space has room for capabilities.
	for range len(config) / 4 {
		if at == 0 {
			return nil, nil
		}
		if at < configHeader || at+2 > len(config) {
			return nil, fmt.Errorf("capability pointer %#x", at)
		}
		if config[at] == expressID {
			return parseExpress(config[at:])
		}
		at = int(config[at+1] &^ 3)
	}
	return nil, errors.New("capability list has no end")
}

func parseExpress(capability []byte) (*Port, error) {
	if len(capability) < slotCaps+4 {
		return nil, errors.New("PCI Express capability is cut")
	}
	if binary.LittleEndian.Uint16(capability[expressFlags:])&slotImpl == 0 {
		return nil, nil
	}
	return &Port{HotPlugCapable: binary.LittleEndian.Uint32(capability[slotCaps:])&hotPlugCapable != 0}, nil
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
