package kernel_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/kernel"
)

func TestOffers(t *testing.T) {
	const (
		config  = "boot/config-6.1.0-test"
		dir     = "lib/modules/6.1.0-test/"
		asked   = "CONFIG_XEN_BLKDEV_FRONTEND"
		unknown = "unknown: has it CONFIG_XEN_BLKDEV_FRONTEND?"
		gone    = asked + " is a module, which is not at hand"
	)
	asModule := file(asked + "=m\n")
	tests := map[string]struct {
		files               fstest.MapFS
		has, lacks, unknown string
	}{
		"configuration unknown":          {nil, "", "", unknown},
		"configuration empty":            {fstest.MapFS{config: file("")}, "", "this kernel lacks " + asked, ""},
		"not set":                        {fstest.MapFS{config: file("# " + asked + " is not set\n")}, "", "this kernel lacks " + asked, ""},
		"another option":                 {fstest.MapFS{config: file(asked + "S=y\nX" + asked + "=y\n")}, "", "this kernel lacks " + asked, ""},
		"value cut":                      {fstest.MapFS{config: file(asked + "=")}, "", "this kernel lacks " + asked, ""},
		"module, no lists":               {fstest.MapFS{config: asModule}, "", "", "what modules there are is not known"},
		"module of another name":         {fstest.MapFS{config: asModule, dir + "modules.dep": file("kernel/not-xen-blkfront.ko:\n")}, "", gone, ""},
		"module with a longer name":      {fstest.MapFS{config: asModule, dir + "modules.dep": file("kernel/xen-blkfront2.ko:\n")}, "", gone, ""},
		"alias of another module":        {fstest.MapFS{config: asModule, dir + "modules.alias": file("alias xen:vbd no_xen_blkfront\n")}, "", gone, ""},
		"its module is missing":          {fstest.MapFS{config: asModule, "vmspec/modules": file("missing xen_blkfront\n")}, "", "", "what modules there are"},
		"other release's modules":        {fstest.MapFS{config: asModule, "lib/modules/6.1.0/modules.dep": file("kernel/xen-blkfront.ko:\n")}, "", "", "what modules there are"},
		"another built in":               {fstest.MapFS{dir + "modules.builtin": file("kernel/xen-blk.ko\n"), dir + "modules.builtin.modinfo": file("x_xen_blkfront.license=GPL\x00")}, "", "", unknown},
		"built in":                       {fstest.MapFS{config: file("CONFIG_A=y\r\n" + asked + "=y\r\n")}, "XEN_BLKDEV_FRONTEND=y", "", ""},
		"at hand, with dashes":           {fstest.MapFS{config: asModule, dir + "modules.dep": file("kernel/xen-blkfront.ko.xz: a.ko\n")}, "XEN_BLKDEV_FRONTEND=m", "", ""},
		"at hand, with underscores":      {fstest.MapFS{dir + "modules.dep": file("kernel/xen_blkfront.ko:\n")}, "XEN_BLKDEV_FRONTEND=m", "", ""},
		"at hand by alias":               {fstest.MapFS{config: asModule, dir + "modules.alias": file("alias xen:vbd xen_blkfront\n")}, "XEN_BLKDEV_FRONTEND=m", "", ""},
		"loaded":                         {fstest.MapFS{"sys/module/xen_blkfront/x": file("")}, "XEN_BLKDEV_FRONTEND=m", "", ""},
		"idle in the suite's own":        {fstest.MapFS{"vmspec/modules": file("idle xen_blkfront\n")}, "XEN_BLKDEV_FRONTEND=m", "", ""},
		"not carried by the suite":       {fstest.MapFS{config: asModule, "vmspec/context": file("pid1\n")}, "XEN_BLKDEV_FRONTEND=m", "", ""},
		"among what is built in":         {fstest.MapFS{dir + "modules.builtin": file("kernel/xen-blkfront.ko\n")}, "XEN_BLKDEV_FRONTEND=y", "", ""},
		"built in by its licence":        {fstest.MapFS{dir + "modules.builtin.modinfo": file("a.license=GPL\x00xen_blkfront.license=GPL\x00")}, "XEN_BLKDEV_FRONTEND=y", "", ""},
		"built in by its licence, first": {fstest.MapFS{dir + "modules.builtin.modinfo": file("xen_blkfront.license=GPL\x00")}, "XEN_BLKDEV_FRONTEND=y", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			has, lacks, unknown := read(t, test.files).Offers(asked)
			require.Equal(t, test.has, has)
			require.Equal(t, test.lacks, lacks)
			require.Equal(t, test.unknown == "", unknown == "")
			require.Contains(t, unknown, test.unknown)
		})
	}
}

// What no module can bring is told by the configuration alone.
func TestOffersOfNoModule(t *testing.T) {
	f := read(t, fstest.MapFS{"lib/modules/6.1.0-test/modules.dep": file("kernel/irq-gic.ko:\n/.ko:\n"), "vmspec/modules": file("loaded\n")})
	_, _, unknown := f.Offers("CONFIG_ARM_GIC")
	require.Contains(t, unknown, "has it CONFIG_ARM_GIC?")
}

// Debian's kernels have all that is asked of a guest OS.
func TestOffersOfDebian(t *testing.T) {
	for name, files := range guesttest.All(t) {
		f, err := kernel.Read(files)
		require.NoError(t, err, name)
		for _, option := range strings.Fields("CONFIG_SERIAL_AMBA_PL011 CONFIG_SERIAL_AMBA_PL011_CONSOLE CONFIG_HVC_XEN CONFIG_ARM_GIC CONFIG_ARM_GIC_V3 " +
			"CONFIG_RTC_DRV_EFI CONFIG_XEN_BALLOON CONFIG_XEN_BLKDEV_FRONTEND CONFIG_VIRTIO_MMIO") {
			has, _, _ := f.Offers(option)
			require.NotEmpty(t, has, "%s: %s", name, option)
		}
	}
}

func FuzzOffers(f *testing.F) {
	f.Add("CONFIG_VIRTIO_BLK=m\n", "kernel/virtio_blk.ko:\n", "virtio_blk.license=GPL\x00")
	f.Add("CONFIG_VIRTIO_BLK", "/virtio-blk.ko", "\x00.")
	f.Fuzz(func(t *testing.T, config, dep, modinfo string) {
		const dir = "lib/modules/6.1.0-test/"
		k := read(t, fstest.MapFS{dir + "config": file(config), dir + "modules.dep": file(dep), dir + "modules.builtin.modinfo": file(modinfo)})
		for _, d := range kernel.Drivers {
			has, lacks, unknown := k.Offers(d.Option)
			answers := 0
			for _, text := range []string{has, lacks, unknown} {
				if text != "" {
					answers++
				}
			}
			require.Equal(t, 1, answers)
		}
	})
}
