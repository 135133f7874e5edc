package acpi

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
)

// A reader takes little-endian fields off the front of a table. The first
// field that is not there sets err, and all that follow are zero.
type reader struct {
	data []byte
	err  error
}

// take returns the next n bytes.
func (r *reader) take(n int) []byte {
	if r.err == nil && n > len(r.data) {
		r.err = fmt.Errorf("truncated: %d bytes where %d are needed", len(r.data), n)
	}
	if r.err != nil {
		return make([]byte, n)
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

func (r *reader) u8() uint8   { return r.take(1)[0] }
func (r *reader) u16() uint16 { return binary.LittleEndian.Uint16(r.take(2)) }
func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

// structures walks what is left as a list of structures, each of a type byte
// and a length of wide bytes that counts both. It yields the structure's type
// and what follows its length, and sets err if the list or an item is broken. An
// item that is too short costs no other.
func (r *reader) structures(wide int) iter.Seq2[uint8, *reader] {
	return func(yield func(uint8, *reader) bool) {
		var short error
		defer func() { r.err = cmp.Or(r.err, short) }()
		for n := 0; r.err == nil && len(r.data) > 0; n++ {
			kind, length := r.u8(), int(r.u8())
			if wide == 2 {
				length |= int(r.u8()) << 8
			}
			head := 1 + wide
			if r.err == nil && (length < head || length-head > len(r.data)) {
				r.err = fmt.Errorf("length %d", length)
			}
			if r.err != nil {
				r.err = fmt.Errorf("entry %d: %w", n, r.err)
				return
			}
			item := &reader{data: r.take(length - head)}
			if !yield(kind, item) {
				return
			}
			if item.err != nil && short == nil {
				short = fmt.Errorf("entry %d: type %#x: %w", n, kind, item.err)
			}
		}
	}
}
