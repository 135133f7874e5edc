package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A PE is the header of a PE/COFF image: Microsoft's PE Format, and UEFI
// Specification 2.10, section 2.1.1. Go's debug/pe refuses ARM Thumb.
type PE struct {
	Seen
	There     bool // it has a PE header
	Machine   uint16
	Magic     uint16
	Subsystem uint16
	Shim      bool `json:",omitempty"` // its .sbat section says that it is shim, which starts another program
}

// Values in the header.
const (
	MachineAArch64 = 0xaa64
	MachineARM     = 0x01c2 // ARMTHUMB_MIXED
	PE32           = 0x10b
	PE32Plus       = 0x20b
	Application    = 10 // EFI_IMAGE_SUBSYSTEM_EFI_APPLICATION
)

// A Section is a part of a PE file, by what its header claims.
type Section struct {
	Name    string
	Address uint32 // in memory
	Size    uint32 // in memory
	At      uint32 // in the file
	Stored  uint32 // bytes in the file
}

const (
	dosSize       = 64
	dosNewHeader  = 0x3c
	coffSize      = 24 // with the signature
	optionalLeast = 72 // up to the subsystem
	sectionSize   = 40
	maxSections   = 96 // are looked at: Windows loads no more
)

// A reader reads n bytes of a file at an offset.
type reader func(at uint64, n int) ([]byte, error)

// ReadPE reads the headers of a file and returns its sections, at most 96 and
// none if the file has no whole table of them.
func ReadPE(r *io.SectionReader) (*PE, []Section) {
	var p PE
	sections, err := p.read(uint64(r.Size()), func(at uint64, n int) ([]byte, error) {
		b := make([]byte, n)
		if _, err := r.ReadAt(b, int64(at)); err != nil {
			return nil, unread{err}
		}
		return b, nil
	})
	p.add(err)
	return &p, sections
}

// readPE reads the headers of a file of that size.
func readPE(size uint32, read reader) *PE {
	var p PE
	sections, err := p.read(uint64(size), read)
	p.add(err)
	p.Shim = slices.ContainsFunc(sections, func(s Section) bool { return isShim(s, uint64(size), read) })
	return &p
}

// sbatRead is how much of a .sbat section is read: its first line is the format's
// own, and the second one the program's (shim, SBAT.md).
const sbatRead = 256

func isShim(s Section, size uint64, read reader) bool {
	if s.Name != ".sbat" || uint64(s.At)+uint64(s.Stored) > size {
		return false
	}
	b, err := read(uint64(s.At), int(min(s.Stored, sbatRead)))
	return err == nil && bytes.Contains(b, []byte("\nshim,"))
}

func (p *PE) read(size uint64, read reader) ([]Section, error) {
	if size < dosSize {
		return nil, fmt.Errorf("%d bytes are no PE file", size)
	}
	dos, err := read(0, dosSize)
	if err != nil {
		return nil, err
	}
	if string(dos[:2]) != "MZ" {
		return nil, fmt.Errorf("no PE file: it begins with %q", dos[:min(8, len(dos))])
	}
	at := uint64(binary.LittleEndian.Uint32(dos[dosNewHeader:]))
	if at+coffSize+optionalLeast > size {
		return nil, fmt.Errorf("the PE header at byte %d is not in the file", at)
	}
	head, err := read(at, coffSize+optionalLeast)
	if err != nil {
		return nil, err
	}
	if string(head[:4]) != "PE\x00\x00" {
		return nil, fmt.Errorf("no PE header at byte %d", at)
	}
	p.There = true
	p.Machine = binary.LittleEndian.Uint16(head[4:])
	n, optional := int(binary.LittleEndian.Uint16(head[6:])), uint64(binary.LittleEndian.Uint16(head[20:]))
	if optional < optionalLeast {
		return nil, fmt.Errorf("the optional header has %d bytes", optional)
	}
	image := p.optional(head[coffSize:], size)
	sections, err := readSections(n, at+coffSize+optional, size, read)
	for i, s := range sections {
		p.look(i+1, s, size, image)
	}
	return sections, err
}

// optional reads the optional header. It returns the size of the image in memory.
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

// readSections reads the table of n sections.
func readSections(n int, at, size uint64, read reader) ([]Section, error) {
	if at+uint64(n)*sectionSize > size {
		return nil, fmt.Errorf("%d sections' headers at byte %d are not in the file", n, at)
	}
	if n == 0 {
		return nil, errors.New("the PE file has no section")
	}
	table, err := read(at, min(n, maxSections)*sectionSize)
	if err != nil {
		return nil, err
	}
	var out []Section
	for ; len(table) > 0; table = table[sectionSize:] {
		name, _, _ := bytes.Cut(table[:8], []byte{0})
		field := func(at int) uint32 { return binary.LittleEndian.Uint32(table[at:]) }
		out = append(out, Section{Name: string(name), Size: field(8), Address: field(12), Stored: field(16), At: field(20)})
	}
	return out, nil
}

// look checks that a section lies within the file and within the image.
func (p *PE) look(n int, s Section, size, image uint64) {
	if end := uint64(s.At) + uint64(s.Stored); s.Stored > 0 && end > size {
		p.wrong("section %d ends at byte %d of a file of %d", n, end, size)
	}
	if end := uint64(s.Address) + uint64(s.Size); end > image {
		p.wrong("section %d ends at %#x in an image of %d bytes", n, end, image)
	}
}
