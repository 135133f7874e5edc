package imagetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"vmspec/initramfs"
)

// initramfs writes FAT32 alone, with clusters of one sector, short names and
// without empty files. Whatever else tests need is made here, by changes to that.

// A Layout says where the parts of a file system are.
type Layout struct {
	Boot, Table, Root, Data int64
	Sectors                 uint64
	Bits                    int
	Cluster                 int64             // size
	At                      map[string]uint32 // first clusters, by path
	Entries                 map[string]int64  // where the short entries are, by path

	image  *Image
	sector int64
	tables int64  // size of one
	next   uint32 // the first cluster that was never used
	unused uint32 // clusters before next that are free again
}

const (
	rootEntries  = 512 // of a FAT12 or FAT16
	dirEntrySize = 32
	endOfChain   = 0x0fffffff
)

// number reads a little-endian number of size bytes, two or four.
func (l *Layout) number(at int64, size int) uint32 {
	return binary.LittleEndian.Uint32(append(l.image.Get(at, size), 0, 0))
}

// link is a cluster's value in a FAT32.
func (l *Layout) link(cluster uint32) uint32 { return l.number(l.Table+4*int64(cluster), 4) }

// Link writes a cluster's value into both tables.
func (l *Layout) Link(cluster, value uint32) {
	for n := range int64(2) {
		at := l.Table + n*l.tables
		switch l.Bits {
		case 12:
			at += int64(cluster) * 3 / 2
			v := uint16(l.number(at, 2))
			if cluster%2 == 0 {
				v = v&0xf000 | uint16(value)&0xfff
			} else {
				v = v&0xf | uint16(value)<<4
			}
			l.image.Put16(at, v)
		case 16:
			l.image.Put16(at+2*int64(cluster), uint16(value))
		default:
			l.image.Put32(at+4*int64(cluster), value)
		}
	}
}

// Place is where a cluster lies.
func (l *Layout) Place(cluster uint32) int64 { return l.Data + int64(cluster-2)*l.Cluster }

// SectorSize is that of the file system, in bytes.
func (l *Layout) SectorSize() int { return int(l.sector) }

func (i *Image) format(f *FAT, boot int64) *Layout {
	p := plan(f.Files)
	l := i.copyESP(written(i.Sector*int(f.PerCluster), p.files), boot)
	perCluster := f.PerCluster
	if f.Large {
		l.sector, perCluster = int64(i.Sector)*int64(perCluster), 1
	}
	l.divide(perCluster)
	l.resize(f.Clusters)
	if f.Bits != 32 {
		l.narrow(f.Bits, int64(f.Clusters))
	}
	l.rewrite(p, `\`)
	if f.Bits == 32 {
		i.Put32(l.Boot+l.sector*int64(perCluster)+488, f.Clusters-(l.next-2)+l.unused)
		l.backup(perCluster)
	}
	return l
}

// copyESP copies the file system of a disk that initramfs wrote.
func (i *Image) copyESP(disk *Image, boot int64) *Layout {
	for number, b := range disk.pages {
		if at := number * page; at >= edge && at < disk.Size-edge {
			i.Put(boot+at-edge, b...)
		}
	}
	l := &Layout{Boot: boot, Bits: 32, Cluster: int64(disk.Sector), image: i, sector: int64(disk.Sector),
		At: map[string]uint32{`\`: 2}, Entries: map[string]int64{}}
	l.tables = int64(l.number(boot+36, 4)) * l.sector
	l.Table = boot + int64(l.number(boot+14, 2))*l.sector
	l.Data = l.Table + 2*l.tables
	l.Root = l.Data
	l.next = l.number(boot+l.sector+492, 4)
	i.Put32(boot+28, uint32(boot/int64(i.Sector))) // sectors before it
	return l
}

// divide makes sectors smaller. Clusters stay, and have several sectors then.
func (l *Layout) divide(by byte) {
	l.sector /= int64(by)
	l.image.Put16(l.Boot+11, uint16(l.sector))
	l.image.Put(l.Boot+13, by)
	for _, at := range []int64{14, 48, 50} { // before the tables; FSInfo; the backup
		l.image.Put16(l.Boot+at, uint16(l.number(l.Boot+at, 2))*uint16(by))
	}
	l.image.Put32(l.Boot+36, l.number(l.Boot+36, 4)*uint32(by)) // of a table
}

// resize gives the file system another number of clusters.
func (l *Layout) resize(clusters uint32) {
	if int64(clusters+2)*4 > l.tables {
		panic(fmt.Sprintf("%d clusters are more than the tables of initramfs are for", clusters))
	}
	l.Sectors = uint64(l.Place(clusters+2)-l.Boot) / uint64(l.sector)
	l.image.Put32(l.Boot+32, uint32(l.Sectors))
}

// narrow makes it a FAT12 or FAT16. The clusters stay where they are, and the
// root directory goes before them.
func (l *Layout) narrow(bits int, clusters int64) {
	links := make([]uint32, l.next)
	for c := range links {
		links[c] = l.link(uint32(c))
	}
	boot, root := l.image.Get(l.Boot, 90), l.chain(2)
	l.image.Put(l.Boot+512, make([]byte, l.Data-l.Boot-512)...)
	l.Bits, l.Root = bits, l.Data-rootEntries*dirEntrySize
	l.tables = (((clusters+2)*int64(bits)+7)/8 + l.sector - 1) / l.sector * l.sector
	l.Table = l.Root - 2*l.tables
	l.image.Put16(l.Boot+14, uint16((l.Table-l.Boot)/l.sector))
	l.image.Put16(l.Boot+17, rootEntries)
	l.image.Put16(l.Boot+22, uint16(l.tables/l.sector))
	l.image.Put(l.Boot+36, append(append([]byte{0x80, 0}, boot[66:82]...), fmt.Sprintf("FAT%d   ", bits)...)...)
	l.image.Put(l.Boot+62, make([]byte, 28)...)
	for c, value := range links {
		l.Link(uint32(c), value)
	}
	for n, c := range root {
		l.image.Put(l.Root+int64(n)*l.Cluster, l.image.Get(l.Place(c), int(l.Cluster))...)
		l.free(c)
	}
}

// chain lists the clusters of a FAT32 from one on.
func (l *Layout) chain(first uint32) []uint32 {
	out := []uint32{first}
	for c := l.link(first); c < endOfChain; c = l.link(c) {
		out = append(out, c)
	}
	return out
}

func (l *Layout) free(cluster uint32) {
	l.Link(cluster, 0)
	l.unused++
}

// backup copies the boot sector and FSInfo to where their backups are.
func (l *Layout) backup(perCluster byte) {
	unit := l.sector * int64(perCluster)
	l.image.Put(l.Boot+6*unit, l.image.Get(l.Boot, int(2*unit))...)
}

// A planned is what initramfs is asked to write.
type planned struct {
	files  []initramfs.File
	paths  map[string]map[string]string // the real path, by directory and by the name that initramfs writes
	hollow map[string]bool              // files and directories that must be empty in the end
}

// filler is a file that stands in a directory which must be empty in the end.
const filler = "FILLER"

func plan(files []File) *planned {
	p := &planned{paths: map[string]map[string]string{}, hollow: map[string]bool{}}
	for _, f := range files {
		data := f.Data
		if len(data) == 0 {
			p.hollow[f.Path] = true
			data = []byte{0}
		}
		var short []string
		dir := `\`
		for part := range strings.SplitSeq(strings.TrimPrefix(f.Path, `\`), `\`) {
			path := strings.TrimSuffix(dir, `\`) + `\` + part
			short = append(short, p.short(dir, path, part))
			dir = path
		}
		if f.Dir {
			short = append(short, filler)
		}
		p.files = append(p.files, initramfs.File{Name: strings.Join(short, "/"), Data: data})
	}
	return p
}

// short chooses the short name for a path: the name in capitals if it is short
// enough, else a made-up one.
func (p *planned) short(dir, path, name string) string {
	if p.paths[dir] == nil {
		p.paths[dir] = map[string]string{}
	}
	for raw, other := range p.paths[dir] {
		if other == path {
			return plain(raw)
		}
	}
	raw := padded(strings.ToUpper(name))
	if _, taken := p.paths[dir][raw]; taken || !strings.EqualFold(plain(raw), name) {
		raw = padded(fmt.Sprintf("LONG%d", len(p.paths[dir])))
	}
	p.paths[dir][raw] = path
	return plain(raw)
}

// padded writes a name as an entry holds it; what is too long is cut.
func padded(name string) string {
	base, extension, _ := strings.Cut(name, ".")
	return fmt.Sprintf("%-8.8s%-3.3s", base, extension)
}

// plain undoes padded.
func plain(raw string) string {
	return strings.TrimSuffix(strings.TrimRight(raw[:8], " ")+"."+strings.TrimRight(raw[8:], " "), ".")
}

// rewrite gives the files of a directory their long names, and empties those
// that must be empty. It does the same in the directories below.
func (l *Layout) rewrite(p *planned, dir string) {
	var out []byte
	places := map[string]int{}
	for e := range slices.Chunk(l.directory(dir), dirEntrySize) {
		if e[0] == 0 {
			break
		}
		raw := string(e[:11])
		first := uint32(binary.LittleEndian.Uint16(e[20:]))<<16 | uint32(binary.LittleEndian.Uint16(e[26:]))
		path := p.paths[dir][raw]
		switch {
		case raw == padded(filler):
			l.free(first)
			continue
		case path != "" && e[11] == 0x20 && p.hollow[path]:
			l.free(first)
			clear(e[20:22]) // the first cluster's upper half,
			clear(e[26:])   // its lower half, and the size
		case path != "":
			l.At[path] = first
		}
		if name := path[strings.LastIndexByte(path, '\\')+1:]; name != "" && name != plain(raw) {
			out = append(out, long(name, raw)...)
		}
		places[path] = len(out)
		out = append(out, e...)
	}
	l.setDirectory(dir, append(out, make([]byte, dirEntrySize)...), places)
	for _, path := range p.paths[dir] {
		if p.paths[path] != nil || p.hollow[path] && l.At[path] != 0 {
			l.rewrite(p, path)
		}
	}
}

// pieces lists where a directory lies, in pieces of equal size.
func (l *Layout) pieces(dir string) (places []int64, size int64) {
	if dir == `\` && l.Bits != 32 {
		return []int64{l.Root}, rootEntries * dirEntrySize
	}
	// initramfs writes a directory's clusters one behind the other.
	for c := l.At[dir]; ; c++ {
		places = append(places, l.Place(c))
		if b := l.image.Get(l.Place(c), int(l.Cluster)); b[len(b)-dirEntrySize] == 0 {
			return places, l.Cluster
		}
	}
}

func (l *Layout) directory(dir string) []byte {
	var b bytes.Buffer
	places, size := l.pieces(dir)
	for _, at := range places {
		b.Write(l.image.Get(at, int(size)))
	}
	return b.Bytes()
}

// setDirectory writes a directory. It adds clusters if there are too few.
func (l *Layout) setDirectory(dir string, b []byte, paths map[string]int) {
	places, size := l.pieces(dir)
	last := l.At[dir] + uint32(len(places)) - 1
	for int64(len(places))*size < int64(len(b)) {
		l.Link(last, l.next)
		l.Link(l.next, endOfChain)
		places = append(places, l.Place(l.next))
		last, l.next = l.next, l.next+1
	}
	for n, at := range places {
		piece := b[min(int64(n)*size, int64(len(b))):]
		l.image.Put(at, append(slices.Clone(piece[:min(size, int64(len(piece)))]), make([]byte, max(0, size-int64(len(piece))))...)...)
	}
	for path, at := range paths {
		l.Entries[path] = places[int64(at)/size] + int64(at)%size
	}
}

// long makes the entries of a long name, which come before the short one.
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
		e := make([]byte, dirEntrySize)
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
