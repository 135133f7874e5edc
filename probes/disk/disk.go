// Package disk finds the guest's block devices.
package disk

import (
	"fmt"
	"io/fs"
	"path"

	"vmspec/probes/note"
	"vmspec/probes/sysfs"
)

// A Disk is a block device with a device behind it: not loop, ram or zram.
type Disk struct {
	Name      string // vda
	Size      uint64 // bytes
	Block     uint64 // logical block size, bytes
	ReadOnly  bool
	Removable bool
	Driver    string // of its device: virtio_blk, vbd, sd
	Trial     Trial
}

// Last returns where the last whole block begins. The size need not be a multiple
// of the block size.
func (d *Disk) Last() uint64 {
	if d.Block == 0 || d.Size < d.Block {
		return 0
	}
	return (d.Size/d.Block - 1) * d.Block
}

const dir = "sys/block"

// sector is the unit of a disk's size in sysfs, whatever its blocks are
// (Documentation/ABI/stable/sysfs-block).
const sector = 512

// Read lists the disks by name, with what the trial read of them. None is an
// answer.
func Read(fsys fs.FS) ([]Disk, error) {
	devices, err := sysfs.Driven(fsys, dir)
	if err != nil {
		return nil, err
	}
	var n Note
	trialErr := note.Read(fsys, &n)
	var out []Disk
	for _, device := range devices {
		d, err := readDisk(fsys, device.Name)
		if err != nil {
			return nil, fmt.Errorf("disk %s: %w", device.Name, err)
		}
		d.Driver = device.Driver
		if d.Trial = n.of(device.Name); trialErr != nil {
			d.Trial.Err = trialErr.Error()
		}
		out = append(out, d)
	}
	return out, nil
}

func readDisk(fsys fs.FS, name string) (Disk, error) {
	d := Disk{Name: name}
	var sectors, readOnly, removable uint64
	for _, n := range []struct {
		file string
		into *uint64
	}{{"size", &sectors}, {"queue/logical_block_size", &d.Block}, {"ro", &readOnly}, {"removable", &removable}} {
		var err error
		if *n.into, err = sysfs.Number(fsys, path.Join(dir, name, n.file), 64); err != nil {
			return d, err
		}
	}
	d.Size = sectors * sector
	d.ReadOnly, d.Removable = readOnly != 0, removable != 0
	return d, nil
}
