package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/imagefile"
	"vmspec/cmd/vmspec/internal/osimage"
	"vmspec/probes"
	"vmspec/probes/image"
	"vmspec/probes/kernel"
	"vmspec/results"
	"vmspec/suite"
)

func newImageCheck() *cobra.Command {
	var profile, guestOS string
	var sector sectorSize
	var out outputFlags
	c := &cobra.Command{
		Use:   "check IMAGE",
		Short: "Judge a disk image without booting it",
		Long: `Judge a raw disk image, or a block device, by what the specification asks of
images. It is read, and nothing else is done to it. Whether it boots by its
removable media path is for a boot to show.

An image that is packed by gzip, xz, zstd, lz4, bzip2 or lzma is unpacked first,
into a temporary file; qcow2, VHDX, VMDK and other containers are read through
qemu-img, where that is installed.

With --guest-os the kernel in its ESP is judged too, by its configuration and the
modules in its initial ramdisk: that of a unified kernel image, or one that lies
there as a file. Other file systems are not read.`,
		Args: takes(1, 1, "an image"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := errors.Join(checkProfile(profile), out.check()); err != nil {
				return err
			}
			if c.Flags().Changed("guest-os") && !slices.Contains(guestArchs, guestOS) {
				return fmt.Errorf("--guest-os %s: the kernels are %v", guestOS, guestArchs)
			}
			if err := sector.check(); err != nil {
				return err
			}
			f, err := readImage(c, args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			if err := sector.checkOf(f, args[0]); err != nil {
				return err
			}
			report, err := checkImage(f, int(sector), profile, guestOS)
			if err != nil {
				return err
			}
			return out.finish(c.OutOrStdout(), args[0], report)
		},
	}
	c.Flags().StringVar(&profile, "profile", "", "judge by this profile and not by rfc-v2")
	sector.register(c)
	out.register(c)
	c.Flags().StringVar(&guestOS, "guest-os", "", "judge the kernel in the image too; of one for both, that for `ARCH`: arm64 or arm")
	c.Flags().Lookup("guest-os").NoOptDefVal = anyKernel
	return c
}

// A sectorSize is that of the disk as a VM sees it, in bytes; 0 is as the image says.
type sectorSize int

func (s *sectorSize) register(c *cobra.Command) {
	c.Flags().IntVar((*int)(s), "sector-size", 0, "`BYTES` of the sectors of a file as it is presented to the VM: 512 or 4096 (default as its partition table is)")
}

func (s sectorSize) check() error {
	if s != 0 && s != 512 && s != 4096 {
		return fmt.Errorf("--sector-size %d: 512 or 4096", int(s))
	}
	return nil
}

// checkOf refuses another size than a block device has.
func (s sectorSize) checkOf(f *imagefile.Image, name string) error {
	if s != 0 && f.Sector != 0 && int(s) != f.Sector {
		return fmt.Errorf("--sector-size %d: %s is a device with sectors of %d bytes", int(s), name, f.Sector)
	}
	return nil
}

// anyKernel is the one that an image is judged by if nobody says which.
const anyKernel = "any"

var guestArchs = []string{anyKernel, "arm64", "arm"}

// checkImage judges an image, and the kernel in it if guestOS is not empty. No
// sector size is the image's own.
func checkImage(f *imagefile.Image, sector int, profile, guestOS string) (*results.Report, error) {
	disk := image.Inspect(f, f.Size, image.Options{Sector: cmp.Or(sector, f.Sector), Follow: true})
	settings := suite.ParseSettings(nil)
	if profile != "" {
		settings.Profile = suite.Profile(profile)
	}
	facts := &probes.Facts{Image: &image.Facts{Disk: disk}, Errors: map[string]string{}}
	if guestOS != "" {
		readKernel(facts, f, strings.TrimPrefix(guestOS, anyKernel))
	}
	if settings.Subjects = []suite.Subject{suite.Image}; guestOS != "" {
		settings.Subjects = append(settings.Subjects, suite.GuestOS)
	}
	return reported(suite.JudgeBy(settings, "", facts))
}

// readImage opens an image, and says what it was read out of.
func readImage(c *cobra.Command, name string) (*imagefile.Image, error) {
	done := showProgress(c.ErrOrStderr(), "reading "+name)
	f, err := imagefile.Read(untilSignal(c), name)
	done()
	if err == nil && f.In != "" {
		fmt.Fprintf(c.ErrOrStderr(), "vmspec: %s is %s: judged is the raw disk image in it\n", name, f.In)
	}
	return f, err
}

// readKernel finds out about the kernel in the image. That none can be seen is
// no fault of the image's: its kernel may lie where nothing is read.
func readKernel(facts *probes.Facts, r io.ReaderAt, arch string) {
	files, err := osimage.Open(r, facts.Image.Disk, arch)
	if err == nil {
		facts.Kernel, err = kernel.Read(files)
	}
	if err != nil {
		facts.Errors["kernel"] = err.Error()
	}
}
