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

// KernelImage returns a kernel as a boot loader starts it, and its GOARCH. It
// unpacks what arm64 distributions pack and not every VMM does: a gzip file,
// and an EFI zboot image, a small EFI program with the packed kernel behind it.
// A zImage of 32 bits unpacks itself and is returned as it is.
func KernelImage(data []byte) (image []byte, arch string, err error) {
	image, err = unpackKernel(data)
	if err != nil {
		return nil, "", err
	}
	switch {
	case magicAt(image, arm64At, arm64Magic):
		return image, "arm64", nil
	case magicAt(image, zImageAt, zImage):
		return image, "arm", nil
	}
	return nil, "", fmt.Errorf("neither an arm64 Image nor a zImage: it begins with %q", image[:min(len(image), 8)])
}

func magicAt(data []byte, at int, magic string) bool {
	return len(data) >= at+len(magic) && string(data[at:at+len(magic)]) == magic
}

func unpackKernel(data []byte) ([]byte, error) {
	switch {
	case magicAt(data, 0, "MZ") && magicAt(data, zbootAt, zboot):
		return unpackZboot(data)
	case magicAt(data, 0, "\x1f\x8b"):
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
	if len(data) < zbootHead {
		return nil, errors.New("EFI zboot image: cut within its header")
	}
	at, size := binary.LittleEndian.Uint32(data[zbootPayload:]), binary.LittleEndian.Uint32(data[zbootPayload+4:])
	if uint64(at)+uint64(size) > uint64(len(data)) {
		return nil, fmt.Errorf("EFI zboot image: its kernel is at bytes %d to %d, the file has %d", at, uint64(at)+uint64(size), len(data))
	}
	kind, _, _ := strings.Cut(string(data[zbootKind:zbootHead]), "\x00")
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
