package pci

import (
	"encoding/binary"
	"errors"
)

// A Port is what a PCI Express port says of its slot: PCI Express Base
// Specification 6.0, sections 7.5.3.2 and 7.5.3.9.
type Port struct {
	HotPlugCapable bool
}

// Places in the PCI Express capability: section 7.5.3.
const (
	expressFlags   = 0x02
	slotCaps       = 0x14
	slotImpl       = 1 << 8
	hotPlugCapable = 1 << 6
)

// ParsePort finds the PCI Express capability in a function's configuration
// space and returns its slot, nil where it has none.
func ParsePort(config []byte) (*Port, error) {
	list, err := walk(config)
	for _, at := range list {
		if config[at] == expressID {
			return parseExpress(config[at:])
		}
	}
	return nil, err
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
