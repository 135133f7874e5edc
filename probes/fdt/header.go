package fdt

import (
	"errors"
	"fmt"
)

// header is the blob's header: Devicetree Specification 0.4, section 5.2.
type header struct {
	Magic, Total, Struct, Strings, Reserve, Version, LastComp, BootCPU, StringsSize, StructSize uint32
}

// errMagic says that the bytes are no tree at all.
var errMagic = errors.New("header")

func parseHeader(blob []byte) (h header, err error) {
	if len(blob) < headerSize {
		return h, fmt.Errorf("%w: %d bytes, want at least %d", errMagic, len(blob), headerSize)
	}
	d := decoder{data: blob[:headerSize]}
	for _, field := range []*uint32{
		&h.Magic, &h.Total, &h.Struct, &h.Strings, &h.Reserve, &h.Version, &h.LastComp, &h.BootCPU, &h.StringsSize, &h.StructSize,
	} {
		*field = d.u32()
	}
	switch {
	case h.Magic != magic:
		return h, fmt.Errorf("%w: magic %#08x, want %#08x", errMagic, h.Magic, uint32(magic))
	case h.Version < oldest || h.LastComp > newest || h.Version < h.LastComp:
		return h, fmt.Errorf("%w: version %d, compatible down to %d; Linux reads %d and %d", errMagic, h.Version, h.LastComp, oldest, newest)
	}
	return h, nil
}

// The versions whose structure block has the form that is read here. Linux also
// reads those of before 2005.
const oldest, newest = 16, 17

// check returns the first reason for which Linux takes none of the tree
// (scripts/dtc/libfdt/fdt.c, fdt_check_header), and how many bytes there are.
func (h *header) check(blob []byte) (size uint32, err error) {
	size = min(uint32(min(len(blob), MaxSize)), max(h.Total, headerSize))
	inside := func(off, length uint32) bool {
		return off >= headerSize && uint64(off)+uint64(length) <= uint64(size)
	}
	if h.Version < newest { // it has no size of the structure block
		h.StructSize = size - min(size, h.Struct)
	}
	switch {
	case h.Total > MaxSize:
		err = fmt.Errorf("header: total size %d is over the %d that Linux takes", h.Total, MaxSize)
	case uint64(h.Total) > uint64(len(blob)):
		err = fmt.Errorf("header: total size %d, but there are %d bytes", h.Total, len(blob))
	case !inside(h.Struct, h.StructSize):
		err = fmt.Errorf("header: structure block at %#x, size %#x", h.Struct, h.StructSize)
	case !inside(h.Strings, h.StringsSize):
		err = fmt.Errorf("header: strings block at %#x, size %#x", h.Strings, h.StringsSize)
	case !inside(h.Reserve, 0):
		err = fmt.Errorf("header: memory reservation block at %#x", h.Reserve)
	}
	return size, err
}

// part returns as much of a block as there is.
func part(blob []byte, off, size uint32) []byte {
	if off < headerSize || uint64(off) > uint64(len(blob)) {
		return nil
	}
	return blob[off:min(uint64(len(blob)), uint64(off)+uint64(size))]
}
