package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"vmspec/cmd/vmspec/internal/imagefile"
	"vmspec/cmd/vmspec/internal/osimage"
	"vmspec/cmd/vmspec/internal/target"
	"vmspec/initramfs"
)

// What targets need of this machine beside QEMU and its firmware. Each is found
// by one function, for run and for doctor.

// arch is a target's architecture, as Go names it.
func arch(t target.Target) string {
	if t.AArch32 {
		return "arm"
	}
	return "arm64"
}

// guestFolder is the named folder, or where make guest or a release has what
// boots on an architecture.
func guestFolder(named, arch string) string {
	if named != "" {
		return named
	}
	return firstThere(filepath.Join("build", arch), arch)
}

// diskImage is the named disk image, or that of make image or a release.
func diskImage(named string) string {
	if named != "" {
		return named
	}
	return firstThere(filepath.Join("build", "vmspec.img"), "vmspec.img")
}

// firstThere is the first that exists, or else the first.
func firstThere(names ...string) string {
	for _, name := range names {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return names[0]
}

// findGuest returns the kernel and the initramfs in a folder.
func findGuest(folder, arch string) (kernel, initramfs string, err error) {
	kernel, initramfs = filepath.Join(folder, imageName), filepath.Join(folder, initramfsName)
	for _, name := range []string{kernel, initramfs} {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return "", "", fmt.Errorf("%s is not there: make guest%s builds it in vmspec's source tree, or name its directory with --guest", name, archOption(arch))
		} else if err != nil {
			return "", "", err
		}
	}
	if is := kernelArch(kernel); is != "" && is != arch {
		return "", "", fmt.Errorf("%s is a kernel for %s, where one for %s is needed: make guest%s builds it", kernel, is, arch, archOption(arch))
	}
	return kernel, initramfs, nil
}

// noKernel is why no kernel of Debian's was found in a folder.
func noKernel(folder string, err error) error {
	if _, gone := os.Stat(folder); errors.Is(gone, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there: vmspec kernel --dir %[1]s fetches Debian's kernel into it", folder)
	}
	return fmt.Errorf("no kernel: %w", err)
}

// findLoader returns what starts a kernel from a disk.
func findLoader(arch, folder string) (string, error) {
	name, err := initramfs.FindLoader(arch, folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the boot loader for %s is not in %s: vmspec image loader --arch %[1]s --dir %[2]s fetches it, from Debian by apt-get", arch, folder)
	}
	return name, err
}

// kernelArch tells a kernel's architecture, as Go names it; empty if its header
// does not.
func kernelArch(name string) string {
	return readFile(name, func(f *os.File, size int64) string {
		arch, _ := osimage.Identify(f, size)
		return arch
	})
}

// archOption is what make wants beside it for an architecture's guest.
func archOption(arch string) string {
	if arch == "arm64" {
		return ""
	}
	return " ARCH=" + arch
}

// openImage opens a raw disk image.
func openImage(file string) (*imagefile.Image, error) {
	f, err := imagefile.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there: make image builds it in vmspec's source tree, or name one with --image", file)
	}
	return f, err
}
