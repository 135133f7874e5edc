package guest

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"vmspec/probes/disk"
	"vmspec/probes/efi"
	"vmspec/probes/image"
)

// Variables by which systemd's EFI stub tells from where it was started:
// https://systemd.io/BOOT_LOADER_INTERFACE.
const (
	variables       = "sys/firmware/efi/efivars/"
	loaderPartition = variables + "LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
	loaderImage     = variables + "LoaderImageIdentifier-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
	bootCurrent     = variables + "BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	bootOption      = variables + "Boot%04X-8be4df61-93ca-11d2-aa0d-00e098032b8c"

	attributesSize = 4 // before the data of each variable
)

// RecordImage finds the disk from which a guest with UEFI was booted and reads
// what its image is judged by. It writes
//
//	none REASON                     where there is no such disk
//	disk NAME SIZE SECTOR HOW       bytes, bytes
//	partition GUID                  from which it was booted, if that is known
//	loader "PATH"                   of the program that the firmware started
//	block OFFSET LENGTH BASE64      what was read, without zeroes at its end
//	unread OFFSET LENGTH RESULT
//
// The disk is that of the partition which the EFI stub or the booted load
// option names, else the only one that has an ESP with a program for this
// architecture. Nothing is written to a disk.
func RecordImage(root fs.FS, disks []disk.Disk, out io.Writer) error {
	return recordImage(root, disks, openDisk, out)
}

func recordImage(root fs.FS, disks []disk.Disk, open func(name string) (blockReader, error), out io.Writer) error {
	partition, by, network := bootPartition(root)
	if network {
		return none(out)
	}
	found, err := findDisks(disks, open, func(t *image.Disk) bool {
		return slices.ContainsFunc(t.Partitions, func(p image.Partition) bool {
			return p.Unique == partition || partition == "" && p.Type == image.ESPType
		})
	})
	defer func() {
		for _, c := range found {
			_ = c.reader.Close() // what was only read
		}
	}()
	switch {
	case partition != "" && len(found) == 0:
		return fmt.Errorf("no disk has the partition %s, from which the guest was booted; %w", partition, cmp.Or(err, errors.New("all were read")))
	case partition != "" && len(found) > 1:
		return fmt.Errorf("%d disks have the partition %s, from which the guest was booted", len(found), partition)
	case err != nil && partition == "":
		return err
	case len(found) != 1:
		return none(out)
	}
	c := found[0]
	d := image.Inspect(c.recorder, int64(c.Size), image.Options{Sector: int(c.Block)})
	if by == image.ByOnlyESP {
		if p := d.Boots("", runtime.GOARCH).Program(runtime.GOARCH); p == nil || p.Is != image.File {
			return none(out)
		}
	}
	fmt.Fprintf(out, "disk %s %d %d %s\n", c.Name, c.Size, c.Block, by)
	if partition != "" {
		fmt.Fprintf(out, "partition %s\n", partition)
	}
	if path := variableText(root, loaderImage); path != "" {
		fmt.Fprintf(out, "loader %q\n", path)
	}
	return c.recorder.Write(out, result)
}

func none(out io.Writer) error {
	_, err := fmt.Fprintf(out, "none %s\n", image.NoneKnown)
	return err
}

// A candidate is a disk that may be the one.
type candidate struct {
	disk.Disk
	reader   io.Closer
	recorder *image.Recorder
}

// findDisks lists the disks whose partition table is one that is looked for.
func findDisks(disks []disk.Disk, open func(name string) (blockReader, error), wanted func(*image.Disk) bool) (found []candidate, err error) {
	for _, d := range disks {
		if d.Block != 512 && d.Block != recordBlock || d.Size < d.Block {
			continue // there may be no medium
		}
		r, openErr := open(d.Name)
		if openErr != nil {
			err = fmt.Errorf("open %s: %w", d.Name, openErr)
			continue
		}
		c := candidate{d, r, image.NewRecorder(&blockCache{r, int64(d.Size), int64(d.Block), map[int64][]byte{}})}
		if wanted(image.ReadTables(c.recorder, int64(d.Size), int(d.Block))) {
			found = append(found, c)
		} else {
			_ = r.Close()
		}
	}
	return found, err
}

// bootPartition returns the GUID of the partition from which the guest was
// booted, and how that is known; or that it was booted over a network.
func bootPartition(root fs.FS) (guid, by string, network bool) {
	if guid = variableText(root, loaderPartition); guid != "" {
		return strings.ToUpper(guid), image.ByLoader, false
	}
	current, err := fs.ReadFile(root, bootCurrent)
	if err != nil || len(current) != attributesSize+2 {
		return "", image.ByOnlyESP, false
	}
	data, err := fs.ReadFile(root, fmt.Sprintf(bootOption, binary.LittleEndian.Uint16(current[attributesSize:])))
	if err != nil {
		return "", image.ByOnlyESP, false
	}
	option, err := efi.ParseLoadOption(data)
	switch {
	case err != nil:
		return "", image.ByOnlyESP, false
	case option.Partition() != nil:
		return image.GUID(option.Partition()), image.ByBoot, false
	}
	return "", image.ByOnlyESP, slices.ContainsFunc(option.Path, func(n efi.PathNode) bool {
		return n.Type == messaging && n.SubType == macAddress
	})
}

// variableText reads a variable that holds a text; empty if there is none.
func variableText(root fs.FS, name string) string {
	data, err := fs.ReadFile(root, name)
	if err != nil || len(data) < attributesSize || len(data) > efi.MaxOption {
		return ""
	}
	return ucs2(data[attributesSize:])
}

// recordBlock is how a disk is read: by so many bytes, at multiples of them,
// which is the largest logical block that is looked at.
const recordBlock = 4096

// A blockCache reads whole blocks of a disk, each once.
type blockCache struct {
	r            blockReader
	size, sector int64
	blocks       map[int64][]byte // by their offsets
}

// ReadAt reads no more than the sectors that are wanted where a whole block
// cannot be read.
func (c *blockCache) ReadAt(b []byte, at int64) (int, error) {
	end := at + int64(len(b))
	n := 0
	for n < len(b) && at+int64(n) < c.size {
		where := at + int64(n)
		start := where &^ (recordBlock - 1)
		if c.blocks[start] == nil && c.fill(start, end) != nil {
			sectors, err := c.read(where, end, c.sector)
			if err != nil {
				return n, err
			}
			n += copy(b[n:], sectors[where%c.sector:])
			continue
		}
		n += copy(b[n:], c.blocks[start][where-start:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// fill reads the blocks from one that is not held to the end of what is wanted.
func (c *blockCache) fill(start, end int64) error {
	b, err := c.read(start, end, recordBlock)
	if err != nil {
		return err
	}
	for at := 0; at < len(b); at += recordBlock {
		c.blocks[start+int64(at)] = b[at:min(at+recordBlock, len(b))]
	}
	return nil
}

// read reads whole units, into memory that a disk can read into.
func (c *blockCache) read(start, end, unit int64) ([]byte, error) {
	start, end = start&^(unit-1), min((end+unit-1)&^(unit-1), c.size)
	b := make([]byte, int(end-start)+recordBlock)
	past := int(uintptr(unsafe.Pointer(&b[0])) % recordBlock)
	b = b[recordBlock-past:][:end-start]
	return b, readWhole(c.r, b, start)
}
