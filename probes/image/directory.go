package image

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Directories.
const (
	dirEntrySize  = 32
	dirPiece      = 4096
	maxDirSize    = 2 << 20 // 65,536 entries
	attrVolume    = 0x08
	attrDirectory = 0x10
	attrLongName  = 0x0f
)

// A dirEntry is a file or directory in a directory.
type dirEntry struct {
	long, short string // long is empty where it has none
	directory   bool
	first, size uint32
}

// list reads the directory that begins at a cluster; 0 is the root. With an
// error it returns what was read before it.
func (f *fat) list(cluster uint32) (entries []dirEntry, err error) {
	d := dirReader{wide: f.bits == 32}
	if cluster == 0 && f.rootAt == 0 {
		_, err := f.listPiece(&d, f.root, f.rootSize)
		return d.entries, err
	}
	if cluster == 0 {
		cluster = f.rootAt
	}
	visited := map[uint32]bool{}
	for read := uint64(0); cluster != 0; read += f.cluster {
		switch {
		case !f.has(cluster):
			return d.entries, fmt.Errorf("it begins at cluster %d of %d", cluster, f.clusters)
		case visited[cluster]:
			return d.entries, fmt.Errorf("its chain of clusters goes in a circle, at cluster %d", cluster)
		case read >= maxDirSize:
			return d.entries, fmt.Errorf("it is larger than %d bytes", maxDirSize)
		}
		visited[cluster] = true
		if end, err := f.listPiece(&d, f.place(cluster), f.cluster); end || err != nil {
			return d.entries, err
		}
		if cluster, err = f.next(cluster); err != nil {
			return d.entries, err
		}
	}
	return d.entries, nil
}

// listPiece reads a part of a directory, and reports whether the directory ends
// in it.
func (f *fat) listPiece(d *dirReader, at, size uint64) (end bool, err error) {
	for size > 0 {
		n := min(size, dirPiece)
		b, err := f.s.read(at, int(n))
		if err != nil {
			return false, err
		}
		if d.parse(b) {
			return true, nil
		}
		at, size = at+n, size-n
	}
	return false, nil
}

// A dirReader collects the entries of a directory, with their long names.
type dirReader struct {
	wide    bool // clusters have 32 bits
	entries []dirEntry
	long    [maxLongParts]string
	parts   int    // of the long name, as its last part says
	missing uint32 // a bit for each part that was not read yet
	sum     byte
}

const maxLongParts = 20

// parse reads a part of a directory, and reports whether the directory ends in
// it.
func (d *dirReader) parse(b []byte) (end bool) {
	for ; len(b) >= dirEntrySize; b = b[dirEntrySize:] {
		e := b[:dirEntrySize]
		switch {
		case e[0] == 0:
			return true
		case e[0] == 0xe5:
			d.parts = 0
		case e[11]&0x3f == attrLongName:
			d.part(e)
		case e[11]&attrVolume != 0:
			d.parts = 0
		default:
			d.entry(e)
		}
	}
	return false
}

// part reads a part of a long name; the last part comes first.
func (d *dirReader) part(e []byte) {
	n := int(e[0] & 0x3f)
	if e[0]&0x40 != 0 {
		d.parts, d.missing, d.sum = n, 1<<min(n, maxLongParts)-1, e[13]
	}
	if n == 0 || n > d.parts || d.parts > maxLongParts || e[13] != d.sum {
		d.parts = 0
		return
	}
	units := append(append(append([]byte(nil), e[1:11]...), e[14:26]...), e[28:32]...)
	d.long[n-1] = Text(units)
	d.missing &^= 1 << (n - 1)
}

func (d *dirReader) entry(e []byte) {
	defer func() { d.parts = 0 }()
	out := dirEntry{
		short: shortName(e), directory: e[11]&attrDirectory != 0,
		first: uint32(binary.LittleEndian.Uint16(e[26:])), size: binary.LittleEndian.Uint32(e[28:]),
	}
	if d.wide {
		out.first |= uint32(binary.LittleEndian.Uint16(e[20:])) << 16
	}
	if out.short == "." || out.short == ".." {
		return
	}
	if d.parts > 0 && d.missing == 0 && d.sum == shortSum(e) {
		for _, part := range d.long[:d.parts] {
			out.long += part
		}
	}
	d.entries = append(d.entries, out)
}

// shortName joins the eight and the three characters of a name.
func shortName(e []byte) string {
	trim := func(b []byte) string {
		for len(b) > 0 && b[len(b)-1] == ' ' {
			b = b[:len(b)-1]
		}
		return string(b)
	}
	base, extension := trim(e[:8]), trim(e[8:11])
	if extension != "" {
		return base + "." + extension
	}
	return base
}

func shortSum(e []byte) (sum byte) {
	for _, c := range e[:11] {
		sum = bits.RotateLeft8(sum, -1) + c
	}
	return sum
}
