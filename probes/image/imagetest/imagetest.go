// Package imagetest makes disk images for tests: it takes those that initramfs
// writes and changes them. Tests then break them. An image is held in memory by
// the page, and what is not written is zero. Only tests import this package.
package imagetest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"vmspec/initramfs"
)

const page = 4096

// An Image is a sparse disk.
type Image struct {
	Size   int64
	Sector int
	Reads  int                         // how many bytes were read
	Bad    func(at int64, n int) error // makes reads fail
	pages  map[int64][]byte
	FS     []*Layout // the file system of each partition; nil for none
	First  []int64   // the first byte of each partition
}

// ReadAt reads, and counts what it reads.
func (i *Image) ReadAt(b []byte, at int64) (int, error) {
	i.Reads += len(b)
	if i.Bad != nil {
		if err := i.Bad(at, len(b)); err != nil {
			return 0, err
		}
	}
	clear(b)
	n := int(max(0, min(int64(len(b)), i.Size-at)))
	i.each(at, n, func(p []byte, done int) { copy(b[done:n], p) })
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (i *Image) each(at int64, n int, use func(p []byte, done int)) {
	for done := 0; done < n; {
		within := (at + int64(done)) % page
		if p := i.pages[(at+int64(done))/page]; p != nil {
			use(p[within:], done)
		}
		done += int(page - within)
	}
}

// Put writes bytes.
func (i *Image) Put(at int64, b ...byte) {
	for done := 0; done < len(b); {
		number, within := (at+int64(done))/page, (at+int64(done))%page
		if i.pages[number] == nil {
			i.pages[number] = make([]byte, page)
		}
		done += copy(i.pages[number][within:], b[done:])
	}
}

// WriteAt writes bytes, as [initramfs.Output] asks.
func (i *Image) WriteAt(b []byte, at int64) (int, error) {
	i.Put(at, b...)
	return len(b), nil
}

// Truncate sets the size of an image that is being written.
func (i *Image) Truncate(size int64) error {
	i.Size = size
	return nil
}

// Put16, Put32 and Put64 write little-endian numbers.
func (i *Image) Put16(at int64, v uint16) { i.Put(at, binary.LittleEndian.AppendUint16(nil, v)...) }
func (i *Image) Put32(at int64, v uint32) { i.Put(at, binary.LittleEndian.AppendUint32(nil, v)...) }
func (i *Image) Put64(at int64, v uint64) { i.Put(at, binary.LittleEndian.AppendUint64(nil, v)...) }

// Get reads bytes.
func (i *Image) Get(at int64, n int) []byte {
	b := make([]byte, n)
	i.each(at, n, func(p []byte, done int) { copy(b[done:], p) })
	return b
}

// Pages calls use for what was written, so that a sparse file can be made.
func (i *Image) Pages(use func(at int64, b []byte) error) error {
	for number, b := range i.pages {
		if at := number * page; at < i.Size {
			if err := use(at, b[:min(page, i.Size-at)]); err != nil {
				return err
			}
		}
	}
	return nil
}

// A Part is a partition.
type Part struct {
	Type    string
	FAT     *FAT
	Data    []byte // its first bytes
	Sectors uint64 // 0: as many as the file system has
	Gap     uint64 // sectors between it and the partition before
}

// A FAT is a file system.
type FAT struct {
	Bits       int // of its layout: 12, 16 or 32
	Clusters   uint32
	PerCluster byte
	Large      bool // its sectors are as large as its clusters
	Files      []File
}

// A File is a file or a directory.
type File struct {
	Path string // with \ between its parts
	Data []byte
	Dir  bool
}

// Partition types.
const (
	ESP   = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	Linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
)

// A Spec describes an image.
type Spec struct {
	Sector int
	Parts  []Part
}

// Good describes an image without a fault: an ESP with both boot programs, and
// with as few clusters as FAT32 may have.
func Good() Spec {
	return Spec{Sector: 512, Parts: []Part{{Type: ESP, FAT: GoodFAT()}}}
}

// GoodFAT is its file system.
func GoodFAT() *FAT {
	return &FAT{Bits: 32, Clusters: 65525, PerCluster: 1, Files: []File{
		{Path: `\EFI\BOOT\BOOTAA64.EFI`, Data: PE(0xaa64)},
		{Path: `\EFI\BOOT\BOOTARM.EFI`, Data: PE(0x1c2)},
	}}
}

const (
	entries   = 128
	entrySize = 128
	// edge is how many bytes lie before the first partition, and behind the
	// last.
	edge = 1 << 20
)

// written is a disk as initramfs writes it.
func written(sector int, files []initramfs.File) *Image {
	i := &Image{Sector: sector, pages: map[int64][]byte{}}
	if _, err := (initramfs.Disk{SectorSize: sector, Files: files}).Write(i); err != nil {
		panic(err)
	}
	return i
}

// New makes an image.
func New(spec Spec) *Image {
	i := &Image{Sector: spec.Sector, pages: map[int64][]byte{}}
	at := uint64(edge / spec.Sector)
	var places [][2]uint64
	for n, p := range spec.Parts {
		at += p.Gap
		i.First = append(i.First, int64(at)*int64(spec.Sector))
		sectors := p.Sectors
		i.FS = append(i.FS, nil)
		if p.FAT != nil {
			l := i.format(p.FAT, i.First[n])
			i.FS[n] = l
			sectors = max(sectors, l.Sectors*uint64(l.sector)/uint64(i.Sector))
		}
		i.Put(i.First[n], p.Data...)
		places = append(places, [2]uint64{at, at + sectors - 1})
		at += sectors
	}
	i.Size = int64(at)*int64(spec.Sector) + edge
	i.tables(spec.Parts, places)
	return i
}

// tables copies the partition tables of a disk that initramfs wrote, and changes
// them for this disk.
func (i *Image) tables(parts []Part, places [][2]uint64) {
	disk := written(i.Sector, nil)
	i.Put(0, disk.Get(0, edge)...)
	i.Put(i.Size-edge, disk.Get(disk.Size-edge, edge)...)
	longer := uint64((i.Size - disk.Size) / int64(i.Sector))
	i.Put32(458, binary.LittleEndian.Uint32(i.Get(458, 4))+uint32(longer)) // of the MBR's partition
	primary, backup := i.Header(false), i.Header(true)
	// In both headers the last usable LBA; in the primary where the backup is;
	// in the backup where it is itself, and where its entries are.
	for _, at := range []int64{primary + 32, primary + 48, backup + 24, backup + 48, backup + 72} {
		i.Put64(at, binary.LittleEndian.Uint64(i.Get(at, 8))+longer)
	}
	esp := disk.Get(disk.Entry(false, 0), entrySize)
	i.Both(0, 0, make([]byte, entrySize)...)
	for n, p := range parts {
		i.Both(n, 0, entry(esp, p.Type, byte(n+1), places[n])...)
	}
}

// entry changes a partition's entry into one of another partition.
func entry(of []byte, kind string, number byte, place [2]uint64) []byte {
	e := slices.Clone(of)
	copy(e, GUID(kind))
	copy(e[16:], GUID(fmt.Sprintf("AAAAAAAA-BBBB-CCCC-DDDD-0000000000%02X", number)))
	binary.LittleEndian.PutUint64(e[32:], place[0])
	binary.LittleEndian.PutUint64(e[40:], place[1])
	return e
}

// Header is where the primary or the backup header is.
func (i *Image) Header(backup bool) int64 {
	if backup {
		return i.Size - int64(i.Sector)
	}
	return int64(i.Sector)
}

// Entry is where the nth partition's entry is, in the primary or the backup
// table.
func (i *Image) Entry(backup bool, n int) int64 {
	array := binary.LittleEndian.Uint64(i.Get(i.Header(backup)+72, 8))
	return int64(array)*int64(i.Sector) + int64(n)*entrySize
}

// Seal corrects the checksums of all headers that are on the disk.
func (i *Image) Seal() {
	for _, backup := range []bool{false, true} {
		h := i.Header(backup)
		if string(i.Get(h, 8)) == "EFI PART" {
			i.Put32(h+88, crc32.ChecksumIEEE(i.Get(i.Entry(backup, 0), entries*entrySize)))
			i.SealHeader(backup)
		}
	}
}

// SealHeader corrects the checksum of a header.
func (i *Image) SealHeader(backup bool) {
	h := i.Header(backup)
	i.Put32(h+16, 0)
	i.Put32(h+16, crc32.ChecksumIEEE(i.Get(h, 92)))
}

// Both changes both copies of an entry at an offset, and seals them.
func (i *Image) Both(n int, offset int64, b ...byte) {
	i.Put(i.Entry(false, n)+offset, b...)
	i.Put(i.Entry(true, n)+offset, b...)
	i.Seal()
}

// GUID writes a GUID as disks hold it.
func GUID(text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != 16 {
		panic("no GUID: " + text)
	}
	slices.Reverse(b[:4])
	slices.Reverse(b[4:6])
	slices.Reverse(b[6:8])
	return b
}

// PE is the smallest PE file that is an EFI application for a machine: PE32 for
// 32 bits, else PE32+. Its PE header is at byte 0x40.
func PE(machine uint16) []byte {
	b := make([]byte, 1024)
	copy(b, "MZ")
	b[0x3c] = 0x40
	p := b[0x40:]
	copy(p, "PE\x00\x00")
	le := binary.LittleEndian
	le.PutUint16(p[4:], machine)
	le.PutUint16(p[6:], 1)    // sections
	le.PutUint16(p[20:], 240) // optional header
	magic := uint16(0x20b)
	if machine == 0x1c2 {
		magic = 0x10b
	}
	le.PutUint16(p[24:], magic)
	le.PutUint32(p[24+16:], 0x1000) // entry point
	le.PutUint32(p[24+56:], 0x2000) // image
	le.PutUint32(p[24+60:], 512)    // headers
	le.PutUint16(p[24+68:], 10)     // EFI application
	s := p[24+240:]
	copy(s, ".text")
	le.PutUint32(s[8:], 0x1000)
	le.PutUint32(s[12:], 0x1000)
	le.PutUint32(s[16:], 512)
	le.PutUint32(s[20:], 512)
	return b
}

// Volume is the header of a firmware volume; kind is the GUID of its file system.
func Volume(kind string) []byte {
	b := make([]byte, 512)
	copy(b[16:], GUID(kind))
	binary.LittleEndian.PutUint64(b[32:], 1<<16)
	copy(b[40:], "_FVH")
	binary.LittleEndian.PutUint16(b[48:], 72)
	return b
}

// Flash is a firmware's flash: it begins with a branch instruction, and its first
// volume is behind one page.
func Flash(branch uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, branch)
	return append(append(b, make([]byte, 4096-4)...), Volume("8C8CE578-8A3D-4F1C-9935-896185C32DD3")...)
}
