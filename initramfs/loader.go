package initramfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// loaders says what starts the kernel from a disk, by GOARCH: Debian's name for
// the architecture, the packages, of which a release may lack some, and what is wanted
// of them. On 32 bits it is GRUB, since that stub's header has no room for the sections
// of a UKI.
var loaders = map[string]struct {
	arch  string
	names []string
	path  string
}{
	"arm64": {"arm64", []string{"systemd-boot-efi"}, "usr/lib/systemd/boot/efi/linuxaa64.efi.stub"},
	// The image has a package of its own since Debian 13.
	GRUB64: {"arm64", []string{"grub-efi-arm64-bin", "grub-efi-arm64-unsigned"}, "usr/lib/grub/arm64-efi/monolithic/grubaa64.efi"},
	"arm":  {"armhf", []string{"grub-efi-arm-bin"}, "usr/lib/grub/arm-efi"},
}

// GRUB64 stands for arm64 where GRUB is wanted, which can hand over a device tree:
// Debian's, with all its modules.
const GRUB64 = "arm64-grub"

// FetchLoader downloads what starts a GOARCH's kernel from a disk into dir, as
// FetchKernel does, and returns its path: systemd's stub, or GRUB's modules.
func FetchLoader(ctx context.Context, arch, dir string, progress io.Writer) (string, error) {
	name, err := fetchLoader(ctx, arch, dir, progress)
	if err != nil {
		return "", fmt.Errorf("fetch boot loader for %s: %w", arch, err)
	}
	return name, nil
}

func fetchLoader(ctx context.Context, arch, dir string, progress io.Writer) (string, error) {
	loader, ok := loaders[arch]
	if !ok {
		return "", errors.New("none of Debian's is known for this architecture")
	}
	a, err := newApt(dir, loader.arch, progress)
	if err != nil {
		return "", err
	}
	updateErr := a.update(ctx)
	names, err := a.available(ctx, loader.names)
	if err != nil {
		return "", whyMissing(err, updateErr)
	}
	if err := a.fetch(ctx, names...); err != nil {
		return "", err
	}
	return FindLoader(arch, dir)
}

// FindLoader finds what FetchLoader left in dir.
func FindLoader(arch, dir string) (string, error) {
	loader, ok := loaders[arch]
	if !ok {
		return "", fmt.Errorf("no boot loader is known for %s", arch)
	}
	name := filepath.Join(dir, unpacked, filepath.FromSlash(loader.path))
	if _, err := os.Stat(name); err != nil {
		return "", fmt.Errorf("find boot loader for %s: %w", arch, err)
	}
	return name, nil
}
