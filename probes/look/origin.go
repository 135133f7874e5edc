package look

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"vmspec/probes/disk"
	"vmspec/probes/efi"
	"vmspec/probes/image"
)

// Variables in which systemd's EFI stub says from where it was started:
// https://systemd.io/BOOT_LOADER_INTERFACE.
const (
	variables       = "sys/firmware/efi/efivars/"
	loaderPartition = variables + "LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
	loaderImage     = variables + "LoaderImageIdentifier-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
	bootCurrent     = variables + "BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	bootOption      = variables + "Boot%04X-8be4df61-93ca-11d2-aa0d-00e098032b8c"

	attributesSize = 4 // before the data of each variable
)

// An origin is what UEFI says about where the guest was booted from.
type origin struct {
	partition string            // its GUID, empty if that is not said
	mbr       *efi.MBRPartition // the same of a disk without a GPT
	by        string            // how it is known
	network   bool
	device    string   // the kind of disk that the booted option names; empty for none
	names     []string // how the names of such disks begin in Linux
	pci       []string // the PCI functions on the way to it
}

// findOrigin asks the EFI stub, which knows best, and then the firmware.
func findOrigin(root fs.FS) origin {
	if guid := variableText(root, loaderPartition); guid != "" {
		return origin{partition: strings.ToUpper(guid), by: image.ByLoader}
	}
	option, err := bootedOption(root)
	if err != nil {
		return origin{by: image.ByOnlyESP}
	}
	if guid := option.Partition(); guid != nil {
		return origin{partition: image.GUID(guid), by: image.ByBoot}
	}
	out := origin{by: image.ByOnlyESP, pci: option.PCI()}
	if out.mbr = option.MBR(); out.mbr != nil {
		out.by = image.ByBoot
	}
	out.network = slices.ContainsFunc(option.Path, func(n efi.PathNode) bool {
		return n.Type == efi.Messaging && n.SubType == efi.MACAddress
	})
	if path := option.Device(); len(path) > 0 {
		last := path[len(path)-1]
		if d, ok := diskNodes[[2]uint8{last.Type, last.SubType}]; ok {
			out.device, out.names = d.name, strings.Fields(d.disks)
		}
	}
	return out
}

func bootedOption(root fs.FS) (*efi.LoadOption, error) {
	current, err := fs.ReadFile(root, bootCurrent)
	if err == nil && len(current) != attributesSize+2 {
		err = fmt.Errorf("BootCurrent has %d bytes", len(current))
	}
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(root, fmt.Sprintf(bootOption, binary.LittleEndian.Uint16(current[attributesSize:])))
	if err != nil {
		return nil, err
	}
	return efi.ParseLoadOption(data)
}

// diskNodes are the device path nodes, by type and subtype, in which the option
// of a whole disk ends, and how Linux's names of such disks begin. A function of
// PCI and a vendor's device, such as virtio-mmio, may be a disk of any name, and
// a network card has one node more: UEFI Specification 2.10, sections 10.3.2 and
// 10.3.4.
var diskNodes = map[[2]uint8]struct{ name, disks string }{
	{1, 1}:              {"PCI", ""},
	{1, 4}:              {"vendor's device", ""},
	{efi.Messaging, 1}:  {"ATAPI", "sd sr"},
	{efi.Messaging, 2}:  {"SCSI", "sd sr"},
	{efi.Messaging, 3}:  {"Fibre Channel", "sd sr"},
	{efi.Messaging, 5}:  {"USB", "sd sr"},
	{efi.Messaging, 18}: {"SATA", "sd sr"},
	{efi.Messaging, 19}: {"iSCSI", "sd sr"},
	{efi.Messaging, 22}: {"SAS", "sd sr"},
	{efi.Messaging, 23}: {"NVMe", "nvme"},
	{efi.Messaging, 25}: {"UFS", "sd"},
	{efi.Messaging, 26}: {"SD", "mmcblk"},
	{efi.Messaging, 29}: {"eMMC", "mmcblk"},
}

// among returns the disks that may be the boot disk. Shown is false if the option
// names a disk that Linux does not have.
func (o *origin) among(root fs.FS, disks []disk.Disk) (may []disk.Disk, shown bool) {
	may = slices.DeleteFunc(slices.Clone(disks), func(d disk.Disk) bool {
		slots := slotsOf(root, d.Name)
		return o.device != "" && len(o.pci) > 0 && len(slots) > 0 && !slices.Equal(slots, o.pci) ||
			len(o.names) > 0 && !slices.ContainsFunc(o.names, func(name string) bool { return strings.HasPrefix(d.Name, name) })
	})
	return may, len(may) > 0 || o.device == ""
}

// only settles on the only disk that may be the one that the option names. It is
// certain where Linux has it at that PCI function.
func (o *origin) only(root fs.FS, may []disk.Disk) (certain bool) {
	if o.device == "" || len(may) != 1 {
		return false
	}
	o.by = image.ByBoot
	return len(o.pci) > 0 && slices.Equal(slotsOf(root, may[0].Name), o.pci)
}

// slotsOf lists the PCI functions on the way to a disk as [efi.LoadOption.PCI]
// does; none if Linux does not tell, or there are none.
func slotsOf(root fs.FS, name string) (slots []string) {
	link, err := fs.ReadLink(root, "sys/block/"+name)
	if err != nil {
		return nil
	}
	for part := range strings.SplitSeq(link, "/") {
		if slot := pciSlot(part); slot != "" {
			slots = append(slots, slot)
		}
	}
	return slots
}

// pciSlot returns the end of a PCI function's name in sysfs, DOMAIN:BUS:DEVICE.FUNCTION;
// empty for another name.
func pciSlot(name string) string {
	parts := strings.Split(name, ":")
	if len(parts) != 3 || len(parts[1]) != 2 || len(parts[2]) != 4 || parts[2][2] != '.' {
		return ""
	}
	return parts[2]
}

// onDisk tells whether the partition that the origin names is on a disk.
func (o *origin) onDisk(t *image.Disk) bool {
	if o.mbr != nil {
		return t.MBR.Signature == o.mbr.Signature &&
			slices.ContainsFunc(t.MBR.Others, func(p image.Slice) bool { return uint64(p.First) == o.mbr.First })
	}
	return slices.ContainsFunc(t.Partitions, func(p image.Partition) bool { return p.Unique == o.partition })
}

// what is the partition that the origin names; empty for none.
func (o *origin) what() string {
	switch {
	case o.mbr != nil:
		return fmt.Sprintf("at LBA %d of the disk with the MBR signature %08x", o.mbr.First, o.mbr.Signature)
	case o.partition != "":
		return o.partition
	}
	return ""
}

// variableText reads a variable that holds a text; empty if there is none.
func variableText(root fs.FS, name string) string {
	data, err := fs.ReadFile(root, name)
	if err != nil || len(data) < attributesSize || len(data) > efi.MaxOption {
		return ""
	}
	return image.Text(data[attributesSize:])
}
