package initramfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// A Loaded is what GRUB starts: a kernel with its parameters, beside a device tree
// that GRUB puts into UEFI's configuration table.
type Loaded struct {
	GRUB, Kernel, Initramfs, Tree []byte
	Parameters                    string
}

// Files are what a disk needs for that. Debian's GRUB for AArch64 reads its
// configuration in \EFI\debian.
func (l Loaded) Files() []File {
	const tree, kernel, initrd = "VMSPEC/TREE.DTB", "VMSPEC/LINUX", "VMSPEC/INITRD"
	var config strings.Builder
	fmt.Fprintf(&config, "devicetree /%s\nlinux /%s", tree, kernel)
	for word := range strings.FieldsSeq(l.Parameters) {
		config.WriteString(" " + quoteGRUB(word))
	}
	fmt.Fprintf(&config, "\ninitrd /%s\nboot\n", initrd)
	return []File{
		{Name: "EFI/BOOT/BOOTAA64.EFI", Data: l.GRUB},
		{Name: "EFI/DEBIAN/GRUB.CFG", Data: []byte(config.String())},
		{Name: tree, Data: l.Tree},
		{Name: kernel, Data: l.Kernel},
		{Name: initrd, Data: l.Initramfs},
	}
}

// quoteGRUB quotes a word as GRUB's shell wants it.
func quoteGRUB(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// Of a device tree's header: Devicetree 0.4, section 5.2. A field is four bytes.
const (
	treeMagic   = 0xd00dfeed
	treeHeader  = 40
	treeTotal   = 4
	treeStruct  = 8
	treeStrings = 12
	treeReserve = 16
)

// CompactTree cuts off what a device tree has room for and does not use: QEMU writes
// 1 MiB.
func CompactTree(tree []byte) ([]byte, error) {
	if len(tree) < treeHeader || binary.BigEndian.Uint32(tree) != treeMagic {
		return nil, errors.New("this is no device tree")
	}
	field := func(at int) uint64 { return uint64(binary.BigEndian.Uint32(tree[at:])) }
	end := max(treeHeader, field(treeReserve)+16, field(treeStruct)+field(36), field(treeStrings)+field(32))
	if end > uint64(len(tree)) {
		return nil, fmt.Errorf("a device tree of %d bytes, cut to %d", end, len(tree))
	}
	out := append([]byte(nil), tree[:end]...)
	binary.BigEndian.PutUint32(out[treeTotal:], uint32(end))
	return out, nil
}
