package initramfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Where a kernel image says what it is: Linux's Documentation/arch/arm64/booting.rst,
// arch/arm/boot/compressed/head.S and drivers/firmware/efi/libstub/zboot-header.S.
const (
	arm64At, arm64Magic = 56, "ARM\x64"
	zImageAt, zImage    = 0x24, "\x18\x28\x6f\x01"

	zbootAt, zboot = 4, "zimg"
	zbootPayload   = 8 // offset and size of what is packed
	zbootKind      = 24
	zbootHead      = 56
)

// KernelHeadSize is how many bytes of a kernel image hold all of that.
const KernelHeadSize = 64

// A KernelHead is the beginning of a kernel image.
type KernelHead []byte

func (h KernelHead) has(at int, magic string) bool {
	return len(h) >= at+len(magic) && string(h[at:at+len(magic)]) == magic
}

// Arch returns the GOARCH of an arm64 Image or a zImage; empty for anything else.
func (h KernelHead) Arch() string {
	switch {
	case h.has(arm64At, arm64Magic):
		return "arm64"
	case h.has(zImageAt, zImage):
		return "arm"
	}
	return ""
}

// Gzip reports whether the image is a gzip file.
func (h KernelHead) Gzip() bool { return h.has(0, "\x1f\x8b") }

// Zboot reports whether it is an EFI zboot image, a small EFI program with the
// packed kernel behind it.
func (h KernelHead) Zboot() bool { return h.has(0, "MZ") && h.has(zbootAt, zboot) }

// Payload returns where the packed kernel lies in an EFI zboot image, and the name
// of its packing.
func (h KernelHead) Payload() (at, size uint32, kind string, err error) {
	if len(h) < zbootHead {
		return 0, 0, "", errors.New("EFI zboot image: cut within its header")
	}
	kind, _, _ = strings.Cut(string(h[zbootKind:zbootHead]), "\x00")
	return binary.LittleEndian.Uint32(h[zbootPayload:]), binary.LittleEndian.Uint32(h[zbootPayload+4:]), kind, nil
}

// KernelImage returns a kernel as a boot loader starts it, and its GOARCH. It
// unpacks what arm64 distributions pack and not every VMM does: a gzip file and an
// EFI zboot image. A zImage of 32 bits unpacks itself and is returned as it is.
func KernelImage(data []byte) (image []byte, arch string, err error) {
	image, err = unpackKernel(data)
	if err != nil {
		return nil, "", err
	}
	if arch = KernelHead(image).Arch(); arch == "" {
		return nil, "", fmt.Errorf("neither an arm64 Image nor a zImage: it begins with %q", image[:min(len(image), 8)])
	}
	return image, arch, nil
}

func unpackKernel(data []byte) ([]byte, error) {
	switch h := KernelHead(data); {
	case h.Zboot():
		return unpackZboot(data)
	case h.Gzip():
		return unpack(".gz", data, maxKernel)
	}
	return data, nil
}

// maxKernel bounds an unpacked kernel; Debian's for arm64 has 47 MB.
const maxKernel = 256 << 20

// zbootKinds are the suffixes of packed files, by the names in zboot headers:
// comp-type in drivers/firmware/efi/libstub/Makefile.zboot.
var zbootKinds = map[string]string{"gzip": ".gz", "xzkern": ".xz", "zstd22": ".zst", "zstd": ".zst", "lz4": ".lz4"}

func unpackZboot(data []byte) ([]byte, error) {
	at, size, kind, err := KernelHead(data).Payload()
	if err != nil {
		return nil, err
	}
	if uint64(at)+uint64(size) > uint64(len(data)) {
		return nil, fmt.Errorf("EFI zboot image: its kernel is at bytes %d to %d, the file has %d", at, uint64(at)+uint64(size), len(data))
	}
	suffix, known := zbootKinds[kind]
	if !known {
		return nil, fmt.Errorf("EFI zboot image: packed as %q, which is not read", kind)
	}
	image, err := unpack(suffix, bytes.Clone(data[at:at+size]), maxKernel)
	if err != nil {
		return nil, fmt.Errorf("EFI zboot image: unpack %s: %w", kind, err)
	}
	return image, nil
}
