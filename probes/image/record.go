package image

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"vmspec/probes/disk"
	"vmspec/probes/kernel"
	"vmspec/probes/note"
)

// Facts are about the disk from which the guest was booted.
type Facts struct {
	Disk      *Disk  // nil if the guest was booted from none
	None      string // why it is nil
	Name      string // vda
	By        string // how it was found to be that disk
	Partition string // from which the guest was booted, if that is known
	Loader    string // the path of the program that the firmware started, if the EFI stub left it
	Arch      string // of the running kernel, as Go names it; empty where none runs
	Err       string // why it is not known
}

// How the disk was found.
const (
	ByLoader  = "LoaderDevicePartUUID"
	ByBoot    = "BootCurrent"
	ByOnlyESP = "only-esp" // a guess: no other disk has an ESP
)

// Read returns what a guest's note shows of its boot disk, by the same readers
// as those of a disk. A guest without UEFI or without a disk has none.
func Read(fsys fs.FS) (*Facts, error) {
	var n Note
	err := note.Read(fsys, &n)
	if errors.As(err, new(*fs.PathError)) {
		return withoutNote(fsys, err)
	}
	f := &Facts{}
	arch := kernel.ArchNote()
	if note.Read(fsys, arch) == nil {
		f.Arch = strings.TrimSpace(arch.Text)
	}
	if err == nil {
		err = f.inspect(&n)
	}
	if err != nil {
		return &Facts{Err: err.Error()}, nil
	}
	return f, nil
}

// withoutNote answers for guests that were captured before there was one.
func withoutNote(fsys fs.FS, missing error) (*Facts, error) {
	_, err := fs.Stat(fsys, "sys/firmware/efi/fw_platform_size")
	if errors.Is(err, fs.ErrNotExist) {
		return &Facts{None: NoUEFI}, nil
	}
	if err != nil {
		return nil, err
	}
	disks, err := disk.Read(fsys)
	switch {
	case err != nil:
		return nil, err
	case len(disks) == 0:
		return &Facts{None: NoDisk}, nil
	}
	return &Facts{Err: missing.Error()}, nil
}

// Reasons for which a guest was booted from no disk.
const (
	NoUEFI    = "no-uefi"
	NoDisk    = "no-disk"
	NoneKnown = "no-boot-disk" // of those that there are
)

// inspect looks at the disk of which the note has blocks.
func (f *Facts) inspect(n *Note) error {
	f.None, f.Partition, f.Loader = n.None, n.Partition, n.Loader
	var disk Boot
	if n.Boot != nil {
		disk = *n.Boot
	}
	f.Name, f.By = disk.Name, disk.By
	r, err := replay(n)
	switch {
	case err != nil:
		return fmt.Errorf("vmspec/image: %w", err)
	case f.None != "":
		return nil
	case disk.Sector != 512 && disk.Sector != 4096 || disk.Size > 1<<62:
		return fmt.Errorf("vmspec/image: a disk of %d bytes and sectors of %d", disk.Size, disk.Sector)
	}
	f.Disk = Inspect(r, int64(disk.Size), Options{Sector: int(disk.Sector)})
	return nil
}

// A piece is a stretch of a disk as it was read; data lacks zeroes at its end.
type piece struct {
	at, size uint64
	data     []byte
	err      error
}

// recorded is a disk of which only pieces are known.
type recorded struct{ pieces []piece }

// maxPieces bounds them: of any disk fewer are read.
const maxPieces = 8192

// replay is the disk of which a note has blocks.
func replay(n *Note) (*recorded, error) {
	if len(n.Blocks)+len(n.Unread) > maxPieces {
		return nil, fmt.Errorf("more than %d pieces", maxPieces)
	}
	var r recorded
	for _, b := range n.Blocks {
		if uint64(len(b.Data)) > b.Length {
			return nil, fmt.Errorf("block of %d bytes at byte %d: %d bytes were read", b.Length, b.Offset, len(b.Data))
		}
		r.pieces = append(r.pieces, piece{at: b.Offset, size: b.Length, data: b.Data})
	}
	for _, u := range n.Unread {
		r.pieces = append(r.pieces, piece{at: u.Offset, size: u.Length, err: errors.New(u.Result)})
	}
	for _, p := range r.pieces {
		if p.size > budget || p.at > 1<<62 {
			return nil, fmt.Errorf("%d bytes at byte %d", p.size, p.at)
		}
	}
	return &r, nil
}

// errNotRecorded says that a reader of before did not want what one of today
// wants.
var errNotRecorded = errors.New("not captured")

// ReadAt puts pieces together.
func (r *recorded) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		p := r.piece(uint64(at) + uint64(n))
		switch {
		case p == nil:
			return n, errNotRecorded
		case p.err != nil:
			return n, p.err
		}
		within := uint64(at) + uint64(n) - p.at
		stretch := b[n:][:min(uint64(len(b)-n), p.size-within)]
		clear(stretch)
		if within < uint64(len(p.data)) {
			copy(stretch, p.data[within:])
		}
		n += len(stretch)
	}
	return n, nil
}

// piece returns one that holds the byte at a place, if it can one that was
// read.
func (r *recorded) piece(at uint64) (found *piece) {
	for i := range r.pieces {
		if p := &r.pieces[i]; p.at <= at && at-p.at < p.size {
			if found = p; p.err == nil {
				break
			}
		}
	}
	return found
}

// A Recorder is a disk that remembers what was read of it.
type Recorder struct {
	disk   io.ReaderAt
	pieces []piece
	read   map[span]int // their numbers
}

type span struct {
	at   int64
	size int
}

// NewRecorder records what is read of a disk.
func NewRecorder(disk io.ReaderAt) *Recorder { return &Recorder{disk: disk, read: map[span]int{}} }

// ReadAt reads from the disk, or again what was so read before.
func (r *Recorder) ReadAt(b []byte, at int64) (int, error) {
	if n, again := r.read[span{at, len(b)}]; again && r.pieces[n].err == nil {
		clear(b)
		copy(b, r.pieces[n].data)
		return len(b), nil
	}
	n, err := r.disk.ReadAt(b, at)
	p := piece{at: uint64(at), size: uint64(len(b))}
	if n < len(b) {
		p.err = cmp.Or(err, io.ErrUnexpectedEOF)
	} else {
		p.data, err = bytes.TrimRight(bytes.Clone(b), "\x00"), nil
	}
	r.read[span{at, len(b)}] = len(r.pieces)
	r.pieces = append(r.pieces, p)
	return n, err
}

// blockBytes is how much of a disk a block of the note holds at most.
const blockBytes = 3 << 10

// Fill puts into a note what was read.
func (r *Recorder) Fill(n *Note) {
	for _, p := range r.pieces {
		if p.err != nil {
			n.Unread = append(n.Unread, Unread{p.at, p.size, note.Result(p.err)})
			continue
		}
		for begin := uint64(0); begin < p.size; begin += blockBytes {
			length := min(p.size-begin, blockBytes)
			data := p.data[min(begin, uint64(len(p.data))):min(begin+length, uint64(len(p.data)))]
			n.Blocks = append(n.Blocks, Block{p.at + begin, length, bytes.TrimRight(data, "\x00")})
		}
	}
}
