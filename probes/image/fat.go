package image

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A FileSystem is what a partition holds: Microsoft's FAT: General Overview of
// On-Disk Format 1.03.
type FileSystem struct {
	Seen
	Kind     string // FAT12, FAT16 or FAT32, by the number of clusters; empty for none
	Laid     string // the kind that its layout is of, if it differs
	Clusters uint32
	Sector   int    // bytes
	Holds    string // what the partition holds instead
}

// The least numbers of clusters (section "FAT Type Determination").
const (
	LeastFAT16 = 4085
	LeastFAT32 = 65525
)

// fat reads a FAT file system. Sizes are in bytes, places are byte offsets on the
// disk.
type fat struct {
	s        *source
	bits     int    // of an entry of the table
	clusters uint32 // their numbers start at 2
	cluster  uint64 // size
	table    uint64 // place of the first file allocation table
	root     uint64 // place of the root directory, in FAT12 and FAT16
	rootSize uint64
	rootAt   uint32 // cluster of the root directory, in FAT32
	data     uint64 // place of cluster 2
	sector   uint64 // size

	window   []byte // a sector of the table
	windowAt uint64
}

// isFAT reports whether a sector can be the first of a FAT file system.
func isFAT(b []byte) bool {
	sector, cluster := int(binary.LittleEndian.Uint16(b[11:])), int(b[13])
	jump := b[0] == 0xeb && b[2] == 0x90 || b[0] == 0xe9
	return signed(b) && jump && sector >= 512 && sector <= 4096 && sector&(sector-1) == 0 && cluster != 0 && cluster&(cluster-1) == 0
}

// readFAT reads the boot sector of the file system in a partition, which is at
// base and length bytes long. It returns nil if there is no file system that can
// be read.
func readFAT(s *source, base, length uint64, fs *FileSystem) *fat {
	b, err := s.read(base, mbrSize)
	if err != nil {
		fs.add(err)
		return nil
	}
	if !isFAT(b) {
		if more, err := s.upTo(base, BeginningSize); err == nil {
			fs.Holds = Recognise(more)
		}
		fs.wrong("the partition holds no FAT file system")
		return nil
	}
	f := &fat{s: s, sector: uint64(binary.LittleEndian.Uint16(b[11:]))}
	if err := f.parse(b, base, length, fs); err != nil {
		fs.add(err)
		return nil
	}
	fs.Sector = int(f.sector)
	return f
}

// parse reads the BIOS parameter block.
func (f *fat) parse(b []byte, base, length uint64, fs *FileSystem) error {
	reserved, tables := uint64(binary.LittleEndian.Uint16(b[14:])), uint64(b[16])
	entries := uint64(binary.LittleEndian.Uint16(b[17:]))
	total, size := uint64(binary.LittleEndian.Uint16(b[19:])), uint64(binary.LittleEndian.Uint16(b[22:]))
	wide := size == 0
	if wide {
		size = uint64(binary.LittleEndian.Uint32(b[36:]))
	}
	if total == 0 {
		total = uint64(binary.LittleEndian.Uint32(b[32:]))
	}
	rootSectors := (entries*dirEntrySize + f.sector - 1) / f.sector
	before := reserved + tables*size + rootSectors
	switch {
	case reserved == 0 || tables == 0 || size == 0:
		return fmt.Errorf("%d reserved sectors and %d tables of %d sectors", reserved, tables, size)
	case before >= total:
		return fmt.Errorf("%d sectors, of which %d lie before the clusters", total, before)
	}
	clusters := (total - before) / uint64(b[13])
	if clusters == 0 || clusters > 0x0ffffff5 {
		return fmt.Errorf("%d clusters", clusters)
	}
	f.clusters, f.cluster = uint32(clusters), uint64(b[13])*f.sector
	f.table = base + reserved*f.sector
	f.root, f.rootSize = f.table+tables*size*f.sector, entries*dirEntrySize
	f.data = base + before*f.sector
	f.classify(wide, fs)
	if total*f.sector > length {
		fs.wrong("it has %d bytes, and its partition %d", total*f.sector, length)
	}
	if least := (clusters+2)*uint64(f.bits) + 7; size*f.sector < least/8 {
		return fmt.Errorf("a table of %d bytes for %d clusters", size*f.sector, clusters)
	}
	return f.findRoot(b, wide, entries, fs)
}

func (f *fat) classify(wide bool, fs *FileSystem) {
	fs.Clusters = f.clusters
	switch {
	case f.clusters < LeastFAT16:
		fs.Kind, f.bits = "FAT12", 12
	case f.clusters < LeastFAT32:
		fs.Kind, f.bits = "FAT16", 16
	default:
		fs.Kind, f.bits = "FAT32", 32
	}
	if wide && f.bits != 32 {
		fs.Laid, f.bits = "FAT32", 32
	}
}

func (f *fat) findRoot(b []byte, wide bool, entries uint64, fs *FileSystem) error {
	switch {
	case !wide && f.bits == 32:
		return errors.New("FAT32 by its clusters, but laid out as FAT16")
	case !wide && entries == 0:
		return errors.New("a FAT12 or FAT16 without a root directory")
	case !wide:
		return nil
	case entries != 0:
		fs.wrong("FAT32 with a root directory of %d entries before its clusters", entries)
	}
	if version := binary.LittleEndian.Uint16(b[42:]); version != 0 {
		fs.wrong("FAT32 of version %#x", version)
	}
	f.root, f.rootSize, f.rootAt = 0, 0, binary.LittleEndian.Uint32(b[44:])
	if !f.has(f.rootAt) {
		return fmt.Errorf("the root directory is at cluster %d of %d", f.rootAt, f.clusters)
	}
	return nil
}

// has reports whether a cluster exists.
func (f *fat) has(cluster uint32) bool { return cluster >= 2 && cluster-2 < f.clusters }

func (f *fat) place(cluster uint32) uint64 { return f.data + uint64(cluster-2)*f.cluster }

// next returns the cluster that follows an existing one; 0 if that is the last.
func (f *fat) next(cluster uint32) (uint32, error) {
	bit := uint64(cluster) * uint64(f.bits)
	var value uint32
	for i := range uint64(f.bits+int(bit%8)+7) / 8 {
		b, err := f.tableByte(bit/8 + i)
		if err != nil {
			return 0, err
		}
		value |= uint32(b) << (8 * i)
	}
	value = value >> (bit % 8) & (1<<min(f.bits, 28) - 1)
	end := uint32(1<<min(f.bits, 28) - 8)
	switch {
	case value >= end:
		return 0, nil
	case !f.has(value):
		return 0, fmt.Errorf("behind cluster %d comes %#x, which is none", cluster, value)
	}
	return value, nil
}

func (f *fat) tableByte(at uint64) (byte, error) {
	if start := at &^ (f.sector - 1); f.window == nil || start != f.windowAt {
		b, err := f.s.read(f.table+start, int(f.sector))
		if err != nil {
			return 0, fmt.Errorf("file allocation table: %w", err)
		}
		f.window, f.windowAt = b, start
	}
	return f.window[at-f.windowAt], nil
}

// follow walks a file's chain, which must be as long as the file's size.
func (f *fat) follow(first, size uint32) error {
	if err := f.fits(first, size); err != nil || size == 0 {
		return err
	}
	cluster := first
	for n := (uint64(size) + f.cluster - 1) / f.cluster; n > 0; n-- {
		next, err := f.next(cluster)
		switch {
		case err != nil:
			return err
		case next == 0 && n > 1:
			return fmt.Errorf("its chain of clusters is too short for %d bytes by %d", size, n-1)
		case next != 0 && n == 1:
			return fmt.Errorf("its chain of clusters does not end after %d bytes: it is too long, or a circle", size)
		}
		cluster = next
	}
	return nil
}

func (f *fat) fits(first, size uint32) error {
	switch {
	case size == 0:
		return nil
	case !f.has(first):
		return fmt.Errorf("it begins at cluster %d of %d", first, f.clusters)
	case uint64(size) > uint64(f.clusters)*f.cluster:
		return fmt.Errorf("it claims %d bytes of a file system of %d", size, uint64(f.clusters)*f.cluster)
	}
	return nil
}

// read reads a part of a file that lies within its size.
func (f *fat) read(first, size uint32, at uint64, n int) ([]byte, error) {
	if err := f.fits(first, size); err != nil {
		return nil, err
	}
	if at+uint64(n) > uint64(size) {
		return nil, fmt.Errorf("%d bytes at byte %d of a file of %d", n, at, size)
	}
	cluster := first
	for range at / f.cluster {
		var err error
		if cluster, err = f.goOn(cluster); err != nil {
			return nil, err
		}
	}
	out := make([]byte, 0, n)
	for within := at % f.cluster; ; within = 0 {
		b, err := f.s.read(f.place(cluster)+within, int(min(uint64(n-len(out)), f.cluster-within)))
		if err != nil {
			return nil, err
		}
		if out = append(out, b...); len(out) == n {
			return out, nil
		}
		if cluster, err = f.goOn(cluster); err != nil {
			return nil, err
		}
	}
}

// goOn is next where the chain must not end.
func (f *fat) goOn(cluster uint32) (uint32, error) {
	next, err := f.next(cluster)
	if err == nil && next == 0 {
		err = errors.New("its chain of clusters is too short")
	}
	return next, err
}
