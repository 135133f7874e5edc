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
	// maxBlock bounds a logical block. Linux allows at most a page; newer versions
	// allow 64 KiB.
	maxBlock = 64 << 10
)

// Disks reads the first, the last and some other blocks of each disk that has
// blocks. It writes nothing to a disk, and does not keep what it read.
//
// A read behind the last block would show nothing: the kernel refuses it without
// asking the disk.
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
			_ = r.Close() // it was only read
		}
		n.Disks = append(n.Disks, t)
	}
	return nil
}

func readSome(d disk.Disk, r io.ReaderAt) (reads []disk.Reading) {
	offsets := []uint64{0, d.Last()}
	for range randomReads {
		offsets = append(offsets, rand.Uint64N(d.Size/d.Block)*d.Block)
	}
	block := aligned(int(d.Block))
	for _, at := range offsets {
		reads = append(reads, disk.Reading{Offset: at, Result: note.Result(look.ReadWhole(r, block, int64(at)))})
	}
	return reads
}

// aligned returns memory for a direct read. Its address is a multiple of its size,
// which is a power of two.
func aligned(size int) []byte {
	b := make([]byte, 2*size)
	past := int(uintptr(unsafe.Pointer(&b[0])) % uintptr(size))
	return b[size-past:][:size:size]
}
