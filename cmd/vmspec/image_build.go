package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"vmspec/initramfs"
	"vmspec/suite"
)

// imageParameters are the kernel's in an image. They name no console: which
// there are is the VM's affair. A panic is to end the run.
const imageParameters = "panic=-1"

// osRelease says what is in an image, as os-release(5) does.
const osRelease = "ID=vmspec\nNAME=vmspec\nPRETTY_NAME=\"vmspec " + suite.Version + "\"\nVERSION_ID=" + suite.Version + "\n"

// imageFlags say what an image is built from.
type imageFlags struct {
	guest, loader     string
	guest32, loader32 string
	out               string
	sectorSize        int
}

func newImageBuild() *cobra.Command {
	var f imageFlags
	c := &cobra.Command{
		Use:   "build",
		Short: "Build the suite's disk image: raw, GPT, one EFI system partition",
		Long: `Build the suite's disk image: raw, GPT, one EFI system partition.

It boots through any UEFI by the removable media path and assumes no console,
device, memory map or boot variable. The same input gives the same bytes.
A disk with sectors of 4096 bytes needs an image of its own, mostly a hole.`,
		Args: takes(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return f.build(untilSignal(c), c.ErrOrStderr()) },
	}
	dir := filepath.Join("build", "arm64")
	c.Flags().StringVarP(&f.out, "out", "o", "vmspec.img", "`FILE` to write")
	c.Flags().StringVar(&f.guest, "guest", dir, "`DIR` with Image and initramfs.cpio.lz4, as make guest leaves them")
	c.Flags().StringVar(&f.loader, "loader", filepath.Join(dir, "loader"), "`DIR` that vmspec image loader fetched into")
	c.Flags().StringVar(&f.guest32, "guest32", "", "`DIR` with those for AArch32; empty for an image that boots AArch64 only")
	c.Flags().StringVar(&f.loader32, "loader32", filepath.Join("build", "arm", "loader"), "`DIR` that vmspec image loader --arch arm fetched into")
	c.Flags().IntVar(&f.sectorSize, "sector-size", 512, "of the disk, in bytes: 512 or 4096")
	return c
}

func newImageLoader() *cobra.Command {
	var arch, dir string
	c := &cobra.Command{
		Use:   "loader",
		Short: "Fetch what starts a kernel from a disk, from Debian by apt-get",
		Args:  takes(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			name, err := initramfs.FetchLoader(untilSignal(c), arch, dir, c.ErrOrStderr())
			if err == nil {
				fmt.Fprintf(c.ErrOrStderr(), "boot loader: %s\n", name)
			}
			return err
		},
	}
	c.Flags().StringVar(&arch, "arch", "arm64", "architecture, as Go names it, or "+initramfs.GRUB64+" for GRUB in place of systemd's stub")
	c.Flags().StringVar(&dir, "dir", filepath.Join("build", "arm64", "loader"), "`DIR` to fetch into")
	return c
}

func (f *imageFlags) build(ctx context.Context, progress io.Writer) error {
	uki, err := f.uki()
	if err != nil {
		return err
	}
	disk := initramfs.Disk{SectorSize: f.sectorSize, Files: []initramfs.File{{Name: "EFI/BOOT/BOOTAA64.EFI", Data: uki}}}
	if f.guest32 != "" {
		files, err := f.files32(ctx)
		if err != nil {
			return err
		}
		disk.Files = append(disk.Files, files...)
	}
	if err := makeFolder("--out", f.out); err != nil {
		return err
	}
	size, err := disk.WriteFile(f.out)
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "%s: %d bytes\n", f.out, size)
	return nil
}

// readGuest reads a guest's kernel and initramfs.
func readGuest(dir string) (kernel, initrd []byte, err error) {
	if kernel, err = os.ReadFile(filepath.Join(dir, imageName)); err != nil {
		return nil, nil, err
	}
	initrd, err = os.ReadFile(filepath.Join(dir, initramfsName))
	return kernel, initrd, err
}

// uki puts the AArch64 guest into one EFI application.
func (f *imageFlags) uki() ([]byte, error) {
	name, err := findLoader("arm64", f.loader)
	if err != nil {
		return nil, err
	}
	stub, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if _, _, err := findGuest(f.guest, "arm64"); err != nil {
		return nil, err
	}
	kernel, initrd, err := readGuest(f.guest)
	if err != nil {
		return nil, err
	}
	return initramfs.UKI(stub, []initramfs.Section{
		{Name: ".osrel", Data: []byte(osRelease)},
		{Name: ".cmdline", Data: []byte(imageParameters)},
		{Name: ".linux", Data: kernel},
		{Name: ".initrd", Data: initrd},
	})
}

// files32 are the AArch32 guest: GRUB, and what it loads.
func (f *imageFlags) files32(ctx context.Context) ([]initramfs.File, error) {
	modules, err := findLoader("arm", f.loader32)
	if err != nil {
		return nil, err
	}
	kernel, initrd, err := readGuest(f.guest32)
	if err != nil {
		return nil, err
	}
	if kernel, err = initramfs.MakeRoom(kernel); err != nil {
		return nil, err
	}
	const kernelName, initrdName = "VMSPEC/ARM/LINUX", "VMSPEC/ARM/INITRD"
	grub, err := initramfs.GRUB(ctx, modules, kernelName, initrdName, imageParameters)
	if err != nil {
		return nil, err
	}
	return []initramfs.File{
		{Name: "EFI/BOOT/BOOTARM.EFI", Data: grub},
		{Name: kernelName, Data: kernel},
		{Name: initrdName, Data: initrd},
	}, nil
}
