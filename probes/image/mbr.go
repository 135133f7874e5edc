package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// An MBR is the master boot record: UEFI Specification 2.10, section 5.2.
type MBR struct {
	Seen
	Kind  MBRKind
	Notes []string // what is unusual and allowed
	// Signature is the disk's, by which UEFI names it; 0 for none.
	Signature uint32  `json:",omitempty"`
	Others    []Slice `json:",omitempty"` // partitions of other types than 0xEE
}

// A Slice is a partition of a master boot record.
type Slice struct {
	Number         int // from 1 on
	Type           byte
	First, Sectors uint32
}

// TypeESP is the type of an EFI System Partition in a master boot record: UEFI
// Specification 2.10, section 5.2.2.
const TypeESP = 0xef

// MBRKind says what a master boot record describes.
type MBRKind string

const (
	Protective MBRKind = "protective" // one partition of type 0xEE
	Hybrid     MBRKind = "hybrid"     // that and others
	Ordinary   MBRKind = "ordinary"   // others alone
	NoMBR      MBRKind = ""
)

// Offsets in the record, and in each of its partitions.
const (
	mbrSize       = 512
	mbrDisk       = 440 // the disk's signature
	mbrPartitions = 446
	mbrEntrySize  = 16
	mbrEntries    = 4
	mbrSignature  = 510

	mbrBoot  = 0
	mbrType  = 4
	mbrStart = 8
	mbrCount = 12

	typeProtective = 0xee
)

// signed reports whether a sector has the signature of a boot record.
func signed(sector []byte) bool {
	return sector[mbrSignature] == 0x55 && sector[mbrSignature+1] == 0xaa
}

// readMBR reads the record. On a disk that has grown, a record for the old size is
// right.
func (d *Disk) readMBR(s *source) MBR {
	if d.Grown > 0 {
		if m := readMBR(s, d.Primary.Alternate); m.Sound() {
			m.Notes = append(m.Notes, "it ends where the table does")
			return m
		}
	}
	return readMBR(s, d.end())
}

// readMBR reads the record of a disk whose last LBA is known.
func readMBR(s *source, last uint64) MBR {
	var m MBR
	b, err := s.read(0, mbrSize)
	if err != nil {
		m.add(err)
		return m
	}
	if !signed(b) {
		m.wrong("no MBR: the first sector ends in %02x %02x, not 55 aa", b[mbrSignature], b[mbrSignature+1])
		return m
	}
	m.parse(b[mbrPartitions:mbrSignature], last)
	if isFAT(b) && (m.Kind == NoMBR || m.Kind == Ordinary) { // what looks like partitions is boot code
		return MBR{Seen: Seen{Wrong: []string{"no MBR: the disk begins with a FAT boot sector"}}}
	}
	m.Signature = binary.LittleEndian.Uint32(b[mbrDisk:])
	return m
}

func (m *MBR) parse(entries []byte, last uint64) {
	var protective []byte
	var others []string
	for i := range mbrEntries {
		e := entries[i*mbrEntrySize:][:mbrEntrySize]
		switch e[mbrType] {
		case 0:
		case typeProtective:
			if protective != nil {
				m.wrong("two partitions of type 0xEE")
			}
			protective = e
		default:
			others = append(others, fmt.Sprintf("%#02x", e[mbrType]))
			m.Others = append(m.Others, Slice{i + 1, e[mbrType], binary.LittleEndian.Uint32(e[mbrStart:]), binary.LittleEndian.Uint32(e[mbrCount:])})
		}
	}
	switch {
	case protective == nil && others == nil:
		m.wrong("the MBR has no partition")
	case protective == nil:
		m.Kind = Ordinary
		m.wrong("no partition of the MBR is of type 0xEE, but of %v", others)
	case others != nil:
		m.Kind = Hybrid
		m.Notes = append(m.Notes, fmt.Sprintf("a hybrid MBR, with partitions of type %v too", others))
		m.protects(protective, last, false)
	default:
		m.Kind = Protective
		m.protects(protective, last, true)
	}
}

// protects checks the partition of type 0xEE. In a hybrid MBR it need not reach
// the end of the disk. Firmware must ignore the boot indicator (table 5-4).
func (m *MBR) protects(e []byte, last uint64, whole bool) {
	start, count := binary.LittleEndian.Uint32(e[mbrStart:]), uint64(binary.LittleEndian.Uint32(e[mbrCount:]))
	if start != 1 {
		m.wrong("the partition of type 0xEE begins at LBA %d, not at 1", start)
	}
	if e[mbrBoot] != 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("its boot indicator is %#02x", e[mbrBoot]))
	}
	want := min(last, math.MaxUint32)
	switch {
	case !whole || count == want:
	case count == math.MaxUint32: // as some partitioning tools always write it
		m.Notes = append(m.Notes, "its size is 0xffffffff, for a smaller disk")
	default:
		m.wrong("the partition of type 0xEE has %d sectors, the disk %d behind the MBR", count, want)
	}
}

// beginnings name what a disk or partition holds, by bytes at an offset.
var beginnings = []struct {
	at        int
	magic, is string
}{
	{0, "XFSB", "an XFS file system"},
	{3, "NTFS    ", "an NTFS file system"},
	{3, "EXFAT   ", "an exFAT file system"},
	{0, "hsqs", "a squashfs"},
	{0, "LUKS\xba\xbe", "a LUKS volume"},
	{512, "LABELONE", "an LVM volume"},
	{1024, "\x10\x20\xf5\xf2", "an F2FS file system"},
	{1024, "\xe2\xe1\xf5\xe0", "an EROFS file system"},
	{0, "\x7fELF", "an ELF file"},
	{0, "MZ", "a PE file"},
	{56, "ARM\x64", "an arm64 kernel"},
	{1024 + 56, "\x53\xef", "an ext2, ext3 or ext4 file system"},
}

// FAT is the beginning of a disk that is a file system without a partition table.
const FAT = "a FAT file system"

// BeginningSize is how many bytes of a beginning are read.
const BeginningSize = 2048

// ISO is the beginning of a disk that is also an optical medium: ECMA-119, section
// 8.4.
const ISO = "an ISO 9660 file system"

const (
	isoAt    = 32769
	isoMagic = "CD001"
)

// beginning names what a disk begins with; empty if that is not known.
func beginning(s *source) string {
	b, err := s.upTo(0, BeginningSize)
	if err != nil || len(b) == 0 {
		return ""
	}
	if magic, err := s.read(isoAt, len(isoMagic)); err == nil && string(magic) == isoMagic {
		return ISO
	}
	return Recognise(b)
}

// Recognise names what bytes are the beginning of; empty if that is not known.
func Recognise(b []byte) string {
	if len(b) >= mbrSize && isFAT(b) {
		return FAT
	}
	for _, k := range beginnings {
		if k.at+len(k.magic) <= len(b) && string(b[k.at:k.at+len(k.magic)]) == k.magic {
			return k.is
		}
	}
	if len(bytes.Trim(b, "\x00")) == 0 {
		return "zeroes"
	}
	if !bytes.ContainsFunc(b, func(c rune) bool { return c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == '\ufffd' }) {
		return "text"
	}
	return ""
}
