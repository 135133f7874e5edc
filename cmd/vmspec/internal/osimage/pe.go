package osimage

import (
	"fmt"
	"io"

	"vmspec/probes/image"
)

// archOf are the machines of PE files for ARM, as Go names them.
var archOf = map[uint16]string{image.MachineAArch64: "arm64", image.MachineARM: "arm"}

// readSections finds a PE file's sections by name, the first of each, and its
// machine as Go names it. A file that is no PE file has no sections. A section
// that the file does not hold is an error.
func readSections(r *io.SectionReader) (sections map[string]*io.SectionReader, arch string, err error) {
	header, list := image.ReadPE(r)
	if list == nil {
		return nil, "", nil
	}
	sections = map[string]*io.SectionReader{}
	for _, s := range list {
		if sections[s.Name] != nil {
			continue
		}
		at, length := int64(s.At), int64(min(s.Size, s.Stored))
		if at+length > r.Size() {
			return nil, "", fmt.Errorf("section %q ends at byte %d of a file of %d", s.Name, at+length, r.Size())
		}
		sections[s.Name] = io.NewSectionReader(r, at, length)
	}
	return sections, archOf[header.Machine], nil
}
