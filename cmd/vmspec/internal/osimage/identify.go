package osimage

import (
	"bytes"
	"io"
)

// Identify returns the architecture of a kernel, as Go names it, and its release.
// Each is empty if the file does not show it: the release in a zImage is packed.
func Identify(r io.ReaderAt, size int64) (arch, release string) {
	file := io.NewSectionReader(r, 0, size)
	if arch = kernelArch(file); arch != "" {
		release, _, _ = scan(file)
	}
	return arch, release
}

// others are files that people mistake for a kernel, by bytes at an offset:
// Linux's Documentation/arch/x86/boot.rst, ELF-64 and U-Boot's image.h.
var others = []struct {
	at        int
	magic, is string
}{
	{0x202, "HdrS", "a kernel for x86"},
	{0, "\x7fELF", "an ELF file, such as vmlinux: what boots is made of it, arch/arm64/boot/Image or arch/arm/boot/zImage"},
	{0, "\x27\x05\x19\x56", "U-Boot's uImage: the Image or zImage in it is wanted"},
	{0, "\xd0\x0d\xfe\xed", "a device tree or a FIT image"},
	{0, "070701", "a cpio archive, such as an initramfs"},
	{0, "#!", "a script"},
}

// What names a file that is no kernel for ARM; empty if its header does not show
// what it is.
func What(r io.ReaderAt) string {
	head := make([]byte, 1024)
	n, _ := r.ReadAt(head, 0)
	head = head[:n]
	if n == 0 {
		return "an empty file"
	}
	for _, o := range others {
		if len(head) >= o.at && bytes.HasPrefix(head[o.at:], []byte(o.magic)) {
			return o.is
		}
	}
	return ""
}

// ReleaseOf returns the release whose modules or configuration an initial ramdisk
// holds; empty unless there is exactly one.
func ReleaseOf(initrd io.Reader) string {
	var a archive
	if err := a.read(initrd); err != nil {
		return ""
	}
	return a.release()
}
