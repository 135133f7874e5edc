package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/imagefile"
	"vmspec/probes/image/imagetest"
)

// kernels are the configurations of those in images, by the image's name: one
// with all that is asked of it, and one without some.
var kernels = map[string]string{"kernel.img": wholeConfig, "poor.img": strings.NewReplacer("GIC_V3", "GIC_V4", "XEN_BALLOON", "NO").Replace(wholeConfig)}

const wholeConfig = `CONFIG_SERIAL_AMBA_PL011=y
CONFIG_SERIAL_AMBA_PL011_CONSOLE=y
CONFIG_HVC_XEN=y
CONFIG_ARM_GIC=y
CONFIG_ARM_GIC_V3=y
CONFIG_RTC_DRV_EFI=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_MMIO=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_NET=y
CONFIG_VIRTIO_CONSOLE=y
CONFIG_VIRTIO_BALLOON=y
CONFIG_XEN_BLKDEV_FRONTEND=y
CONFIG_XEN_NETDEV_FRONTEND=y
CONFIG_XEN_BALLOON=y
`

// wrongFiles are what no image should hold, by the image that holds it.
var wrongFiles = map[string]imagetest.File{
	"firmware.img":  {Path: `\QEMU_EFI.fd`, Data: imagetest.Volume("8C8CE578-8A3D-4F1C-9935-896185C32DD3")},
	"variables.img": {Path: `\ubootefi.var`, Data: []byte("x")},
}

// cmdImage is "image FILE": a disk image of that name, lone.fat for its file
// system alone.
func cmdImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: image file")
	}
	spec := imagetest.Good()
	if file, ok := wrongFiles[args[0]]; ok {
		spec.Parts[0].FAT.Files = append(spec.Parts[0].FAT.Files, file)
	}
	if config, ok := kernels[args[0]]; ok {
		spec.Parts[0].FAT.Files[0].Data = imagetest.UKI(0xaa64, imagetest.Section{Name: ".linux", Data: imagetest.Kernel("6.1.0-test")},
			imagetest.Section{Name: ".initrd", Data: imagetest.Newc(imagetest.File{Path: "lib/modules/6.1.0-test/config", Data: []byte(config)})},
			imagetest.Section{Name: ".cmdline", Data: []byte("quiet root=/dev/vda2")})
	}
	i := imagetest.New(spec)
	if args[0] == "primary.img" { // without the primary header
		i.Put(i.Header(false), make([]byte, 512)...)
	}
	ts.Check(writeImage(i, ts.MkAbs(args[0])))
	ts.Check(os.WriteFile(ts.MkAbs("lone.fat"), i.Get(i.First[0], 64<<10), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("of qcow2"), []byte("QFI\xfb\x00\x00\x00\x03"), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("thousand"), make([]byte, 1000), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("cut.gz"), []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b"), 0o644))
}

func writeImage(i *imagetest.Image, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(i.Size); err != nil {
		return err
	}
	return i.Pages(func(at int64, b []byte) error {
		_, err := f.WriteAt(b, at)
		return err
	})
}

// An image of 8 TiB is read as quickly as a small one, and a file is not held.
func TestCheckReadsLittle(t *testing.T) {
	name := filepath.Join(t.TempDir(), "large.img")
	i := imagetest.New(imagetest.Good())
	require.NoError(t, writeImage(i, name))
	require.NoError(t, os.Truncate(name, 8<<40))
	f, err := imagefile.Open(name)
	require.NoError(t, err)
	defer f.Close()
	report, err := checkImage(f, 0, "", "")
	require.NoError(t, err)
	require.Contains(t, point(report, "IMG-GPT-BACKUP").Found, "the disk grew by ")
	require.Equal(t, "pass", string(point(report, "IMG-GPT").Verdict))
}
