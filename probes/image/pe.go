package image

import (
	"encoding/binary"
	"fmt"
)

// A PE is the header of a PE/COFF image: Microsoft's PE Format, and UEFI
// Specification 2.10, section 2.1.1. Go's debug/pe refuses ARM Thumb.
type PE struct {
	Seen
	There     bool // it has a PE header
	Machine   uint16
	Magic     uint16
	Subsystem uint16
}

// Values in the header.
const (
	MachineAArch64 = 0xaa64
	MachineARM     = 0x01c2 // ARMTHUMB_MIXED
	PE32           = 0x10b
	PE32Plus       = 0x20b
	Application    = 10 // EFI_IMAGE_SUBSYSTEM_EFI_APPLICATION
)

const (
	dosSize       = 64
	dosNewHeader  = 0x3c
	coffSize      = 24 // with the signature
	optionalLeast = 72 // up to the subsystem
	sectionSize   = 40
	maxSections   = 96 // are looked at: Windows loads no more
)

// readPE reads the header of a file of that size.
func readPE(size uint32, read func(at uint64, n int) ([]byte, error)) *PE {
	var p PE
	p.add(p.read(uint64(size), read))
	return &p
}

func (p *PE) read(size uint64, read func(at uint64, n int) ([]byte, error)) error {
	if size < dosSize {
		return fmt.Errorf("%d bytes are no PE file", size)
	}
	dos, err := read(0, dosSize)
	if err != nil {
		return err
	}
	if string(dos[:2]) != "MZ" {
		return fmt.Errorf("no PE file: it begins with %q", dos[:min(8, len(dos))])
	}
	at := uint64(binary.LittleEndian.Uint32(dos[dosNewHeader:]))
	if at+coffSize+optionalLeast > size {
		return fmt.Errorf("the PE header at byte %d is not in the file", at)
	}
	head, err := read(at, coffSize+optionalLeast)
	if err != nil {
		return err
	}
	if string(head[:4]) != "PE\x00\x00" {
		return fmt.Errorf("no PE header at byte %d", at)
	}
	p.There = true
	p.Machine = binary.LittleEndian.Uint16(head[4:])
	sections, optional := int(binary.LittleEndian.Uint16(head[6:])), uint64(binary.LittleEndian.Uint16(head[20:]))
	if optional < optionalLeast {
		return fmt.Errorf("the optional header has %d bytes", optional)
	}
	image := p.optional(head[coffSize:], size)
	return p.sections(sections, at+coffSize+optional, size, image, read)
}

// optional reads the optional header and returns the size of the image.
func (p *PE) optional(b []byte, size uint64) (image uint64) {
	p.Magic, p.Subsystem = binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[68:])
	entry, headers := uint64(binary.LittleEndian.Uint32(b[16:])), uint64(binary.LittleEndian.Uint32(b[60:]))
	image = uint64(binary.LittleEndian.Uint32(b[56:]))
	if entry == 0 || entry >= image {
		p.wrong("the entry point %#x is not in the image of %d bytes", entry, image)
	}
	if headers > size || headers > image {
		p.wrong("headers of %d bytes in a file of %d", headers, size)
	}
	return image
}

// sections looks whether the file and the image hold what the sections claim.
func (p *PE) sections(n int, at, size, image uint64, read func(at uint64, n int) ([]byte, error)) error {
	if at+uint64(n)*sectionSize > size {
		return fmt.Errorf("%d sections' headers at byte %d are not in the file", n, at)
	}
	n = min(n, maxSections)
	if n == 0 {
		return fmt.Errorf("the PE file has no section")
	}
	table, err := read(at, n*sectionSize)
	if err != nil {
		return err
	}
	for i := range n {
		s := table[i*sectionSize:]
		virtual, address := uint64(binary.LittleEndian.Uint32(s[8:])), uint64(binary.LittleEndian.Uint32(s[12:]))
		raw, pointer := uint64(binary.LittleEndian.Uint32(s[16:])), uint64(binary.LittleEndian.Uint32(s[20:]))
		if raw > 0 && pointer+raw > size {
			p.wrong("section %d ends at byte %d of a file of %d", i+1, pointer+raw, size)
		}
		if address+virtual > image {
			p.wrong("section %d ends at %#x in an image of %d bytes", i+1, address+virtual, image)
		}
	}
	return nil
}
