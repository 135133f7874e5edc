package initramfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
)

// go-diskfs does not write this FAT32 for three reasons: it knows sectors of 512
// bytes only, it takes its times from the environment, and its hidden sectors and
// its count of free clusters would have to be corrected.

// From Microsoft's FAT specification 1.03. The number of clusters alone makes a
// file system FAT32; writers should keep a distance of 16 from the limit.
const (
	fatReserved    = 32 // sectors before the first table
	fatCopies      = 2
	fatMinClusters = 65525 + 16
	fatEnd         = 0x0fffffff // ends a chain of clusters
	fatMedia       = 0xf8       // a fixed disk
	fatInfo        = 1          // sector of FSInfo
	fatBackup      = 6          // sector of the boot sector's copy; FSInfo's copy follows
	fatRoot        = 2          // the first cluster
	fatDirEntry    = 32
	fatDirectory   = 0x10
	fatArchive     = 0x20
	fatVolumeLabel = 0x08
	fatDate        = 0x0021 // 1 January 1980, the first day that FAT knows
	fatLabel       = "VMSPEC     "
)

// A File goes into the ESP. Its name is a path of short names in capitals, with
// slashes between them.
type File struct {
	Name string
	Data []byte
}

// A node is a file or directory of the file system.
type node struct {
	name     string // 11 bytes, as in a directory entry
	data     []byte
	children map[string]*node // nil for a file
	cluster  int
	clusters int
}

// A fat is a FAT32 file system. Its clusters have one sector, and its files lie
// one behind the other.
type fat struct {
	sector  int // bytes of a sector
	hidden  int // sectors before the file system on the disk
	serial  uint32
	sectors int // all
	table   int // sectors of one table
	used    int // clusters that are in use
	nodes   []*node
}

// newFAT lays out files in a file system. At least free clusters stay free, and
// the number of sectors is a multiple of multiple.
func newFAT(files []File, sector, free, multiple int) (*fat, error) {
	root := &node{children: map[string]*node{}}
	for _, f := range files {
		if err := root.insert(f); err != nil {
			return nil, fmt.Errorf("file %q: %w", f.Name, err)
		}
	}
	v := &fat{sector: sector}
	v.place(root)
	clusters := max(v.used+free, fatMinClusters)
	v.sectors = roundUp(fatReserved+fatCopies*v.tableFor(clusters)+clusters, multiple)
	// Rounding added clusters. The tables may have to grow for them.
	for v.table < v.tableFor(v.clusters()) {
		v.table++
	}
	return v, nil
}

// tableFor returns how many sectors a table for so many clusters has. The first
// two entries of a table belong to no cluster.
func (v *fat) tableFor(clusters int) int { return (4*(clusters+2) + v.sector - 1) / v.sector }

func (v *fat) clusters() int { return v.sectors - fatReserved - fatCopies*v.table }

func (n *node) insert(f File) error {
	switch {
	case len(f.Data) == 0:
		return errors.New("empty")
	case uint64(len(f.Data)) > math.MaxUint32: // more than a directory entry can hold
		return errors.New("4 GiB or more")
	}
	dir, base := path.Split(f.Name)
	for part := range strings.SplitSeq(strings.TrimSuffix(dir, "/"), "/") {
		if dir == "" {
			break
		}
		short, err := shortName(part)
		if err != nil {
			return err
		}
		child := n.children[short]
		switch {
		case child == nil:
			child = &node{name: short, children: map[string]*node{}}
			n.children[short] = child
		case child.children == nil:
			return fmt.Errorf("%s is a file", part)
		}
		n = child
	}
	short, err := shortName(base)
	if err != nil {
		return err
	}
	if n.children[short] != nil {
		return errors.New("there already")
	}
	n.children[short] = &node{name: short, data: f.Data}
	return nil
}

// shortName writes a name as a directory entry holds it. It refuses a name that
// would need a long name beside it.
func shortName(name string) (string, error) {
	base, ext, dot := strings.Cut(name, ".")
	ok := len(base) >= 1 && len(base) <= 8 && len(ext) <= 3 && dot == (ext != "")
	for _, r := range base + ext {
		ok = ok && (r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}
	if !ok {
		return "", fmt.Errorf("%q is no short name: one to eight of A-Z, 0-9, - and _, or with a dot and up to three more", name)
	}
	return fmt.Sprintf("%-8s%-3s", base, ext), nil
}

// place gives clusters to a directory and to everything below it.
func (v *fat) place(dir *node) {
	v.take(dir, dir.entries()*fatDirEntry)
	for _, child := range dir.sorted() {
		if child.children == nil {
			v.take(child, len(child.data))
		} else {
			v.place(child)
		}
	}
}

func (v *fat) take(n *node, size int) {
	n.cluster, n.clusters = fatRoot+v.used, (size+v.sector-1)/v.sector
	v.used += n.clusters
	v.nodes = append(v.nodes, n)
}

func (n *node) sorted() []*node {
	var out []*node
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		out = append(out, n.children[name])
	}
	return out
}

// entries counts the entries of a directory, with "." and ".." (in the root: the
// label) and with the empty one at the end.
func (n *node) entries() int { return len(n.children) + 3 }

// pieces returns all parts of the file system that are not zero.
func (v *fat) pieces() []piece {
	boot, info := v.bootSector(), v.infoSector()
	out := []piece{
		{0, boot}, {fatInfo * v.sector, info},
		{fatBackup * v.sector, boot}, {(fatBackup + fatInfo) * v.sector, info},
	}
	table := v.tableEntries()
	for i := range fatCopies {
		out = append(out, piece{(fatReserved + i*v.table) * v.sector, table})
	}
	parents := v.parents()
	for _, n := range v.nodes {
		data := n.data
		if n.children != nil {
			data = n.directory(parents[n])
		}
		out = append(out, piece{(fatReserved + fatCopies*v.table + n.cluster - fatRoot) * v.sector, data})
	}
	return out
}

// parents returns the directory that each file and directory is in.
func (v *fat) parents() map[*node]*node {
	out := map[*node]*node{}
	for _, n := range v.nodes {
		for _, child := range n.children {
			out[child] = n
		}
	}
	return out
}

func (v *fat) bootSector() []byte {
	b := make([]byte, v.sector)
	le := binary.LittleEndian
	copy(b, "\xeb\x58\x90VMSPEC  ")
	le.PutUint16(b[11:], uint16(v.sector))
	b[13] = 1 // sectors in a cluster
	le.PutUint16(b[14:], fatReserved)
	b[16] = fatCopies
	b[21] = fatMedia
	le.PutUint16(b[24:], 63)  // sectors in a track,
	le.PutUint16(b[26:], 255) // and heads: the usual values
	le.PutUint32(b[28:], uint32(v.hidden))
	le.PutUint32(b[32:], uint32(v.sectors))
	le.PutUint32(b[36:], uint32(v.table))
	le.PutUint32(b[44:], fatRoot)
	le.PutUint16(b[48:], fatInfo)
	le.PutUint16(b[50:], fatBackup)
	b[64] = 0x80 // the drive's number
	b[66] = 0x29 // the next three fields are valid
	le.PutUint32(b[67:], v.serial)
	copy(b[71:], fatLabel)
	copy(b[82:], "FAT32   ")
	copy(b[510:], "\x55\xaa")
	return b
}

func (v *fat) infoSector() []byte {
	b := make([]byte, v.sector)
	le := binary.LittleEndian
	copy(b, "RRaA")
	copy(b[484:], "rrAa")
	le.PutUint32(b[488:], uint32(v.clusters()-v.used)) // free
	le.PutUint32(b[492:], uint32(fatRoot+v.used))      // where to look for a free cluster
	copy(b[508:], "\x00\x00\x55\xaa")
	return b
}

func (v *fat) tableEntries() []byte {
	b := make([]byte, 0, 4*(fatRoot+v.used))
	add := func(entry int) { b = binary.LittleEndian.AppendUint32(b, uint32(entry)) }
	add(fatEnd&^0xff | fatMedia)
	add(fatEnd)
	for _, n := range v.nodes {
		for i := 1; i < n.clusters; i++ {
			add(n.cluster + i)
		}
		add(fatEnd)
	}
	return b
}

func (n *node) directory(parent *node) []byte {
	var b bytes.Buffer
	if parent == nil {
		b.Write(dirEntry(fatLabel, fatVolumeLabel, 0, 0))
	} else {
		up := parent.cluster
		if up == fatRoot {
			up = 0 // means the root
		}
		b.Write(dirEntry(".          ", fatDirectory, n.cluster, 0))
		b.Write(dirEntry("..         ", fatDirectory, up, 0))
	}
	for _, child := range n.sorted() {
		kind := byte(fatArchive)
		if child.children != nil {
			kind = fatDirectory
		}
		b.Write(dirEntry(child.name, kind, child.cluster, len(child.data)))
	}
	return b.Bytes()
}

func dirEntry(name string, attributes byte, cluster, size int) []byte {
	b := make([]byte, fatDirEntry)
	le := binary.LittleEndian
	copy(b, name)
	b[11] = attributes
	for _, at := range []int{16, 18, 24} { // dates: created, read, written
		le.PutUint16(b[at:], fatDate)
	}
	le.PutUint16(b[20:], uint16(cluster>>16))
	le.PutUint16(b[26:], uint16(cluster))
	le.PutUint32(b[28:], uint32(size))
	return b
}
