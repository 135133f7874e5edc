package image

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"vmspec/probes/disk"
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

// noteName is the note that probes/guest leaves: lines
//
//	none REASON                          the guest was booted from no disk
//	disk NAME SIZE SECTOR HOW            bytes, bytes
//	partition GUID
//	loader "PATH"
//	block OFFSET LENGTH BASE64           what was read, without zeroes at its end
//	unread OFFSET LENGTH TEXT            an error of the kernel's
const noteName = "image"

// Read returns what a guest's note shows of its boot disk, by the same readers
// as those of a disk. A guest without UEFI or without a disk has none.
func Read(fsys fs.FS) (*Facts, error) {
	lines, err := note.Read(fsys, noteName)
	if errors.As(err, new(*fs.PathError)) {
		return withoutNote(fsys, err)
	}
	f := &Facts{}
	if arch, err := note.Read(fsys, "arch"); err == nil && len(arch) > 0 {
		f.Arch = arch[0].Word(0)
	}
	if err == nil {
		err = f.parse(lines)
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

func (f *Facts) parse(lines []note.Line) error {
	var size, sector uint64
	var r recorded
	for _, l := range lines {
		var err error
		switch l.Word(0) {
		case "none":
			f.None = l.Word(1)
		case "disk":
			f.Name, f.By = l.Word(1), l.Word(4)
			err = l.Scan([]int{2, 3}, &size, &sector)
		case "partition":
			f.Partition = l.Word(1)
		case "loader":
			f.Loader, err = strconv.Unquote(l.Rest(1))
		case "block", "unread":
			err = r.add(l)
		}
		if err != nil {
			return fmt.Errorf("vmspec/%s: %w", noteName, err)
		}
	}
	switch {
	case f.None != "":
		return nil
	case sector != 512 && sector != 4096 || size > 1<<62:
		return fmt.Errorf("vmspec/%s: a disk of %d bytes and sectors of %d", noteName, size, sector)
	}
	f.Disk = Inspect(&r, int64(size), Options{Sector: int(sector)})
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

func (r *recorded) add(l note.Line) error {
	var p piece
	if err := l.Scan([]int{1, 2}, &p.at, &p.size); err != nil {
		return err
	}
	switch text := l.Word(3); {
	case p.size > budget || p.at > 1<<62:
		return fmt.Errorf("%s of %d bytes at byte %d", l.Word(0), p.size, p.at)
	case len(r.pieces) == maxPieces:
		return fmt.Errorf("more than %d pieces", maxPieces)
	case l.Word(0) == "unread":
		p.err = errors.New(cmp.Or(l.Rest(3), "unread"))
	default:
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil || uint64(len(data)) > p.size {
			return fmt.Errorf("block at byte %d: %q is not base64 of at most %d bytes", p.at, text[:min(len(text), 16)], p.size)
		}
		p.data = data
	}
	r.pieces = append(r.pieces, p)
	return nil
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

// lineBytes is how much of a disk a line of the note holds at most.
const lineBytes = 3 << 10

// Write writes the lines of what was read, errors as result says them.
func (r *Recorder) Write(out io.Writer, result func(error) string) error {
	for _, p := range r.pieces {
		if p.err != nil {
			if _, err := fmt.Fprintf(out, "unread %d %d %s\n", p.at, p.size, result(p.err)); err != nil {
				return err
			}
			continue
		}
		for begin := uint64(0); begin < p.size; begin += lineBytes {
			n := min(p.size-begin, lineBytes)
			data := p.data[min(begin, uint64(len(p.data))):min(begin+n, uint64(len(p.data)))]
			text := base64.StdEncoding.EncodeToString(bytes.TrimRight(data, "\x00"))
			if _, err := fmt.Fprintf(out, "block %d %d %s\n", p.at+begin, n, text); err != nil {
				return err
			}
		}
	}
	return nil
}
