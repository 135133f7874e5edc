package trial

import (
	"io"
	"math/rand/v2"
	"unsafe"

	"vmspec/probes/disk"
	"vmspec/probes/look"
	"vmspec/probes/note"
)

const (
	// randomReads is how many blocks are read beside the first and the last.
	randomReads = 2
	// maxBlock bounds a logical block; Linux has none larger than a page, or
	// than 64 KiB.
	maxBlock = 64 << 10
)

// Disks reads the first, the last and some other blocks of each disk that has any.
// Nothing is written to a disk, nor is what was read kept.
//
// One block more, behind the end, would say nothing: the kernel answers such a
// read by itself.
func Disks(disks []disk.Disk, n *disk.Note) error {
	return tryDisks(disks, look.OpenDisk, n)
}

func tryDisks(disks []disk.Disk, open func(name string) (look.BlockReader, error), n *disk.Note) error {
	for _, d := range disks {
		if d.Removable || d.Block == 0 || d.Block > maxBlock || d.Size < d.Block {
			continue // there may be no medium
		}
		t := disk.Trial{Name: d.Name}
		r, err := open(d.Name)
		if t.Open = note.Result(err); err == nil {
			t.Reads = readSome(d, r)
			_ = r.Close() // what was only read
		}
		n.Disks = append(n.Disks, t)
	}
	return nil
}

func readSome(d disk.Disk, r io.ReaderAt) (reads []disk.Reading) {
	blocks := d.Size / d.Block
	offsets := []uint64{0, blocks - 1}
	for range randomReads {
		offsets = append(offsets, rand.Uint64N(blocks))
	}
	block := aligned(int(d.Block))
	for _, b := range offsets {
		at := b * d.Block
		reads = append(reads, disk.Reading{Offset: at, Result: note.Result(look.ReadWhole(r, block, int64(at)))})
	}
	return reads
}

// aligned returns memory that a disk can read into: at an address that is a
// multiple of its size, a power of two.
func aligned(size int) []byte {
	b := make([]byte, 2*size)
	past := int(uintptr(unsafe.Pointer(&b[0])) % uintptr(size))
	return b[size-past:][:size:size]
}
