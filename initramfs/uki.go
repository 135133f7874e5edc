package initramfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// A Section is a part of a unified kernel image, by the name under which
// systemd's stub looks for it: .linux, .initrd, .cmdline, .osrel.
type Section struct {
	Name string
	Data []byte
}

// The reader of PE files in probes/image is not used here, for two reasons.
// initramfs may not import probes. And the work is different: that one reads any
// file and lists what is wrong with it; this one edits a file that we chose, and
// refuses what it cannot edit.

// From Microsoft's PE format: the fields that are read or changed here, and the
// values that a stub must have. Only the optional header for 64 bits is known.
const (
	peStart     = 0x3c // of the DOS header: where the PE signature is
	coffHeader  = 4    // where the COFF header is: behind the signature
	coffSize    = 20
	sectionSize = 40

	coffSections   = 2  // of the COFF header
	coffOptional   = 16 // size of the optional header
	optMagic       = 0  // of the optional header
	optData        = 8  // SizeOfInitializedData
	optAlign       = 32 // in memory; the alignment in the file follows
	optImageSize   = 56
	optHeadersSize = 60
	optChecksum    = 64
	optSubsystem   = 68
	optDirectories = 108 // the number of directories; they follow
	optSecurity    = optDirectories + 4 + 4*8

	machineARM64   = 0xaa64
	magicPE32Plus  = 0x20b
	efiApplication = 10
	initializedRO  = 0x40000040 // CNT_INITIALIZED_DATA, MEM_READ
	maxPE          = 1 << 29    // far more than any kernel needs
)

// UKI makes a unified kernel image: systemd's stub with more sections. Their
// headers go into the free room behind the stub's headers. Else only sizes are
// changed.
func UKI(stub []byte, sections []Section) ([]byte, error) {
	p, err := parsePE(stub)
	if err != nil {
		return nil, fmt.Errorf("build UKI: stub: %w", err)
	}
	for _, s := range sections {
		if err := p.add(s); err != nil {
			return nil, fmt.Errorf("build UKI: section %s: %w", s.Name, err)
		}
	}
	return p.data, nil
}

// A peFile is an EFI application that sections are added to.
type peFile struct {
	data                 []byte
	coff, opt, table     int // where these headers begin
	sections             int
	memAlign, fileAlign  int
	headers              int // bytes of the file that are kept for headers
	memEnd               int // where the image ends in memory
	names                map[string]bool
	firstFile, firstAddr int // where the first section begins
}

func (p *peFile) u16(at int) int { return int(binary.LittleEndian.Uint16(p.data[at:])) }

// u32 limits a number to one more than is accepted, so that two can be added
// without overflow.
func (p *peFile) u32(at int) int { return int(min(binary.LittleEndian.Uint32(p.data[at:]), maxPE+1)) }

func (p *peFile) set32(at, value int) { binary.LittleEndian.PutUint32(p.data[at:], uint32(value)) }

func parsePE(data []byte) (*peFile, error) {
	p := &peFile{data: bytes.Clone(data), names: map[string]bool{}, firstFile: math.MaxInt, firstAddr: math.MaxInt}
	if err := p.findHeaders(); err != nil {
		return nil, err
	}
	if err := p.readOptional(); err != nil {
		return nil, err
	}
	for i := range p.sections {
		if err := p.readSection(p.table + i*sectionSize); err != nil {
			return nil, fmt.Errorf("section %d: %w", i+1, err)
		}
	}
	return p, p.checkLayout()
}

func (p *peFile) findHeaders() error {
	if len(p.data) < peStart+4 || string(p.data[:2]) != "MZ" {
		return errors.New("no PE file: no DOS header")
	}
	at := p.u32(peStart)
	if at > len(p.data)-coffHeader-coffSize || string(p.data[at:at+coffHeader]) != "PE\x00\x00" {
		return errors.New("no PE file: no PE signature")
	}
	p.coff = at + coffHeader
	p.opt = p.coff + coffSize
	p.sections = p.u16(p.coff + coffSections)
	p.table = p.opt + p.u16(p.coff+coffOptional)
	switch {
	case p.table-p.opt < optDirectories:
		return fmt.Errorf("optional header of %d bytes", p.table-p.opt)
	case p.table+p.sections*sectionSize > len(p.data):
		return errors.New("section headers behind the end of the file")
	case p.sections == 0:
		return errors.New("no sections")
	}
	return nil
}

func (p *peFile) readOptional() error {
	p.memAlign, p.fileAlign = p.u32(p.opt+optAlign), p.u32(p.opt+optAlign+4)
	p.memEnd, p.headers = p.u32(p.opt+optImageSize), p.u32(p.opt+optHeadersSize)
	switch {
	case p.u16(p.coff) != machineARM64:
		return fmt.Errorf("machine %#x, want AArch64's %#x", p.u16(p.coff), machineARM64)
	case p.u16(p.opt+optMagic) != magicPE32Plus:
		return fmt.Errorf("optional header's magic %#x, want %#x", p.u16(p.opt+optMagic), magicPE32Plus)
	case p.u16(p.opt+optSubsystem) != efiApplication:
		return fmt.Errorf("subsystem %d, want an EFI application's, %d", p.u16(p.opt+optSubsystem), efiApplication)
	case p.table-p.opt < optSecurity+8:
		return fmt.Errorf("optional header of %d bytes", p.table-p.opt)
	case !alignment(p.memAlign) || !alignment(p.fileAlign) || p.fileAlign > p.memAlign:
		return fmt.Errorf("alignments %d in memory and %d in the file", p.memAlign, p.fileAlign)
	case p.u32(p.opt+optDirectories) > 4 && p.u32(p.opt+optSecurity+4) != 0:
		return errors.New("signed: what is added would break the signature")
	}
	return nil
}

// alignment reports whether a PE file may have this alignment: a power of two up
// to 64 KiB. Microsoft asks for 512 bytes at least; EDK2 builds files with less.
func alignment(n int) bool { return n > 0 && n <= 1<<16 && bits.OnesCount(uint(n)) == 1 }

func (p *peFile) readSection(at int) error {
	name, _, _ := bytes.Cut(p.data[at:at+8], []byte{0})
	size, addr, rawSize, raw := p.u32(at+8), p.u32(at+12), p.u32(at+16), p.u32(at+20)
	if p.names[string(name)] {
		return fmt.Errorf("a second %q", name)
	}
	p.names[string(name)] = true
	p.firstAddr = min(p.firstAddr, addr)
	if rawSize > 0 {
		p.firstFile = min(p.firstFile, raw)
	}
	switch {
	case rawSize > 0 && raw+rawSize > len(p.data):
		return errors.New("behind the end of the file")
	case addr%p.memAlign != 0:
		return fmt.Errorf("address %#x is not aligned to %d", addr, p.memAlign)
	case addr+size > p.memEnd:
		return errors.New("behind the end of the image")
	}
	return nil
}

func (p *peFile) checkLayout() error {
	end := p.table + p.sections*sectionSize
	switch {
	case p.headers > len(p.data):
		return errors.New("headers behind the end of the file")
	case p.headers < end || p.headers > min(p.firstFile, p.firstAddr):
		return fmt.Errorf("headers of %d bytes, between their end at %d and the first section at %d", p.headers, end, min(p.firstFile, p.firstAddr))
	case p.memEnd > maxPE || len(p.data) > maxPE:
		return fmt.Errorf("larger than %d MiB", maxPE>>20)
	}
	return nil
}

// add appends a section: its header behind the last header, its bytes at the end
// of the file, its address at the end of the image.
func (p *peFile) add(s Section) error {
	at := p.table + p.sections*sectionSize
	addr, raw := roundUp(p.memEnd, p.memAlign), roundUp(len(p.data), p.fileAlign)
	rawSize := roundUp(len(s.Data), p.fileAlign)
	switch {
	case s.Name == "" || len(s.Name) > 8:
		return errors.New("a name has 1 to 8 bytes")
	case p.names[s.Name]:
		return errors.New("there already")
	case len(s.Data) == 0:
		return errors.New("empty")
	case at+sectionSize > p.headers:
		return errors.New("no room for its header")
	case len(s.Data) > maxPE-max(addr, raw)-p.memAlign:
		return fmt.Errorf("makes the image larger than %d MiB", maxPE>>20)
	}
	if !unused(p.data[at : at+sectionSize]) {
		return errors.New("the room for its header is in use")
	}
	copy(p.data[at:], s.Name+"\x00\x00\x00\x00\x00\x00\x00\x00"[len(s.Name):])
	p.set32(at+8, len(s.Data))
	p.set32(at+12, addr)
	p.set32(at+16, rawSize)
	p.set32(at+20, raw)
	clear(p.data[at+24 : at+36]) // relocations and line numbers
	p.set32(at+36, initializedRO)
	p.data = append(p.data, make([]byte, raw-len(p.data)+rawSize)...)
	copy(p.data[raw:], s.Data)
	p.names[s.Name] = true
	p.sections++
	p.memEnd = roundUp(addr+len(s.Data), p.memAlign)
	binary.LittleEndian.PutUint16(p.data[p.coff+coffSections:], uint16(p.sections))
	p.set32(p.opt+optData, p.u32(p.opt+optData)+rawSize)
	p.set32(p.opt+optImageSize, p.memEnd)
	p.set32(p.opt+optChecksum, 0) // UEFI ignores it
	return nil
}

// unused reports whether bytes are padding: zeros, or the NOPs by which the
// assembler aligns code.
func unused(b []byte) bool {
	const nop = "\x1f\x20\x03\xd5"
	return len(bytes.Trim(b, "\x00")) == 0 || len(bytes.ReplaceAll(b, []byte(nop), nil)) == 0
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
