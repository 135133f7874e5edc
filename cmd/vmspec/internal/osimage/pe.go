package osimage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Of a PE file: Microsoft's PE Format. Go's debug/pe refuses ARM Thumb.
const (
	headSize     = 64   // of a DOS header
	peStart      = 0x3c // in it: where the PE header is
	coffSize     = 24   // with the signature
	sectionSize  = 40
	maxSections  = 96
	machineARM64 = 0xaa64
	machineThumb = 0x01c2
)

// readSections finds a PE file's sections by name, the first of each, and its
// machine as Go names it. A file that is none has no sections. A section that
// the file does not hold is an error.
func readSections(r *io.SectionReader) (sections map[string]*io.SectionReader, arch string, err error) {
	head, at := make([]byte, headSize+coffSize), int64(0)
	if _, err := r.ReadAt(head[:headSize], 0); err != nil || string(head[:2]) != "MZ" {
		return nil, "", nil
	}
	at = int64(binary.LittleEndian.Uint32(head[peStart:]))
	coff := head[headSize:]
	if _, err := r.ReadAt(coff, at); err != nil || string(coff[:4]) != "PE\x00\x00" {
		return nil, "", nil
	}
	arch = map[uint16]string{machineARM64: "arm64", machineThumb: "arm"}[binary.LittleEndian.Uint16(coff[4:])]
	n, optional := int(binary.LittleEndian.Uint16(coff[6:])), int64(binary.LittleEndian.Uint16(coff[20:]))
	table := make([]byte, min(n, maxSections)*sectionSize)
	if _, err := r.ReadAt(table, at+coffSize+optional); err != nil && len(table) > 0 {
		return nil, "", nil
	}
	sections = map[string]*io.SectionReader{}
	for ; len(table) > 0; table = table[sectionSize:] {
		name, _, _ := bytes.Cut(table[:8], []byte{0})
		size, raw := binary.LittleEndian.Uint32(table[8:]), binary.LittleEndian.Uint32(table[16:])
		place := int64(binary.LittleEndian.Uint32(table[20:]))
		if length := int64(min(size, raw)); sections[string(name)] == nil {
			if place+length > r.Size() {
				return nil, "", fmt.Errorf("section %q ends at byte %d of a file of %d", name, place+length, r.Size())
			}
			sections[string(name)] = io.NewSectionReader(r, place, length)
		}
	}
	return sections, arch, nil
}
