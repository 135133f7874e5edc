package target_test

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// usual are the options of a run without any.
func usual() target.Options {
	return target.Options{
		GIC: 3, CPUs: 1, Memory: 512, Accel: "tcg",
		Kernel: "guest/Image", Initramfs: "guest/initramfs.cpio.lz4", Append: "vmspec.nonce=01234567",
	}
}

func with(change func(*target.Options)) target.Options {
	o := usual()
	change(&o)
	return o
}

// onHost adds what boots below the guest.
func onHost(o target.Options) target.Options {
	o.HostKernel, o.HostInitramfs, o.XenBinary, o.HostTree = "host/Image", "run/host.cpio.lz4", "host/xen", "run/xen.dtb"
	return o
}

// pairs is an argument list as text: an option and its value a line.
func pairs(args []string) string {
	var b strings.Builder
	for i, a := range args {
		switch {
		case i == 0:
		case strings.HasPrefix(a, "-") || !strings.HasPrefix(args[i-1], "-"):
			b.WriteByte('\n')
		default:
			b.WriteByte(' ')
		}
		b.WriteString(a)
	}
	return b.String() + "\n"
}

func TestArgs(t *testing.T) {
	firmware := func(o *target.Options) { o.Code, o.Vars = "fw/code.fd", "run/vars.fd" }
	onDisk := func(disk string) target.Options {
		return with(func(o *target.Options) { firmware(o); o.Image, o.Disk, o.Sector = "out/vmspec.img", disk, 512 })
	}
	cases := []struct {
		golden, target string
		options        target.Options
	}{
		{"qemu-virt", "qemu-virt", usual()},
		{"qemu-virt-uefi", "qemu-virt-uefi", with(firmware)},
		{"qemu-virt-acpi", "qemu-virt-acpi", with(firmware)},
		{"qemu-virt-both", "qemu-virt-both", onDisk("virtio-blk-pci")},
		{"qemu-image", "qemu-image", onDisk("virtio-blk-pci")},
		{"qemu-image-acpi", "qemu-image-acpi", onDisk("virtio-blk-pci")},
		{"qemu-uboot", "qemu-uboot", with(func(o *target.Options) {
			o.Code, o.Image, o.Disk, o.Sector, o.Append = "fw/u-boot.bin", "out/vmspec.img", "virtio-blk-pci", 512, ""
		})},
		{"qemu-virt32", "qemu-virt32", usual()},
		{"qemu-virt32-uefi", "qemu-virt32-uefi", with(firmware)},
		{"qemu-image32", "qemu-image32", onDisk("virtio-blk-pci")},
		{"disk-mmio", "qemu-image", onDisk("virtio-blk-device")},
		{"disk-scsi", "qemu-image", onDisk("virtio-scsi")},
		{"disk-nvme", "qemu-image", onDisk("nvme")},
		{"disk-usb", "qemu-image", onDisk("usb")},
		{"disk-4k", "qemu-image", with(func(o *target.Options) {
			firmware(o)
			o.Image, o.Disk, o.Sector = "a,b.img", "virtio-scsi", 4096
			o.Append = "vmspec.only=A,B vmspec.readonly"
		})},
		{"series", "qemu-image", with(func(o *target.Options) {
			firmware(o)
			o.Image, o.Disk, o.Sector, o.Reset, o.Keep = "run/image.img", "virtio-blk-pci", 512, true, true
		})},
		{"xen-dom0", "xen-dom0", onHost(usual())},
		{"xen-dom0less", "xen-dom0less", onHost(with(func(o *target.Options) { o.CPUs = 2 }))},
		{"xen-domu", "xen-domu", onHost(with(func(o *target.Options) { o.CPUs, o.NeedsSocket = 2, "run/needs" }))},
		{"kvm-qemu", "kvm-qemu", onHost(with(func(o *target.Options) { o.GIC, o.Extra = 2, []string{"-S"} }))},
		{"no-parameters", "qemu-virt", with(func(o *target.Options) { o.Append = "" })},
		{"gic2", "qemu-virt", with(func(o *target.Options) { o.GIC = 2 })},
		{"big", "qemu-virt", with(func(o *target.Options) { o.CPUs, o.Memory = 512, 65536 })},
		{"kvm", "qemu-virt", with(func(o *target.Options) { o.Accel = "kvm" })},
		{"hvf", "qemu-virt", with(func(o *target.Options) { o.Accel = "hvf" })},
		{"capture", "qemu-virt", with(func(o *target.Options) { o.Capture = "out/guest.tar.gz" })},
		{"monitor", "qemu-virt", with(func(o *target.Options) { o.Monitor = "a,b/qmp" })},
		{"extra", "qemu-virt", with(func(o *target.Options) { o.Extra = []string{"-device", "pcie-root-port", "-S"} })},
		{"commas", "qemu-virt-uefi", with(func(o *target.Options) {
			o.Code, o.Vars, o.Capture = "a,b/code.fd", ",vars,,fd", "c,d/guest,.tar.gz"
			// These two are no option lists, and QEMU takes them as they are.
			o.Kernel, o.Initramfs = "a,b/Image", "a,b/initramfs"
		})},
	}
	for _, c := range cases {
		t.Run(c.golden, func(t *testing.T) {
			to, err := target.Find(c.target)
			require.NoError(t, err)
			golden := filepath.Join("testdata", c.golden+".args")
			got := pairs(to.Args(c.options))
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// Two runs must not write into each other's arguments.
func TestArgsAreOwn(t *testing.T) {
	extra := append(make([]string, 0, 10), "-S")
	o := with(func(o *target.Options) { o.Extra = extra })
	o.Disk = "virtio-scsi" // whose last device is added to
	scsi := usual()
	scsi.Disk = o.Disk
	for _, to := range target.All() {
		args := to.Args(o)
		args[len(args)-1] = "changed"
	}
	require.Equal(t, []string{"-S"}, extra)
	image, err := target.Find("qemu-image")
	require.NoError(t, err)
	require.Equal(t, image.Args(scsi), image.Args(scsi))
}

// QEMU writes the tree of the very machine that is started, without what boots.
func TestTreeArgs(t *testing.T) {
	both, err := target.Find("qemu-virt-both-acpi")
	require.NoError(t, err)
	o := with(func(o *target.Options) { o.GIC, o.CPUs, o.Extra = 2, 4, []string{"-device", "tpm"} })
	args := strings.Join(both.TreeArgs(o, "a,b.dtb"), " ")
	require.Contains(t, args, "-machine virt,gic-version=2,dumpdtb=a,,b.dtb -accel tcg -cpu cortex-a57 -smp 4 ")
	require.True(t, strings.HasSuffix(args, " -device tpm"), args)
	require.NotContains(t, args, "image")
	require.Equal(t, "panic=-1 kpti=off cryptomgr.notests acpi=force vmspec.nonce=01234567", both.Parameters(o))
}

func TestFind(t *testing.T) {
	for _, name := range []string{"", "qemu", "QEMU-VIRT", "qemu-virt ", "qemu-virt-"} {
		_, err := target.Find(name)
		require.ErrorContains(t, err, "there are qemu-virt, qemu-virt-uefi, qemu-virt-acpi, qemu-virt-both, qemu-virt-both-acpi, qemu-image, qemu-image-acpi, qemu-uboot, qemu-virt32, qemu-virt32-uefi, qemu-image32, qemu-uboot32, xen-dom0, xen-dom0less, xen-domu, kvm-qemu, kvm-qemu-uefi, kvm-qemu-acpi, kvm-qemu32", "%q", name)
	}
	for _, to := range target.All() {
		found, err := target.Find(to.Name)
		require.NoError(t, err)
		require.Equal(t, to, found)
		require.NotEmpty(t, to.Summary)
	}
}

func TestOptionsCheck(t *testing.T) {
	cases := []struct {
		name   string
		change func(*target.Options)
		want   string // part of the error; empty for none
	}{
		{"no GIC", func(o *target.Options) { o.GIC = 0 }, "--gic 0: 2 or 3"},
		{"GICv1", func(o *target.Options) { o.GIC = 1 }, "--gic 1: 2 or 3"},
		{"GICv4", func(o *target.Options) { o.GIC = 4 }, "--gic 4: 2 or 3"},
		{"no CPU", func(o *target.Options) { o.CPUs = 0 }, "--cpus 0: 1 to 512"},
		{"negative CPUs", func(o *target.Options) { o.CPUs = -1 }, "--cpus -1: 1 to 512"},
		{"more CPUs than virt has", func(o *target.Options) { o.CPUs = 513 }, "--cpus 513: 1 to 512"},
		{"no memory", func(o *target.Options) { o.Memory = 0 }, "--memory 0: at least 64 MiB"},
		{"negative memory", func(o *target.Options) { o.Memory = -512 }, "--memory -512: at least 64 MiB"},
		{"memory one short", func(o *target.Options) { o.Memory = 63 }, "--memory 63: at least 64 MiB"},

		{"usual", func(*target.Options) {}, ""},
		{"GICv2", func(o *target.Options) { o.GIC = 2 }, ""},
		{"most CPUs", func(o *target.Options) { o.CPUs = 512 }, ""},
		{"least memory", func(o *target.Options) { o.Memory = 64 }, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := with(c.change).Check()
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}

func TestCheckDisk(t *testing.T) {
	for _, disk := range target.Disks() {
		require.NoError(t, with(func(o *target.Options) { o.Disk = disk }).CheckDisk(" vmspec.readonly  vmspec.only=A"))
	}
	for _, disk := range []string{"", "NVMe", "virtio-blk-pci,readonly=on"} {
		err := with(func(o *target.Options) { o.Disk = disk }).CheckDisk("")
		require.ErrorContains(t, err, "nvme, usb, usb-ehci, virtio-blk-device, virtio-blk-pci, virtio-scsi", "%q", disk)
	}
	for _, parameters := range []string{"quiet", "vmspec.readonly console=ttyAMA0", "vmspecs"} {
		require.ErrorContains(t, with(func(o *target.Options) { o.Disk = "usb" }).CheckDisk(parameters), "an image has its own command line")
	}
}

func TestChooseAccel(t *testing.T) {
	for _, name := range []string{"", "bad", "TCG", "kvm ", "auto,kvm"} {
		_, err := target.ChooseAccel(name)
		require.ErrorContains(t, err, "auto, tcg, kvm or hvf", "%q", name)
	}
	for _, name := range []string{"tcg", "kvm", "hvf"} {
		got, err := target.ChooseAccel(name)
		require.NoError(t, err)
		require.Equal(t, name, got)
	}
	for _, to := range target.All() {
		if to.Hypervisor == "" {
			continue
		}
		for _, name := range []string{"auto", "tcg"} {
			got, err := to.ChooseAccel(name)
			require.NoError(t, err)
			require.Equal(t, "tcg", got, to.Name)
		}
		for _, name := range []string{"kvm", "hvf", "", "bad"} {
			_, err := to.ChooseAccel(name)
			require.ErrorContains(t, err, "a machine that runs a hypervisor is emulated", to.Name)
		}
	}
	aarch32 := target.Target{AArch32: true}
	for _, name := range []string{"auto", "tcg"} {
		got, err := aarch32.ChooseAccel(name)
		require.NoError(t, err)
		require.Equal(t, "tcg", got)
	}
	for _, name := range []string{"kvm", "hvf", "", "bad"} {
		_, err := aarch32.ChooseAccel(name)
		require.ErrorContains(t, err, "AArch32 is emulated", "%q", name)
	}
	auto, err := target.ChooseAccel("auto")
	require.NoError(t, err)
	if runtime.GOARCH != "arm64" {
		require.Equal(t, "tcg", auto)
	}
	require.True(t, slices.Contains([]string{"tcg", "kvm", "hvf"}, auto), auto)
}
