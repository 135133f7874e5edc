package imagetest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// A Layout is where a file system has its parts.
type Layout struct {
	Boot, Table, Root, Data int64
	Sectors                 uint64
	Bits                    int
	Cluster                 int64             // size
	At                      map[string]uint32 // first clusters, by path
	Entries                 map[string]int64  // where the short entries are, by path

	image    *Image
	next     uint32
	tables   int64 // size of one
	sector   int64
	contents map[string][]byte // of directories
}

// Link writes a cluster's value into both tables.
func (l *Layout) Link(cluster, value uint32) {
	for n := range int64(2) {
		at := l.Table + n*l.tables
		switch l.Bits {
		case 12:
			pair := l.image.Get(at+int64(cluster)*3/2, 2)
			v := binary.LittleEndian.Uint16(pair)
			if cluster%2 == 0 {
				v = v&0xf000 | uint16(value)&0xfff
			} else {
				v = v&0xf | uint16(value)<<4
			}
			l.image.Put16(at+int64(cluster)*3/2, v)
		case 16:
			l.image.Put16(at+2*int64(cluster), uint16(value))
		default:
			l.image.Put32(at+4*int64(cluster), value)
		}
	}
}

// Place is where a cluster stands.
func (l *Layout) Place(cluster uint32) int64 { return l.Data + int64(cluster-2)*l.Cluster }

func (i *Image) format(f *FAT, boot int64) *Layout {
	sector := int64(i.Sector)
	l := &Layout{Boot: boot, Bits: f.Bits, Cluster: int64(f.PerCluster) * sector, image: i, sector: sector,
		At: map[string]uint32{}, Entries: map[string]int64{}, contents: map[string][]byte{}, next: 2}
	reserved, rootEntries := int64(32), int64(0)
	if f.Bits != 32 {
		reserved, rootEntries = 1, 512
	}
	l.tables = ((int64(f.Clusters)+2)*int64(f.Bits)/8 + 1 + sector - 1) / sector * sector
	l.Table = boot + reserved*sector
	l.Root = l.Table + 2*l.tables
	l.Data = l.Root + rootEntries*32
	l.Sectors = uint64((l.Data-boot)/sector + int64(f.Clusters)*int64(f.PerCluster))
	i.boot(f, l, reserved, rootEntries)
	if f.Bits == 32 {
		l.allocate(`\`, 1)
	}
	l.Link(0, 0x0ffffff8)
	l.Link(1, 0x0fffffff)
	for _, file := range f.Files {
		l.add(file)
	}
	l.flush()
	if f.Bits == 32 {
		l.summary(f.Clusters)
	}
	return l
}

func (i *Image) boot(f *FAT, l *Layout, reserved, rootEntries int64) {
	at := l.Boot
	i.Put(at, 0xeb, 0x58, 0x90, 'v', 'm', 's', 'p', 'e', 'c', ' ', ' ')
	i.Put16(at+11, uint16(i.Sector))
	i.Put(at+13, f.PerCluster)
	i.Put16(at+14, uint16(reserved))
	i.Put(at+16, 2)
	i.Put16(at+17, uint16(rootEntries))
	i.Put(at+21, 0xf8)
	i.Put16(at+24, 32) // sectors of a track
	i.Put16(at+26, 64) // heads
	i.Put32(at+28, uint32(at/l.sector))
	i.Put32(at+32, uint32(l.Sectors))
	if f.Bits != 32 {
		i.Put16(at+22, uint16(l.tables/l.sector))
		i.Put(at+38, 0x29)
		i.Put(at+43, []byte("NO NAME    FAT16   ")...)
	} else {
		i.Put32(at+36, uint32(l.tables/l.sector))
		i.Put32(at+44, 2)
		i.Put16(at+48, 1)
		i.Put16(at+50, 6)
		i.Put(at+64, 0x80, 0, 0x29)
		i.Put(at+71, []byte("NO NAME    FAT32   ")...)
	}
	i.Put(at+510, 0x55, 0xaa)
}

// summary writes what FAT32 has beside: how many clusters are free, and the
// backup of the boot sector.
func (l *Layout) summary(clusters uint32) {
	i, at := l.image, l.Boot+l.sector
	i.Put(at, []byte("RRaA")...)
	i.Put(at+484, []byte("rrAa")...)
	i.Put32(at+488, clusters-(l.next-2))
	i.Put32(at+492, l.next)
	i.Put(at+510, 0x55, 0xaa)
	i.Put(l.Boot+6*l.sector, i.Get(l.Boot, 2*int(l.sector))...)
}

// allocate takes clusters for a file and chains them.
func (l *Layout) allocate(path string, clusters uint32) uint32 {
	first := l.next
	l.next += clusters
	for c := first; c < l.next-1; c++ {
		l.Link(c, c+1)
	}
	l.Link(l.next-1, 0x0fffffff)
	l.At[path] = first
	return first
}

// add adds a file and the directories above it.
func (l *Layout) add(f File) {
	parts := strings.Split(strings.TrimPrefix(f.Path, `\`), `\`)
	dir, name := `\`, parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		under := strings.TrimSuffix(dir, `\`) + `\` + part
		if _, there := l.At[under]; !there {
			l.directory(dir, under, part)
		}
		dir = under
	}
	if f.Dir {
		l.directory(dir, f.Path, name)
		return
	}
	var first uint32
	if len(f.Data) > 0 {
		first = l.allocate(f.Path, uint32((int64(len(f.Data))+l.Cluster-1)/l.Cluster))
		l.image.Put(l.Place(first), f.Data...)
	}
	l.entry(dir, f.Path, name, 0x20, first, uint32(len(f.Data)))
}

func (l *Layout) directory(parent, path, name string) {
	first := l.allocate(path, 1)
	l.entry(parent, path, name, 0x10, first, 0)
	up := l.At[parent]
	if parent == `\` {
		up = 0
	}
	l.contents[path] = append(short(".          ", 0x10, first, 0), short("..         ", 0x10, up, 0)...)
}

// entry adds a name to a directory, with a long one where it needs it.
func (l *Layout) entry(dir, path, name string, attributes byte, first, size uint32) {
	base, extension, _ := strings.Cut(strings.ToUpper(name), ".")
	plain := fmt.Sprintf("%-8.8s%-3.3s", base, extension)
	if len(base) > 8 || len(extension) > 3 {
		plain = fmt.Sprintf("%-6.6s~1%-3.3s", base, extension)
	}
	if strings.ToUpper(name) != name || strings.Contains(plain, "~") {
		l.contents[dir] = append(l.contents[dir], long(name, plain)...)
	}
	l.Entries[path] = int64(len(l.contents[dir]))
	l.contents[dir] = append(l.contents[dir], short(plain, attributes, first, size)...)
}

// flush writes the directories, with more clusters where they need them.
func (l *Layout) flush() {
	for _, dir := range slices.Sorted(maps.Keys(l.contents)) {
		b, at := l.contents[dir], l.Root
		if dir != `\` || l.Bits == 32 {
			at = l.Place(l.At[dir])
			if over := int64(len(b)) - l.Cluster; over > 0 {
				first, rest := l.At[dir], uint32((over+l.Cluster-1)/l.Cluster)
				second := l.allocate(dir, rest)
				l.At[dir] = first
				l.Link(first, second)
				l.image.Put(l.Place(second), b[l.Cluster:]...)
				l.image.Put(at, b[:l.Cluster]...)
				b = nil
			}
		}
		l.image.Put(at, b...)
		for path := range l.Entries {
			if parent(path) == dir {
				l.Entries[path] += at
			}
		}
	}
}

func parent(path string) string {
	if n := strings.LastIndexByte(path, '\\'); n > 0 {
		return path[:n]
	}
	return `\`
}

func short(name string, attributes byte, first, size uint32) []byte {
	e := make([]byte, 32)
	copy(e, name)
	e[11] = attributes
	binary.LittleEndian.PutUint16(e[20:], uint16(first>>16))
	binary.LittleEndian.PutUint16(e[26:], uint16(first))
	binary.LittleEndian.PutUint32(e[28:], size)
	return e
}

func long(name, plain string) []byte {
	var sum byte
	for _, c := range []byte(plain) {
		sum = sum>>1 | sum<<7
		sum += c
	}
	units := utf16.Encode([]rune(name))
	if len(units)%13 != 0 {
		units = append(units, 0)
	}
	for len(units)%13 != 0 {
		units = append(units, 0xffff)
	}
	var out []byte
	for n := len(units) / 13; n > 0; n-- {
		e := make([]byte, 32)
		e[0], e[11], e[13] = byte(n), 0x0f, sum
		if n == len(units)/13 {
			e[0] |= 0x40
		}
		for u, at := range []int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30} {
			binary.LittleEndian.PutUint16(e[at:], units[(n-1)*13+u])
		}
		out = append(out, e...)
	}
	return out
}
