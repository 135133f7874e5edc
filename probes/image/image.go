// Package image reads a disk as firmware does that boots from it: the
// protective MBR, both copies of the GUID partition table, the FAT file system
// of each EFI System Partition, and the programs at the removable media paths.
//
// A disk may hold anything. So nothing is allocated because a structure claims
// a size, and every chain is followed for a bounded length. A structure that is
// wrong is kept apart from one that could not be read.
package image

import (
	"fmt"
	"io"
	"slices"
)

// A Disk is what was found on a disk.
type Disk struct {
	Size        int64  // bytes
	Sector      int    // bytes: the logical block size, 512 or 4096
	Odd         int64  `json:",omitempty"` // bytes behind the last whole sector
	Grown       int64  `json:",omitempty"` // bytes behind the end that the table knows, where its backup is whole
	Cut         int64  `json:",omitempty"` // bytes that the table knows and that are not there
	Begins      string // what the disk begins with, if it has no partition table
	TableSector int    `json:",omitempty"` // the sectors' size for which its table is made, if that is another
	MBR         MBR
	Primary     Table
	Backup      Table
	Layout      Seen // how the partitions lie, by the first copy that is whole
	// Partitions are those of that copy, in its order.
	Partitions []Partition
	ESPs       []ESP
	// Bare are the FAT file systems that UEFI finds without a GPT.
	Bare   []ESP     `json:",omitempty"`
	Raw    []Finding // firmware volumes outside file systems
	RawErr string    // why not all places could be looked at
}

// Whole reports whether a copy of the partition table is whole.
func (d *Disk) Whole() bool { return d.Primary.Whole || d.Backup.Whole }

// Options say how a disk is to be read.
type Options struct {
	Sector int  // bytes; 0: find out
	Follow bool // follow each boot program's cluster chain to its end
}

// Bounds on what is read, in bytes. To follow a program, four bytes are read for
// each of its clusters.
const (
	budget       = 2 << 20
	followBudget = 64 << 20
)

// Inspect reads a disk of that size.
func Inspect(r io.ReaderAt, size int64, o Options) *Disk {
	s := &source{r: r, size: size, left: budget}
	if o.Follow {
		s.left = followBudget
	}
	d := tables(s, o.Sector)
	for _, p := range d.Partitions {
		if p.Type == ESPType {
			d.ESPs = append(d.ESPs, readESP(s, d.Sector, p, o.Follow))
			if len(d.ESPs) == maxESPs {
				break
			}
		}
	}
	if len(d.ESPs) == 0 {
		d.hint(s)
	}
	for _, p := range d.bare() {
		d.Bare = append(d.Bare, readESP(s, d.Sector, p, o.Follow))
	}
	d.scan(s)
	return d
}

// bare lists the places of an EFI System Partition on a disk without a GPT: the
// partitions of that type in its MBR, or the whole disk.
func (d *Disk) bare() (out []Partition) {
	switch {
	case d.Whole():
	case d.Begins == FAT:
		out = append(out, Partition{Last: d.last()})
	default:
		for _, o := range d.MBR.Others {
			if o.Type == TypeESP && o.Sectors > 0 {
				out = append(out, Partition{Number: o.Number, First: uint64(o.First), Last: uint64(o.First) + uint64(o.Sectors) - 1})
			}
		}
	}
	return out
}

// MayBoot tells whether UEFI may find something to start on a disk of which the
// tables were read.
func (d *Disk) MayBoot() bool {
	esp := slices.ContainsFunc(d.Partitions, func(p Partition) bool { return p.Type == ESPType })
	return esp || len(d.bare()) > 0 || !d.Whole() && d.Begins == ISO
}

// Starts tells whether UEFI finds something to start on a disk, on an architecture
// that is named as in Go. What is on an optical medium is not looked at.
func (d *Disk) Starts(arch string) bool {
	has := func(e ESP) bool {
		p := e.Program(arch)
		return p != nil && p.Is == File
	}
	return slices.ContainsFunc(d.ESPs, has) || slices.ContainsFunc(d.Bare, has) || !d.Whole() && d.Begins == ISO
}

// maxESPs is how many file systems are read at most.
const maxESPs = 8

// ReadTables reads no more of a disk than its partition tables.
func ReadTables(r io.ReaderAt, size int64, sector int) *Disk {
	return tables(&source{r: r, size: size, left: budget}, sector)
}

func tables(s *source, sector int) *Disk {
	d := &Disk{Size: s.size, Sector: sector}
	if sector == 0 {
		d.Sector = sectorOf(s)
	}
	d.Odd = d.Size % int64(d.Sector)
	d.Primary = readTable(s, d.Sector, 1)
	d.Backup = d.readBackup(s)
	d.MBR = d.readMBR(s)
	good := &d.Primary
	if !good.Whole && d.Backup.Whole {
		good = &d.Backup
	}
	if good.Whole {
		d.Partitions = good.partitions
		d.Layout = layout(good, d.Sector, d.end())
	} else {
		d.Begins = beginning(s)
		for _, other := range []int{512, 4096} {
			if other != d.Sector && readTable(s, other, 1).Whole {
				d.TableSector, d.Begins = other, fmt.Sprintf("a partition table for sectors of %d bytes", other)
			}
		}
	}
	return d
}

// last is the disk's last LBA.
func (d *Disk) last() uint64 { return max(uint64(d.Size)/uint64(d.Sector), 1) - 1 }

// end is the disk's last LBA as its table knows it, where the disk was cut since.
func (d *Disk) end() uint64 {
	if d.Cut > 0 {
		return d.Primary.Alternate
	}
	return d.last()
}

// sectorOf finds out how large the sectors of an image are: as large as the
// place of a GPT header asks. A real disk says so itself.
func sectorOf(s *source) int {
	for _, size := range []int{512, 4096} {
		if t := readTable(s, size, 1); t.There && t.MyLBA == 1 {
			return size
		}
	}
	for _, size := range []int{512, 4096} {
		last := uint64(s.size)/uint64(size) - 1
		if s.size >= int64(size) && readTable(s, size, last).There {
			return size
		}
	}
	return 512
}

// Boots returns the ESP to judge; nil if there is none. It is, in this order: the
// given partition; of those that firmware does not ignore, or of all, the first with a program for the architecture, which is named
// as Go does; the first with any program; the first that is a file system; the
// first.
func (d *Disk) Boots(partition, arch string) *ESP {
	if len(d.ESPs) == 0 {
		return nil
	}
	best := 0
	for i := range d.ESPs {
		if d.ESPs[i].rank(partition, arch) < d.ESPs[best].rank(partition, arch) {
			best = i
		}
	}
	return &d.ESPs[best]
}

func (e *ESP) rank(partition, arch string) int {
	if partition != "" && e.Unique == partition {
		return 0
	}
	if e.Attributes&Ignored != 0 {
		return 5
	}
	best := 4
	if e.FS.Kind != "" {
		best = 3
	}
	for i := range e.Programs {
		switch p := &e.Programs[i]; {
		case p.Is == File && p.Arch == arch:
			best = 1
		case p.Is == File:
			best = min(best, 2)
		}
	}
	return best
}
