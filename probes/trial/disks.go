package trial

import (
	"fmt"
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

// TrialDisks reads the first, the last and some other blocks of each disk that
// has any. It writes
//
//	open DISK RESULT
//	read DISK OFFSET RESULT   a logical block at this byte
//
// with results as [tryVariables] has them, and "short BYTES" where fewer came.
// Nothing is written to a disk, nor is what was read kept.
//
// One block more, behind the end, would say nothing: the kernel answers such a
// read by itself.
func TrialDisks(disks []disk.Disk, out io.Writer) error {
	return tryDisks(disks, look.OpenDisk, out)
}

func tryDisks(disks []disk.Disk, open func(name string) (look.BlockReader, error), out io.Writer) error {
	for _, d := range disks {
		if d.Removable || d.Block == 0 || d.Block > maxBlock || d.Size < d.Block {
			continue // there may be no medium
		}
		r, err := open(d.Name)
		fmt.Fprintf(out, "open %s %s\n", d.Name, note.Result(err))
		if err != nil {
			continue
		}
		tryDisk(d, r, out)
		_ = r.Close() // what was only read
	}
	return nil
}

func tryDisk(d disk.Disk, r io.ReaderAt, out io.Writer) {
	blocks := d.Size / d.Block
	offsets := []uint64{0, blocks - 1}
	for range randomReads {
		offsets = append(offsets, rand.Uint64N(blocks))
	}
	block := aligned(int(d.Block))
	for _, n := range offsets {
		fmt.Fprintf(out, "read %s %d %s\n", d.Name, n*d.Block, note.Result(look.ReadWhole(r, block, int64(n*d.Block))))
	}
}

// aligned returns memory that a disk can read into: at an address that is a
// multiple of its size, a power of two.
func aligned(size int) []byte {
	b := make([]byte, 2*size)
	past := int(uintptr(unsafe.Pointer(&b[0])) % uintptr(size))
	return b[size-past:][:size:size]
}
