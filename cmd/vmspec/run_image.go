package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/target"
)

// registerImage adds the flags of the targets that boot from a disk image.
func (f *runFlags) registerImage(c *cobra.Command) {
	c.Flags().StringVar(&f.Image, "image", "",
		"raw disk image `FILE`, as make image leaves it; what the VM writes to it is thrown away (default build/vmspec.img)")
	c.Flags().StringVar(&f.Disk, "disk", "virtio-blk-pci", "how the image is attached: "+strings.Join(target.Disks(), ", "))
}

// completeImage checks what a target needs that boots from a disk image.
func (f *runFlags) completeImage(t target.Target) (err error) {
	if err := f.CheckDisk(f.append); err != nil {
		return err
	}
	if t.UBoot && f.append != "" {
		return fmt.Errorf("--append %s: U-Boot hands no parameters to an image's guest", f.append)
	}
	f.Image = diskImage(f.Image)
	f.Sector, err = findImage(f.Image)
	return err
}

// sectorSize tells what the sectors of an image are: those of the disks that
// most hypervisors make, unless its GPT lies where the larger ones put it.
func sectorSize(image string) (int, error) {
	f, err := os.Open(image)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return 0, errors.Join(err, fmt.Errorf("%s is no disk image", image))
	}
	signature := func(at int64) bool {
		var b [8]byte
		n, err := f.ReadAt(b[:], at)
		return n == len(b) && (err == nil || err == io.EOF) && string(b[:]) == "EFI PART"
	}
	if !signature(512) && signature(4096) {
		return 4096, nil
	}
	return 512, nil
}
