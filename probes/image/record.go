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

// Facts are about the disk that the guest was booted from.
type Facts struct {
	Disk      *Disk  // nil if the guest was booted from none
	None      string // why it is nil
	Name      string // vda
	By        string // how that disk was found
	Partition string // that the guest was booted from, if that is known
	Loader    string // the path of the program that the firmware started, if the EFI stub left it
	Arch      string // of the running kernel, as Go names it; empty where none runs
	Err       string // why the disk is not known
}

// How the disk was found.
const (
	ByLoader  = "LoaderDevicePartUUID"
	ByBoot    = "BootCurrent"
	ByOnlyESP = "only-esp" // a guess: no other disk has an ESP
)

// Read reads the boot disk as recorded in a guest's note, by the same code that
// reads a disk. A guest without UEFI or without a disk has no such note.
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

// withoutNote is for guests that were captured before there was such a note.
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
	NoneKnown = "no-boot-disk" // there are disks, and it is none of them
)

// inspect reads the disk from the blocks of the note.
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
		return fmt.Errorf("%s: %w", note.Path(n), err)
	case f.None != "":
		return nil
	case disk.Sector != 512 && disk.Sector != 4096 || disk.Size > 1<<62:
		return fmt.Errorf("%s: a disk of %d bytes and sectors of %d", note.Path(n), disk.Size, disk.Sector)
	}
	f.Disk = Inspect(r, int64(disk.Size), Options{Sector: int(disk.Sector)})
	return nil
}

// A piece is a part of a disk that was read at once. Zeroes at the end of data are
// left out.
type piece struct {
	at, size uint64
	data     []byte
	err      error
}

// recorded is a disk of which only pieces are known.
type recorded struct{ pieces []piece }

// maxPieces bounds the pieces. From any disk fewer are read.
const maxPieces = 8192

// replay makes a disk from the blocks of a note.
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

// errNotRecorded says that the program which recorded the disk did not read what
// is read today.
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

// piece returns a piece that holds the byte at a place: if possible one that could
// be read.
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

// A Recorder reads a disk and remembers what it read.
type Recorder struct {
	disk   io.ReaderAt
	pieces []piece
	read   map[span]int // indexes into pieces
}

type span struct {
	at   int64
	size int
}

// NewRecorder makes a recorder of a disk.
func NewRecorder(disk io.ReaderAt) *Recorder { return &Recorder{disk: disk, read: map[span]int{}} }

// ReadAt reads from the disk. It remembers what it has read.
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

// blockBytes is how many bytes a block of the note holds at most.
const blockBytes = 3 << 10

// Fill fills a note with what was read.
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
