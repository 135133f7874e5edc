package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/initramfs"
)

// grubFolder is where GRUB lies, in the folder of its guest.
const grubFolder = "grub"

// findGRUB finds GRUB for a guest's folder.
func findGRUB(folder string) (string, error) {
	dir := filepath.Join(folder, grubFolder)
	name, err := initramfs.FindLoader(initramfs.GRUB64, dir)
	if err != nil {
		return "", fmt.Errorf("GRUB is not in %s: vmspec image loader --arch %s --dir %s fetches it, from Debian by apt-get", dir, initramfs.GRUB64, dir)
	}
	return name, nil
}

// prepareGRUB makes the disk from which GRUB starts the guest, if the target wants
// that: with the machine's device tree, which the firmware does not hand over beside
// ACPI.
func (f *runFlags) prepareGRUB(ctx context.Context, t target.Target) error {
	if !t.GRUB {
		return nil
	}
	grub, err := findGRUB(guestFolder(f.guest, arch(t)))
	if err != nil {
		return err
	}
	what := initramfs.Loaded{Parameters: t.Parameters(f.Options)}
	for _, file := range []struct {
		name string
		into *[]byte
	}{{grub, &what.GRUB}, {f.Kernel, &what.Kernel}, {f.Initramfs, &what.Initramfs}} {
		if *file.into, err = os.ReadFile(file.name); err != nil {
			return err
		}
	}
	if what.Tree, err = f.machineTree(ctx, t); err != nil {
		return fmt.Errorf("the machine's device tree: %w", err)
	}
	f.loader, f.Image, f.Disk, f.Sector = "GRUB", filepath.Join(f.dir, "grub.img"), "virtio-blk-pci", 512
	_, err = initramfs.Disk{SectorSize: f.Sector, Files: what.Files()}.WriteFile(f.Image)
	return err
}

// machineTree has QEMU write the device tree of the machine that is to be started.
func (f *runFlags) machineTree(ctx context.Context, t target.Target) ([]byte, error) {
	file := filepath.Join(f.dir, "tree.dtb")
	said, err := exec.CommandContext(ctx, t.Program(), t.TreeArgs(f.Options, file)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", t.Program(), err, firstLine(strings.TrimSpace(string(said))))
	}
	tree, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return initramfs.CompactTree(tree)
}
