// Package imagefile opens the files in which disk images lie. Of a file that is
// no raw disk image it says what it is, and reads it where it can: through a
// library, or through qemu-img where that is installed.
//
// A file is told by its content. A name proves nothing.
package imagefile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"vmspec/probes/image"
)

// An Image is a disk as a VM sees it.
type Image struct {
	io.ReaderAt
	Size   int64
	Sector int    // of a block device, in bytes; 0 for a file, whose table tells
	In     string // what it lay in; empty for a raw disk image
	file   *os.File

	temporary bool // the file has no name
}

// Close closes the file.
func (i *Image) Close() error { return i.file.Close() }

// SectorSize is what the sectors of the disk are: a device's own, else those for
// which the partition table was made.
func (i *Image) SectorSize() int {
	if i.Sector != 0 {
		return i.Sector
	}
	return image.ReadTables(i, i.Size, 0).Sector
}

// Open opens a raw disk image. The error for any other file says what it is, and
// what makes a raw disk image of it.
func Open(name string) (*Image, error) {
	i, f, err := open(name)
	if err != nil {
		return nil, err
	}
	if f != nil {
		return nil, errors.Join(f.refusal(i, name), i.Close())
	}
	return i, nil
}

// Read opens a disk image, and reads it out of what it is packed in.
func Read(ctx context.Context, name string) (*Image, error) {
	i, f, err := open(name)
	if err != nil || f == nil {
		return i, err
	}
	return i.unpack(ctx, f, name)
}

// open opens a file and says what it is; no form is a raw disk's.
func open(name string) (*Image, *form, error) {
	file, err := openFile(name)
	if err != nil {
		return nil, nil, err
	}
	i := &Image{ReaderAt: file, file: file}
	f, err := i.look()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, errors.Join(err, file.Close()))
	}
	return i, f, nil
}

// look finds out the size, and what the file is.
func (i *Image) look() (f *form, err error) {
	info, err := i.file.Stat()
	if err != nil {
		return nil, err
	}
	if i.Size = info.Size(); !info.Mode().IsRegular() {
		if i.Size, i.Sector, err = device(i.file); err != nil {
			return nil, err
		}
	}
	return identify(i, i.Size)
}

// openFile opens a file or a block device. A pipe is not opened: that would wait
// for whoever writes to it.
func openFile(name string) (*os.File, error) {
	info, err := os.Stat(name)
	switch {
	case name == "-" && err != nil:
		return nil, errors.New("-: a disk image is read at its end too, so standard input is none: write it to a file first")
	case err != nil:
		return nil, err
	}
	switch kind := info.Mode().Type(); {
	case kind.IsDir():
		return nil, fmt.Errorf("%s: is a directory", name)
	case !kind.IsRegular() && (kind&os.ModeDevice == 0 || kind&os.ModeCharDevice != 0):
		return nil, fmt.Errorf("%s: is neither a file nor a block device", name)
	}
	return os.Open(name)
}

// device returns the size of a block device, which is where it ends, and of its
// sectors, 0 where the system does not tell.
func device(f *os.File) (size int64, sector int, err error) {
	if size, err = f.Seek(0, io.SeekEnd); err != nil {
		return 0, 0, err
	}
	if size == 0 {
		return 0, 0, errors.New("this system does not tell the size of a block device, or it has no medium: copy it to a file")
	}
	sector, err = sectorOf(f)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return size, 0, nil
	case err != nil:
		return 0, 0, fmt.Errorf("size of its sectors: %w", err)
	case sector != 512 && sector != 4096:
		return 0, 0, fmt.Errorf("its sectors have %d bytes, and disks have 512 or 4096", sector)
	}
	return size, sector, nil
}
