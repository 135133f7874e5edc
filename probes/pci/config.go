package pci

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Config is what the bytes of a configuration space say.
type Config struct {
	Header       int    // its layout: 0 a device, 1 a bridge, 2 a CardBus bridge
	Revision     int    // Revision ID
	Subsystem    int    // Subsystem ID; bridges have none
	Capabilities int    // on the capability list
	Extended     int    // on the list of PCI Express extended capabilities
	ListErr      string `json:",omitempty"` // why a list does not come to its end
	Hidden       bool   `json:",omitempty"` // the kernel shows the header only
	MSI          string `json:",omitempty"` // "MSI" or "MSI-X" where it has that, the enabled one first
	Enabled      bool   `json:",omitempty"` // it interrupts by MSI
	Structures   []Structure
}

// A Structure is what a capability says to lie in a BAR.
type Structure struct {
	Kind           string // "MSI-X table", "virtio common" and such
	BAR            int
	Offset, Length uint64
	Multiplier     uint32 `json:",omitempty"` // of the virtio notifications' offsets
}

// Places in configuration space: PCI Local Bus 3.0, section 6.1; PCI Express
// Base Specification 6.0, sections 7.5.1 and 7.6.
const (
	configHeader   = 64
	legacySpace    = 256
	statusRegister = 0x06
	revisionID     = 0x08
	headerType     = 0x0e
	multiFunction  = 1 << 7
	subsystemID    = 0x2e
	capabilityList = 1 << 4
	firstPointer   = 0x34
)

// errHidden: the kernel shows only the header to other users than root.
var errHidden = errors.New("configuration space is cut at its header: not root")

// ParseConfig reads a function's configuration space. By virtio it takes
// vendor-specific capabilities for those of Virtual I/O Device.
func ParseConfig(config []byte, virtio bool) (*Config, error) {
	list, listErr := walk(config)
	if len(config) < configHeader {
		return nil, listErr
	}
	c := &Config{Header: int(config[headerType] &^ multiFunction), Revision: int(config[revisionID]), Capabilities: len(list)}
	if c.Header == 0 {
		c.Subsystem = int(binary.LittleEndian.Uint16(config[subsystemID:]))
	}
	var extendedErr error
	c.Extended, extendedErr = walkExtended(config)
	switch {
	case errors.Is(listErr, errHidden):
		c.Hidden = true
	case listErr != nil:
		c.ListErr = listErr.Error()
	case extendedErr != nil:
		c.ListErr = extendedErr.Error()
	}
	for _, at := range list {
		c.readCapability(config[at:], virtio)
	}
	return c, nil
}

// walk follows the capability list and returns the places of what is on it,
// also where it breaks off.
func walk(config []byte) (list []int, err error) {
	if len(config) < configHeader {
		return nil, fmt.Errorf("configuration space has %d bytes, want at least %d", len(config), configHeader)
	}
	if binary.LittleEndian.Uint16(config[statusRegister:])&capabilityList == 0 {
		return nil, nil
	}
	if len(config) == configHeader {
		return nil, errHidden
	}
	end := min(len(config), legacySpace)
	// A list cannot be longer than the space has room for capabilities.
	at := int(config[firstPointer] &^ 3)
	for range end / 4 {
		if at == 0 {
			return list, nil
		}
		if at < configHeader || at+2 > end {
			return list, fmt.Errorf("capability pointer %#x", at)
		}
		list = append(list, at)
		at = int(config[at+1] &^ 3)
	}
	return list, errors.New("capability list has no end")
}

// walkExtended counts what is on the list behind the first 256 bytes: a word
// each, with the ID, a version, and the place of the next.
func walkExtended(config []byte) (n int, err error) {
	for at := legacySpace; len(config) > legacySpace && n <= len(config)/4; n++ {
		if at < legacySpace || at+4 > len(config) {
			return n, fmt.Errorf("extended capability pointer %#x", at)
		}
		word := binary.LittleEndian.Uint32(config[at:])
		if word == 0 || word == 1<<32-1 {
			return n, nil
		}
		if at = int(word >> 20 &^ 3); at == 0 {
			return n + 1, nil
		}
	}
	if n > 0 {
		err = errors.New("extended capability list has no end")
	}
	return n, err
}

// Capability IDs: PCI Code and ID Assignment Specification, section 2.
const (
	msiID     = 0x05
	vendorID  = 0x09
	expressID = 0x10
	msixID    = 0x11
)

func (c *Config) readCapability(capability []byte, virtio bool) {
	switch capability[0] {
	case msiID:
		c.readMSI("MSI", capability, 1<<0)
	case msixID:
		c.readMSI("MSI-X", capability, 1<<15)
		c.readTable(capability)
	case vendorID:
		if virtio {
			c.readVirtio(capability)
		}
	}
}

func (c *Config) readMSI(name string, capability []byte, enable uint16) {
	if len(capability) < 4 || c.Enabled {
		return
	}
	c.MSI = name
	c.Enabled = binary.LittleEndian.Uint16(capability[2:])&enable != 0
}

// readTable reads where the MSI-X table and its pending bits lie: PCI Express
// Base Specification 6.0, section 7.7.2.
func (c *Config) readTable(capability []byte) {
	if len(capability) < 12 {
		return
	}
	vectors := uint64(binary.LittleEndian.Uint16(capability[2:])&0x7ff) + 1
	place := func(kind string, word uint32, length uint64) {
		c.Structures = append(c.Structures, Structure{Kind: kind, BAR: int(word & 7), Offset: uint64(word &^ 7), Length: length})
	}
	place("MSI-X table", binary.LittleEndian.Uint32(capability[4:]), 16*vectors)
	place("MSI-X pending bits", binary.LittleEndian.Uint32(capability[8:]), (vectors+63)/64*8)
}

// The structures of a virtio device: Virtual I/O Device 1.3, section 4.1.4,
// by cfg_type. What a driver places itself has no place here.
var virtioKinds = map[byte]string{
	1: VirtioCommon, 2: VirtioNotify, 3: VirtioISR, 4: VirtioDevice, 5: VirtioAccess, 8: VirtioMemory,
}

// The structures' names. A device can have several of shared memory, or none.
const (
	VirtioCommon = "virtio common"
	VirtioNotify = "virtio notify"
	VirtioISR    = "virtio isr"
	VirtioDevice = "virtio device"
	VirtioAccess = "virtio access" // placed by the driver
	VirtioMemory = "virtio shared memory"
)

// maxBAR is the last BAR. A driver ignores structures in others: section 4.1.4.
const maxBAR = 5

// readVirtio reads a struct virtio_pci_cap, and what follows it in that of the
// notifications and of shared memory.
func (c *Config) readVirtio(capability []byte) {
	if len(capability) < 16 || capability[2] < 16 || virtioKinds[capability[3]] == "" {
		return
	}
	word := func(at int) uint64 {
		if at+4 > min(len(capability), int(capability[2])) {
			return 0
		}
		return uint64(binary.LittleEndian.Uint32(capability[at:]))
	}
	s := Structure{Kind: virtioKinds[capability[3]], BAR: int(capability[4]), Offset: word(8), Length: word(12)}
	switch s.Kind {
	case VirtioNotify:
		s.Multiplier = uint32(word(16))
	case VirtioAccess: // placed by the driver, anywhere
		s = Structure{Kind: VirtioAccess}
	case VirtioMemory:
		s.Offset, s.Length = s.Offset|word(16)<<32, s.Length|word(20)<<32
	}
	if s.BAR <= maxBAR {
		c.Structures = append(c.Structures, s)
	}
}
