package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/target"
)

// registerImage adds the flags of the targets that boot from a disk image.
func (f *runFlags) registerImage(c *cobra.Command) {
	c.Flags().StringVar(&f.Image, "image", "",
		"raw disk image `FILE`, as make image leaves it; what the VM writes to it is thrown away (default build/vmspec.img)")
	c.Flags().StringVar(&f.Disk, "disk", "virtio-blk-pci", "how the image is attached: "+strings.Join(target.Disks(), ", "))
	f.sector.register(c)
}

// completeImage checks what a target needs that boots from a disk image.
func (f *runFlags) completeImage(t target.Target) (err error) {
	if err := errors.Join(f.CheckDisk(f.append), f.sector.check()); err != nil {
		return err
	}
	if t.UBoot && f.append != "" {
		return fmt.Errorf("--append %s: U-Boot hands no parameters to an image's guest", f.append)
	}
	f.Image = diskImage(f.Image)
	file, err := openImage(f.Image)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := f.sector.checkOf(file, f.Image); err != nil {
		return err
	}
	f.Sector = cmp.Or(int(f.sector), file.SectorSize())
	f.image, err = judgeImage(file, int(f.sector))
	return err
}
