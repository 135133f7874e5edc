package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"unicode/utf16"
)

// ESPType is the partition type GUID of an EFI System Partition.
const ESPType = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"

// A Table is one copy of the GUID partition table: UEFI Specification 2.10,
// section 5.3. Without a header (There) its numbers say nothing.
type Table struct {
	Seen
	At          uint64 // the LBA where it was looked for, or found
	There       bool   // there is a header
	Whole       bool   // the checksums of header and entries are right
	DiskGUID    string
	MyLBA       uint64
	Alternate   uint64
	FirstUsable uint64
	LastUsable  uint64
	EntriesLBA  uint64
	Entries     uint32
	EntrySize   uint32
	EntriesCRC  uint32

	partitions []Partition
	header     bool // its checksum is right, so that its numbers are meant
}

// A Partition is a used entry of the table. GUIDs are in capitals.
type Partition struct {
	Number       int // from 1 on, as Linux counts
	Type, Unique string
	First, Last  uint64 // LBA
	Name         string
	Attributes   uint64 `json:",omitempty"`
	Begins       string // what it begins with, if the disk has no ESP
}

const (
	gptSignature   = "EFI PART"
	gptRevision    = 0x00010000
	gptHeaderSize  = 92
	gptEntrySize   = 128
	gptReserved    = 16 << 10 // the least that is kept for entries
	maxEntriesSize = 1 << 20
	maxPartitions  = 1024
)

// Ignored is the attribute by which EFI firmware shows nothing of a partition: UEFI
// Specification 2.10, table 5-8, bit 1.
const Ignored = 1 << 1

// readTable reads the copy at an LBA.
func readTable(s *source, sector int, lba uint64) Table {
	t := Table{At: lba}
	b, err := s.read(lba*uint64(sector), sector)
	if err != nil {
		t.add(err)
		return t
	}
	if string(b[:len(gptSignature)]) != gptSignature {
		t.wrong("no header at LBA %d", lba)
		return t
	}
	t.There = true
	t.parse(b)
	if t.Sound() {
		t.readEntries(s, sector)
	}
	return t
}

func (t *Table) parse(b []byte) {
	size := binary.LittleEndian.Uint32(b[12:])
	if revision := binary.LittleEndian.Uint32(b[8:]); revision != gptRevision {
		t.wrong("the header's revision is %#x, not %#x", revision, gptRevision)
	}
	if size < gptHeaderSize || int64(size) > int64(len(b)) {
		t.wrong("the header's size is %d, not from %d to %d", size, gptHeaderSize, len(b))
		return
	}
	head := bytes.Clone(b[:size])
	clear(head[16:20])
	if want, got := binary.LittleEndian.Uint32(b[16:]), crc32.ChecksumIEEE(head); got != want {
		t.wrong("the header's CRC is %#08x, and it says %#08x", got, want)
	}
	t.MyLBA, t.Alternate = binary.LittleEndian.Uint64(b[24:]), binary.LittleEndian.Uint64(b[32:])
	t.FirstUsable, t.LastUsable = binary.LittleEndian.Uint64(b[40:]), binary.LittleEndian.Uint64(b[48:])
	t.DiskGUID = GUID(b[56:])
	t.EntriesLBA = binary.LittleEndian.Uint64(b[72:])
	t.Entries, t.EntrySize = binary.LittleEndian.Uint32(b[80:]), binary.LittleEndian.Uint32(b[84:])
	t.EntriesCRC = binary.LittleEndian.Uint32(b[88:])
	t.header = t.Sound()
	if t.MyLBA != t.At {
		t.wrong("the header at LBA %d says that it is at %d", t.At, t.MyLBA)
	}
}

// readEntries reads the array of entries and checks its checksum.
func (t *Table) readEntries(s *source, sector int) {
	if t.EntrySize < gptEntrySize || t.EntrySize&(t.EntrySize-1) != 0 {
		t.wrong("an entry has %d bytes, not %d times a power of two", t.EntrySize, gptEntrySize)
		return
	}
	size := uint64(t.Entries) * uint64(t.EntrySize)
	end := uint64(s.size) / uint64(sector)
	switch {
	case t.EntriesLBA < 2 || t.EntriesLBA > end || (size+uint64(sector)-1)/uint64(sector) > end-t.EntriesLBA:
		t.wrong("%d entries of %d bytes at LBA %d are not on the disk", t.Entries, t.EntrySize, t.EntriesLBA)
		return
	case t.MyLBA < t.FirstUsable && t.EntriesLBA+(size+uint64(sector)-1)/uint64(sector) > t.FirstUsable:
		t.wrong("%d entries at LBA %d reach into the usable LBAs, from %d on", t.Entries, t.EntriesLBA, t.FirstUsable)
	case size > maxEntriesSize:
		t.add(unread{fmt.Errorf("%d bytes of entries, of which at most %d are read", size, maxEntriesSize)})
		return
	}
	array, err := s.read(t.EntriesLBA*uint64(sector), int(size))
	if err != nil {
		t.add(fmt.Errorf("entries: %w", err))
		return
	}
	if got := crc32.ChecksumIEEE(array); got != t.EntriesCRC {
		t.wrong("the entries' CRC is %#08x, and the header says %#08x", got, t.EntriesCRC)
		return
	}
	t.Whole = true
	t.add(t.parseEntries(array))
}

func (t *Table) parseEntries(array []byte) error {
	n := 0
	for e := range slices.Chunk(array, int(t.EntrySize)) {
		n++
		if len(bytes.Trim(e[:16], "\x00")) == 0 {
			continue
		}
		if len(t.partitions) == maxPartitions {
			return unread{fmt.Errorf("more than %d partitions", maxPartitions)}
		}
		t.partitions = append(t.partitions, Partition{
			Number: n, Type: GUID(e), Unique: GUID(e[16:]),
			First: binary.LittleEndian.Uint64(e[32:]), Last: binary.LittleEndian.Uint64(e[40:]),
			Attributes: binary.LittleEndian.Uint64(e[48:]), Name: Text(e[56:gptEntrySize]),
		})
	}
	return nil
}

// readBackup reads the copy that the primary one names, or that in the last
// sector, and compares it with the primary one. A disk that has grown still has
// it at the old place: firmware looks there as long as the primary is whole, and
// the first boot moves it.
func (d *Disk) readBackup(s *source) Table {
	p := &d.Primary
	t := readTable(s, d.Sector, d.last())
	named := p.header && p.Alternate > 1
	if named && p.Alternate < d.last() && !(t.Whole && t.DiskGUID == p.DiskGUID) {
		if other := readTable(s, d.Sector, p.Alternate); other.There {
			if t = other; t.Whole {
				d.Grown = d.Size - int64(p.Alternate+1)*int64(d.Sector)
			}
		}
	}
	if named && p.Alternate > d.last() && p.Alternate < maxLBA && !t.There {
		d.Cut = int64(p.Alternate+1)*int64(d.Sector) - d.Size
	}
	if t.Whole && t.Alternate != 1 {
		t.wrong("the backup header says that the other is at LBA %d", t.Alternate)
	}
	if t.Whole && p.Whole {
		t.agree(p)
	}
	return t
}

// agree compares the backup with the primary copy.
func (t *Table) agree(p *Table) {
	for _, f := range []struct {
		name          string
		mine, primary uint64
	}{
		{"first usable LBA", t.FirstUsable, p.FirstUsable},
		{"last usable LBA", t.LastUsable, p.LastUsable},
		{"number of entries", uint64(t.Entries), uint64(p.Entries)},
		{"size of an entry", uint64(t.EntrySize), uint64(p.EntrySize)},
		{"entries' CRC", uint64(t.EntriesCRC), uint64(p.EntriesCRC)},
		{"place of the backup", t.At, p.Alternate},
	} {
		if f.mine != f.primary {
			t.wrong("the copies do not agree in the %s: %d, and in the primary %d", f.name, f.mine, f.primary)
		}
	}
	if t.DiskGUID != p.DiskGUID {
		t.wrong("the copies do not agree in the disk's GUID")
	}
	if t.EntriesLBA <= t.LastUsable || t.EntriesLBA >= t.At {
		t.wrong("the backup's entries are at LBA %d, not between the usable LBAs and the header", t.EntriesLBA)
	}
}

// layout checks where the partitions lie.
func layout(t *Table, sector int, last uint64) (s Seen) {
	least := uint64(2 + gptReserved/sector)
	if t.FirstUsable < least {
		s.wrong("LBAs are usable from %d on, and %d bytes are kept for entries up to %d", t.FirstUsable, gptReserved, least)
	}
	if t.LastUsable >= last {
		s.wrong("LBAs are usable up to %d, and the disk's last is %d", t.LastUsable, last)
	}
	for i := range t.partitions {
		p := &t.partitions[i]
		s.add(p.lies(t))
		for k := range i {
			other := &t.partitions[k]
			if p.First <= other.Last && other.First <= p.Last {
				s.wrong("partitions %d and %d overlap", other.Number, p.Number)
			}
			if p.Unique == other.Unique {
				s.wrong("partitions %d and %d have one unique GUID", other.Number, p.Number)
			}
		}
	}
	return s
}

func (p *Partition) lies(t *Table) error {
	switch {
	case p.First > p.Last:
		return fmt.Errorf("partition %d ends at LBA %d, before its beginning at %d", p.Number, p.Last, p.First)
	case p.First < t.FirstUsable || p.Last > t.LastUsable:
		return fmt.Errorf("partition %d, LBA %d to %d, is not within the usable LBAs %d to %d", p.Number, p.First, p.Last, t.FirstUsable, t.LastUsable)
	}
	return nil
}

// maxLBA bounds what is taken for an LBA, so that no disk has 2^62 bytes.
const maxLBA = 1 << 50

// bytes returns where the partition lies on a disk. It may end behind the disk's
// end.
func (p *Partition) bytes(sector int, size int64) (base, length uint64, err error) {
	if end := uint64(size) / uint64(sector); p.First > p.Last || p.First >= end {
		return 0, 0, errors.New("the partition is not on the disk")
	}
	return p.First * uint64(sector), (min(p.Last, maxLBA) - p.First + 1) * uint64(sector), nil
}

// GUID writes an EFI_GUID as the specification does: three little-endian
// numbers, then eight bytes.
func GUID(b []byte) string {
	return strings.ToUpper(fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(b),
		binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:16]))
}

// Text decodes a CHAR16 string up to its NUL or the end.
func Text(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}
