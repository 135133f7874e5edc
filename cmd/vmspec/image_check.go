package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/osimage"
	"vmspec/probes"
	"vmspec/probes/image"
	"vmspec/probes/kernel"
	"vmspec/results"
	"vmspec/suite"
)

func newImageCheck() *cobra.Command {
	var profile, guestOS string
	var out outputFlags
	c := &cobra.Command{
		Use:   "check IMAGE",
		Short: "Judge a disk image without booting it",
		Long: `Judge a raw disk image, or a block device, by what the specification asks of
images. It is read, and nothing else is done to it. Whether it boots by its
removable media path is for a boot to show.

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
			report, err := checkImage(args[0], profile, guestOS)
			if err != nil {
				return err
			}
			return out.finish(c.OutOrStdout(), args[0], report)
		},
	}
	c.Flags().StringVar(&profile, "profile", "", "judge by this profile and not by rfc-v2")
	out.register(c)
	c.Flags().StringVar(&guestOS, "guest-os", "", "judge the kernel in the image too; of one for both, that for `ARCH`: arm64 or arm")
	c.Flags().Lookup("guest-os").NoOptDefVal = anyKernel
	return c
}

// anyKernel is the one that an image is judged by if nobody says which.
const anyKernel = "any"

var guestArchs = []string{anyKernel, "arm64", "arm"}

// checkImage judges the image in a file, and the kernel in it if guestOS is not
// empty.
func checkImage(name, profile, guestOS string) (*results.Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := sizeOf(f)
	if err == nil {
		err = contained(f, size, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	disk := image.Inspect(f, size, image.Options{Follow: true})
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

// sizeOf returns the size of a file or block device; that of a device is where
// it ends.
func sizeOf(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	switch kind := info.Mode().Type(); {
	case kind.IsRegular():
		return info.Size(), nil
	case kind.IsDir():
		return 0, errors.New("is a directory")
	case kind&os.ModeDevice == 0 || kind&os.ModeCharDevice != 0:
		return 0, errors.New("is neither a file nor a block device")
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil && size == 0 {
		err = errors.New("this system does not tell the size of a block device: copy it to a file")
	}
	return size, err
}

// A container is a form in which a disk image may lie in a file.
type container struct {
	at      int64 // of the magic, from the end where it is negative
	magic   string
	is      string
	command string // that makes a raw image of it; %[1]s is the file, %[2]s the raw image
}

// containers are told by their content. A name proves nothing.
var containers = []container{
	{0, "QFI\xfb", "a qcow2 image", "qemu-img convert -f qcow2 -O raw %[1]s %[2]s"},
	{0, "QED\x00", "a QED image", "qemu-img convert -f qed -O raw %[1]s %[2]s"},
	{0, "vhdxfile", "a VHDX image", "qemu-img convert -f vhdx -O raw %[1]s %[2]s"},
	{0, "conectix", "a VHD image", "qemu-img convert -f vpc -O raw %[1]s %[2]s"},
	{-512, "conectix", "a VHD image", "qemu-img convert -f vpc -O raw %[1]s %[2]s"},
	{0, "KDMV", "a VMDK image", "qemu-img convert -f vmdk -O raw %[1]s %[2]s"},
	{0, "# Disk DescriptorFile", "the descriptor of a VMDK image", "qemu-img convert -f vmdk -O raw %[1]s %[2]s"},
	{64, "\x7f\x10\xda\xbe", "a VDI image", "qemu-img convert -f vdi -O raw %[1]s %[2]s"},
	{0, "\x3a\xff\x26\xed", "an Android sparse image", "simg2img %[1]s %[2]s"},
	{0, "\x1f\x8b", "compressed by gzip", "gunzip -c %[1]s > %[2]s"},
	{0, "\xfd7zXZ\x00", "compressed by xz", "xz -dc %[1]s > %[2]s"},
	{0, "\x28\xb5\x2f\xfd", "compressed by zstd", "zstd -dc %[1]s > %[2]s"},
	{0, "BZh", "compressed by bzip2", "bzip2 -dc %[1]s > %[2]s"},
	{0, "PK\x03\x04", "a zip archive", "unzip -p %[1]s > %[2]s"},
	{257, "ustar", "a tar archive", "tar -xOf %[1]s > %[2]s"},
}

// Where a disk of optical media says what it is, and a hybrid one for disks
// its partition table: ECMA-119, section 8.4.
const (
	opticalAt    = 32769
	opticalMagic = "CD001"
	tableAt      = 512
	tableMagic   = "EFI PART"
)

// contained returns an error for a file that is not the disk as a VM sees it,
// with the command that makes one of it.
func contained(r io.ReaderAt, size int64, name string) error {
	has := func(at int64, magic string) bool {
		if at < 0 {
			at += size
		}
		b := make([]byte, len(magic))
		_, err := r.ReadAt(b, max(at, 0))
		return at >= 0 && (err == nil || errors.Is(err, io.EOF)) && string(b) == magic
	}
	for _, c := range containers {
		if has(c.at, c.magic) {
			raw := name + ".raw"
			return fmt.Errorf("is %s, and not a raw disk image: check what this makes of it: %s", c.is, fmt.Sprintf(c.command, quoted(name), quoted(raw)))
		}
	}
	if has(opticalAt, opticalMagic) && !has(tableAt, tableMagic) {
		return errors.New("is an ISO 9660 image, for optical media: check the disk onto which it is installed")
	}
	return nil
}

// quoted writes a file's name as shells take it.
func quoted(name string) string {
	if strings.ContainsFunc(name, func(c rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+@%,:=", c)
	}) {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return name
}
