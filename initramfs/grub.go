package initramfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// grubModules are what GRUB needs to start a kernel from an ESP.
var grubModules = []string{"boot", "fat", "linux", "part_gpt"}

// ErrNoGRUB says that this machine has no grub-mkimage.
var ErrNoGRUB = errors.New("grub-mkimage is needed for the 32-bit half of an image: install grub-common (Debian)")

// GRUB builds an EFI application for AArch32 from GRUB's modules in dir. It
// starts the kernel at a path on its own ESP.
func GRUB(ctx context.Context, dir, linux, initrd, parameters string) ([]byte, error) {
	image, err := grub(ctx, dir, fmt.Sprintf("linux /%s %s\ninitrd /%s\nboot\n", linux, parameters, initrd))
	if err != nil {
		return nil, fmt.Errorf("build GRUB: %w", err)
	}
	return image, nil
}

func grub(ctx context.Context, dir, commands string) ([]byte, error) {
	if _, err := exec.LookPath("grub-mkimage"); err != nil {
		return nil, ErrNoGRUB
	}
	work, err := os.MkdirTemp("", "vmspec-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	config, out := filepath.Join(work, "grub.cfg"), filepath.Join(work, "grub.efi")
	if err := os.WriteFile(config, []byte(commands), 0o644); err != nil {
		return nil, err
	}
	args := append([]string{"-O", "arm-efi", "-d", dir, "-c", config, "-p", "/", "-o", out}, grubModules...)
	if text, err := exec.CommandContext(ctx, "grub-mkimage", args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("grub-mkimage: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return os.ReadFile(out)
}

// decompressing is how much memory behind the kernel an AArch32 Linux writes to
// while it unpacks itself: a stack and a heap of 64 KiB
// (arch/arm/boot/compressed/head.S).
const decompressing = 128 << 10

// The machine and the magic number of a PE file for AArch32.
const (
	machineThumb = 0x1c2
	magicPE32    = 0x10b
)

// MakeRoom makes an AArch32 kernel ask for the memory behind it, which it uses
// without asking. Otherwise U-Boot puts the initramfs there.
func MakeRoom(kernel []byte) ([]byte, error) {
	p := &peFile{data: bytes.Clone(kernel)}
	if err := p.findHeaders(); err != nil {
		return nil, fmt.Errorf("read kernel: %w", err)
	}
	if machine, magic := p.u16(p.coff), p.u16(p.opt+optMagic); machine != machineThumb || magic != magicPE32 {
		return nil, fmt.Errorf("read kernel: machine %#x and magic %#x, want AArch32's %#x and %#x", machine, magic, machineThumb, magicPE32)
	}
	last := p.table
	for at := p.table; at < p.table+p.sections*sectionSize; at += sectionSize {
		if p.u32(at+12) >= p.u32(last+12) {
			last = at
		}
	}
	for _, size := range []int{p.opt + optImageSize, last + 8} { // EDK2 uses the first, U-Boot the second
		p.set32(size, min(p.u32(size), maxPE)+decompressing)
	}
	return p.data, nil
}
