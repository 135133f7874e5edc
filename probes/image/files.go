package image

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Files are the files of an ESP. They are read whole on the host only; a guest
// reads their beginnings.
type Files struct{ tree *tree }

// A Name is a file's.
type Name struct {
	Path  string // with \ between its parts
	Size  uint32
	first uint32
}

// Bounds on what is read, in bytes: of all files, and of one that is opened.
const (
	filesBudget = 4 << 30
	maxFile     = 512 << 20
)

// OpenFiles opens the file system of one of the disk's ESPs.
func OpenFiles(r io.ReaderAt, d *Disk, e *ESP) (*Files, error) {
	s := &source{r: r, size: d.Size, left: filesBudget}
	base, length, err := e.bytes(d.Sector, d.Size)
	if err != nil {
		return nil, err
	}
	var fs FileSystem
	f := readFAT(s, base, length, &fs)
	if f == nil {
		return nil, errors.New(strings.Join(append(fs.Wrong, fs.Unread), "; "))
	}
	return &Files{&tree{fat: f, esp: &ESP{Partition: e.Partition}, listed: map[uint32][]dirEntry{}}}, nil
}

// All lists the files, up to the bounds of a search.
func (f *Files) All() (names []Name) {
	f.tree.esp.Files = 0
	f.tree.each(func(path string, e dirEntry) { names = append(names, Name{path, e.size, e.first}) })
	return names
}

// Open opens a file. It returns an error if the file's clusters cannot be
// followed.
func (f *Files) Open(n Name) (*io.SectionReader, error) {
	c := &content{s: f.tree.s, size: int64(n.Size)}
	if n.Size > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are more than are read of a file", n.Path, n.Size)
	}
	if err := c.find(f.tree.fat, n.first, n.Size); err != nil {
		return nil, fmt.Errorf("%s: %w", n.Path, err)
	}
	return io.NewSectionReader(c, 0, c.size), nil
}

// content is a file as the runs of clusters that hold it.
type content struct {
	s    *source
	size int64
	runs []run
}

// A run is a part of a file that lies in one piece on the disk.
type run struct{ at, place, length int64 }

func (c *content) find(f *fat, first, size uint32) error {
	if err := f.fits(first, size); err != nil || size == 0 {
		return err
	}
	for at, cluster := int64(0), first; ; {
		place := int64(f.place(cluster))
		if last := len(c.runs) - 1; last >= 0 && c.runs[last].place+c.runs[last].length == place {
			c.runs[last].length += int64(f.cluster)
		} else {
			c.runs = append(c.runs, run{at, place, int64(f.cluster)})
		}
		if at += int64(f.cluster); at >= c.size {
			return nil
		}
		var err error
		if cluster, err = f.goOn(cluster); err != nil {
			return err
		}
	}
}

// ReadAt reads as an [io.ReaderAt] does.
func (c *content) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		if at >= c.size {
			return n, io.EOF
		}
		i, found := slices.BinarySearchFunc(c.runs, at, func(r run, at int64) int { return cmp.Compare(r.at, at) })
		if !found {
			i--
		}
		within := at - c.runs[i].at
		piece, err := c.s.read(uint64(c.runs[i].place+within), int(min(int64(len(b)-n), c.runs[i].length-within, c.size-at, maxPiece)))
		if err != nil {
			return n, err
		}
		n, at = n+copy(b[n:], piece), at+int64(len(piece))
	}
	return n, nil
}

// maxPiece is how much of a file is read at once.
const maxPiece = 1 << 20
