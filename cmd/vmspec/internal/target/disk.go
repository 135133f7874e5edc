package target

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// disks are QEMU's devices by how a disk is attached. The last of each is the
// disk itself.
var disks = map[string][]string{
	"virtio-blk-pci":    {"virtio-blk-pci"},
	"virtio-blk-device": {"virtio-blk-device"},
	"virtio-scsi":       {"virtio-scsi-pci", "scsi-hd"},
	"nvme":              {"nvme,serial=vmspec"},
	"usb":               {"qemu-xhci", "usb-storage"},
	"usb-ehci":          {"usb-ehci", "usb-storage"}, // Debian's U-Boot knows no xHCI; AAVMF is very slow with it
}

// Disks lists the ways to attach a disk image.
func Disks() []string { return slices.Sorted(maps.Keys(disks)) }

// CheckDisk refuses what cannot be meant by the options and parameters of a
// disk image.
func (o Options) CheckDisk(parameters string) error {
	if _, ok := disks[o.Disk]; !ok {
		return fmt.Errorf("--disk %q: %s", o.Disk, strings.Join(Disks(), ", "))
	}
	for _, word := range strings.Fields(parameters) {
		if !strings.HasPrefix(word, "vmspec.") {
			return fmt.Errorf("--append %s: an image has its own command line; only the suite's parameters reach it", word)
		}
	}
	return nil
}

// disk attaches the image. What the VM writes to it goes to a temporary file, unless
// the image is a copy of the run's own: a run never changes an image.
func (o Options) disk() []string {
	snapshot := "on"
	if o.Keep {
		snapshot = "off"
	}
	args := []string{"-drive", "if=none,id=image,format=raw,snapshot=" + snapshot + ",file=" + escape(o.Image)}
	if o.Disk == "virtio-blk-device" { // virtio 1.0, as the other devices are
		args = append(args, "-global", "virtio-mmio.force-legacy=off")
	}
	devices := slices.Clone(disks[o.Disk])
	last := len(devices) - 1
	devices[last] += ",drive=image"
	if o.Sector != 512 {
		devices[last] += fmt.Sprintf(",logical_block_size=%d,physical_block_size=%[1]d", o.Sector)
	}
	for _, d := range devices {
		args = append(args, "-device", d)
	}
	return args
}
