package initramfs

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"unicode/utf16"
)

// MaxImage is how large a disk image with sectors of 512 bytes may be.
const MaxImage = 120_000_000

// A Disk is a raw disk image with one partition, an EFI system partition. The
// same files give the same bytes: even the GUIDs are made from them.
type Disk struct {
	SectorSize int // 512 or 4096
	Files      []File
}

// A piece is a part of an image. Between the pieces all bytes are zero.
type piece struct {
	at   int
	data []byte
}

// From UEFI 2.10, section 5.
const (
	gptSignature = "EFI PART"
	gptRevision  = 0x10000
	gptHeader    = 92  // bytes
	gptEntries   = 128 // room for so many partitions
	gptEntrySize = 128
	gptTable     = gptEntries * gptEntrySize

	// diskAlign is the alignment of partitions that all tools use, in bytes.
	diskAlign = 1 << 20
	// spare bytes stay free in the file system: firmware and users write there.
	spare = 2 << 20
)

// espType is the partition type C12A7328-F81F-11D2-BA4B-00A0C93EC93B, in the
// bytes of a disk.
var espType = [16]byte{0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b}

// An Output is an empty file. What is not written of it is zero.
type Output interface {
	io.WriterAt
	Truncate(size int64) error
}

// Write writes the image and returns its size in bytes.
func (d Disk) Write(out Output) (size int, err error) {
	size, pieces, err := d.layout()
	if err == nil {
		err = writePieces(out, size, pieces)
	}
	if err != nil {
		return 0, fmt.Errorf("build image: %w", err)
	}
	return size, nil
}

// WriteFile writes the image to a file and returns its size in bytes. Where
// the file system can hold sparse files, the zeros take no room.
func (d Disk) WriteFile(name string) (size int, err error) {
	size, pieces, err := d.layout()
	if err != nil {
		return 0, fmt.Errorf("build image: %w", err)
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return 0, fmt.Errorf("build image: %s is no regular file", name)
	}
	f, err := os.Create(name)
	if err != nil {
		return 0, fmt.Errorf("build image: %w", err)
	}
	err = writePieces(f, size, pieces)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(name) // half an image is useless; the first error counts
		return 0, fmt.Errorf("build image: %w", err)
	}
	return size, nil
}

func writePieces(f Output, size int, pieces []piece) error {
	if err := f.Truncate(int64(size)); err != nil {
		return err
	}
	for _, p := range pieces {
		if _, err := f.WriteAt(p.data, int64(p.at)); err != nil {
			return err
		}
	}
	return nil
}

// layout returns the size of the image, and all of it that is not zero.
func (d Disk) layout() (size int, pieces []piece, err error) {
	if d.SectorSize != 512 && d.SectorSize != 4096 {
		return 0, nil, fmt.Errorf("sectors of %d bytes: 512 or 4096", d.SectorSize)
	}
	esp, err := newFAT(d.Files, d.SectorSize, spare/d.SectorSize, diskAlign/d.SectorSize)
	if err != nil {
		return 0, nil, err
	}
	// The first GPT takes one alignment, the second another.
	size = diskAlign + esp.sectors*d.SectorSize + diskAlign
	if d.SectorSize == 512 && size > MaxImage {
		return 0, nil, fmt.Errorf("%d bytes, at most %d", size, MaxImage)
	}
	esp.hidden = diskAlign / d.SectorSize
	volume := d.guid("volume")
	esp.serial = binary.LittleEndian.Uint32(volume[:])
	for _, p := range esp.pieces() {
		pieces = append(pieces, piece{diskAlign + p.at, p.data})
	}
	return size, append(pieces, d.gpt(size/d.SectorSize, esp)...), nil
}

// guid makes a GUID from the content of the image: a UUID of version 8 (RFC 9562),
// in the bytes of a disk.
func (d Disk) guid(of string) (id [16]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "vmspec %s\n%d\n", of, d.SectorSize)
	for _, f := range d.Files {
		fmt.Fprintf(h, "%s %d\n", f.Name, len(f.Data))
		h.Write(f.Data)
	}
	copy(id[:], h.Sum(nil))
	id[7] = id[7]&0x0f | 0x80 // the version; the third group is little-endian
	id[8] = id[8]&0x3f | 0x80
	return id
}

// gpt writes the partition tables of a disk with so many sectors.
func (d Disk) gpt(sectors int, esp *fat) []piece {
	table := d.partitions(esp)
	at := func(lba int, data []byte) piece { return piece{lba * d.SectorSize, data} }
	tableSectors := gptTable / d.SectorSize
	last := sectors - 1
	return []piece{
		at(0, protectiveMBR(sectors)),
		at(1, d.header(1, last, 2, sectors, table)),
		at(2, table),
		at(last-tableSectors, table),
		at(last, d.header(last, 1, last-tableSectors, sectors, table)),
	}
}

// protectiveMBR makes the disk look full to tools that do not know GPT.
func protectiveMBR(sectors int) []byte {
	b := make([]byte, 512)
	entry := b[446:]
	copy(entry, "\x00\x00\x02\x00\xee\xff\xff\xff") // from the second sector to the highest CHS address
	binary.LittleEndian.PutUint32(entry[8:], 1)
	binary.LittleEndian.PutUint32(entry[12:], uint32(sectors-1))
	copy(b[510:], "\x55\xaa")
	return b
}

// partitions is the table of partitions. The ESP is the only one.
func (d Disk) partitions(esp *fat) []byte {
	b := make([]byte, gptTable)
	copy(b, espType[:])
	id := d.guid("partition")
	copy(b[16:], id[:])
	binary.LittleEndian.PutUint64(b[32:], uint64(esp.hidden))
	binary.LittleEndian.PutUint64(b[40:], uint64(esp.hidden+esp.sectors-1))
	for i, unit := range utf16.Encode([]rune("EFI system partition")) {
		binary.LittleEndian.PutUint16(b[56+2*i:], unit)
	}
	return b
}

// header is the GPT header at LBA at. The other one is at LBA other, the table of
// partitions at LBA table.
func (d Disk) header(at, other, table, sectors int, entries []byte) []byte {
	b := make([]byte, gptHeader)
	le := binary.LittleEndian
	tableSectors := gptTable / d.SectorSize
	copy(b, gptSignature)
	le.PutUint32(b[8:], gptRevision)
	le.PutUint32(b[12:], gptHeader)
	for i, lba := range []int{at, other, 2 + tableSectors, sectors - 2 - tableSectors} { // the last two: first and last usable
		le.PutUint64(b[24+8*i:], uint64(lba))
	}
	id := d.guid("disk")
	copy(b[56:], id[:])
	le.PutUint64(b[72:], uint64(table))
	le.PutUint32(b[80:], gptEntries)
	le.PutUint32(b[84:], gptEntrySize)
	le.PutUint32(b[88:], crc32.ChecksumIEEE(entries))
	le.PutUint32(b[16:], crc32.ChecksumIEEE(b)) // computed while the field is zero
	return b
}
