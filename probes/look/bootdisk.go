package look

import (
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"vmspec/probes/disk"
	"vmspec/probes/image"
)

// BootDisk finds the disk from which a guest with UEFI was booted and reads what
// its image is judged by. Nothing is written to a disk.
//
// The disk is that of the partition which the EFI stub or the booted load
// option names, or the disk itself that the option names, else the only one from
// which UEFI would start a program for this architecture. It need not have a GPT.
// If they name one that Linux does not show, or one that cannot be told from
// others, that is an error: its image cannot be judged.
func BootDisk(root fs.FS, disks []disk.Disk, n *image.Note) error {
	return bootDisk(root, runtime.GOARCH, disks, OpenDisk, n)
}

func bootDisk(root fs.FS, arch string, disks []disk.Disk, open func(name string) (BlockReader, error), n *image.Note) error {
	from := findOrigin(root)
	may, shown := from.among(root, disks)
	switch {
	case from.network:
		return none(disks, n)
	case !shown:
		return fmt.Errorf("booted from a disk that this kernel shows no driver for: by %s", from.device)
	}
	certain := from.what() != "" || from.only(root, may)
	found, err := findDisks(may, open, func(t *image.Disk) bool {
		if from.what() != "" {
			return from.onDisk(t)
		}
		return certain || t.MayBoot()
	})
	defer func() {
		for _, c := range found {
			_ = c.reader.Close() // it was only read
		}
	}()
	if err := from.settle(found, err); err != nil {
		return err
	}
	if len(found) != 1 {
		return from.unsettled(disks, may, n)
	}
	c := found[0]
	d := image.Inspect(c.recorder, int64(c.Size), image.Options{Sector: int(c.Block)})
	if !certain && !d.Starts(arch) {
		return from.unsettled(disks, may, n)
	}
	partition := from.partition
	n.Boot = &image.Boot{Name: c.Name, Size: c.Size, Sector: c.Block, By: from.by}
	n.Partition, n.Loader = partition, variableText(root, loaderImage)
	c.recorder.Fill(n)
	return nil
}

// settle returns why it is not known which of the found disks is the boot disk, if
// UEFI named them or they could not be read.
func (o *origin) settle(found []candidate, err error) error {
	switch what := o.what(); {
	case what != "" && len(found) == 0 && err != nil:
		return fmt.Errorf("no disk has the partition %s, from which the guest was booted; %w", what, err)
	case what != "" && len(found) == 0:
		return fmt.Errorf("booted from a disk that this kernel shows no driver for: none has the partition %s", what)
	case what != "" && len(found) > 1:
		return fmt.Errorf("%d disks have the partition %s, from which the guest was booted", len(found), what)
	case what == "":
		return err
	}
	return nil
}

// unsettled is for a guest that was booted from none of the disks, or from one of
// them that cannot be told from the others: that is an error.
func (o *origin) unsettled(disks, may []disk.Disk, n *image.Note) error {
	optical := func(d disk.Disk) bool { return strings.HasPrefix(d.Name, "sr") }
	switch {
	case o.device == "" || !slices.ContainsFunc(may, func(d disk.Disk) bool { return !optical(d) }):
		return none(disks, n) // an optical medium is no disk image
	case len(may) == 1:
		return fmt.Errorf("booted from a disk, by %s, and %s is none that UEFI starts", o.device, may[0].Name)
	}
	return fmt.Errorf("booted from one of %d disks, by %s, and nothing says from which", len(may), o.device)
}

// none notes why the guest was booted from no disk.
func none(disks []disk.Disk, n *image.Note) error {
	n.None = image.NoneKnown
	if len(disks) == 0 {
		n.None = image.NoDisk
	}
	return nil
}

// A candidate is a disk that may be the one.
type candidate struct {
	disk.Disk
	reader   io.Closer
	recorder *image.Recorder
}

// findDisks opens the disks and returns those whose partition table is wanted.
func findDisks(disks []disk.Disk, open func(name string) (BlockReader, error), wanted func(*image.Disk) bool) (found []candidate, err error) {
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

// recordBlock is the unit in which a disk is read: the largest logical block of the
// disks that are looked at.
const recordBlock = 4096

// A blockCache reads whole blocks of a disk, each once.
type blockCache struct {
	r            BlockReader
	size, sector int64
	blocks       map[int64][]byte // by their offsets
}

// ReadAt reads whole blocks. If one cannot be read, it reads only the sectors that
// are wanted.
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

// fill reads the blocks from start, which is not held yet, to the end of what is
// wanted.
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

// read reads whole units, into memory that is aligned for a direct read.
func (c *blockCache) read(start, end, unit int64) ([]byte, error) {
	start, end = start&^(unit-1), min((end+unit-1)&^(unit-1), c.size)
	b := make([]byte, int(end-start)+recordBlock)
	past := int(uintptr(unsafe.Pointer(&b[0])) % recordBlock)
	b = b[recordBlock-past:][:end-start]
	return b, ReadWhole(c.r, b, start)
}
