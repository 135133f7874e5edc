package suite

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/probes/guest/guesttest"
	"vmspec/results/report"
)

// distribution makes the suite's own guest one that somebody else booted.
var distribution = replace("vmspec/context", "program\n")

var asProgram = map[string]Verdict{"FW-VAR-WRITE": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-CONSOLE-INPUT": Skip, "PLAT-VIRTIO-PORT": Skip}

// unset removes an option from the kernel, and its modules.
func unset(option string, modules ...string) change {
	changes := []change{edit(config, option+"=", "NOT_"+option+"=")}
	for _, m := range modules {
		changes = append(changes, gone(m))
	}
	return all(changes...)
}

// gone removes a module, in every place that lists it.
func gone(module string) change {
	marks := map[string]string{
		"vmspec/modules":                       " " + module,
		modulesDir + "modules.alias":           " " + module + "\n",
		modulesDir + "modules.builtin.modinfo": module + ".",
	}
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		changed := map[string][]byte{"sys/module/" + module: nil}
		for name, mark := range marks {
			if data, err := files.ReadFile(name); err == nil {
				changed[name] = bytes.ReplaceAll(data, []byte(mark), []byte(strings.Replace(mark, module, "no_"+module, 1)))
			}
		}
		return files.With(changed)
	}
}

// lacking is a distribution's kernel without something. These requirements then
// fail with this problem.
func lacking(name string, how change, problem string, ids ...string) mutant {
	m := mutant{name: "a distribution's kernel: " + name, guest: uefiGuest, change: all(distribution, how), want: with(asProgram, fails(ids...)), problem: map[string]string{}}
	for _, id := range ids {
		m.problem[id] = problem
	}
	return m
}

// byV20 judges a mutant by version 2.0.
func byV20(m mutant) mutant {
	m.profile, m.name = V20, m.name+", by v2.0"
	return m
}

var guestOSMutants = []mutant{
	lacking("all there", all(), ""),
	lacking("no PL011", unset("CONFIG_SERIAL_AMBA_PL011", "amba_pl011"), "this kernel lacks CONFIG_SERIAL_AMBA_PL011", "OS-PL011"),
	lacking("no console on the PL011", unset("CONFIG_SERIAL_AMBA_PL011_CONSOLE"), "this kernel lacks CONFIG_SERIAL_AMBA_PL011_CONSOLE", "OS-PL011"),
	byV20(lacking("no console on the PL011", unset("CONFIG_SERIAL_AMBA_PL011_CONSOLE"), "this kernel lacks CONFIG_SERIAL_AMBA_PL011_CONSOLE", "OS-PL011", "OS-SBSA-UART")),
	lacking("no virtio console", unset("CONFIG_VIRTIO_CONSOLE", "virtio_console"), "this kernel lacks CONFIG_VIRTIO_CONSOLE", "OS-VIRTIO-CONSOLE", "OS-VIRTIO-PCI", "OS-VIRTIO-MMIO"),
	lacking("no Xen console", unset("CONFIG_HVC_XEN"), "this kernel lacks CONFIG_HVC_XEN", "OS-XEN-CONSOLE", "OS-XEN-PV"),
	lacking("no GICv2", unset("CONFIG_ARM_GIC"), "this kernel lacks CONFIG_ARM_GIC", "OS-GICV2"),
	lacking("no GICv3", unset("CONFIG_ARM_GIC_V3"), "this kernel lacks CONFIG_ARM_GIC_V3", "OS-GICV3"),
	byV20(lacking("no UEFI clock", unset("CONFIG_RTC_DRV_EFI", "rtc_efi"), "this kernel lacks CONFIG_RTC_DRV_EFI", "OS-EFI-RTC")),
	lacking("no virtio on PCI", unset("CONFIG_VIRTIO_PCI", "virtio_pci"), "this kernel lacks CONFIG_VIRTIO_PCI", "OS-VIRTIO-PCI"),
	lacking("no virtio in memory", unset("CONFIG_VIRTIO_MMIO", "virtio_mmio"), "this kernel lacks CONFIG_VIRTIO_MMIO", "OS-VIRTIO-MMIO"),
	lacking("no balloon", unset("CONFIG_VIRTIO_BALLOON", "virtio_balloon"), "this kernel lacks CONFIG_VIRTIO_BALLOON", "OS-VIRTIO-PCI", "OS-VIRTIO-MMIO"),
	lacking("no Xen balloon", unset("CONFIG_XEN_BALLOON"), "this kernel lacks CONFIG_XEN_BALLOON", "OS-XEN-PV"),
	lacking("no Xen disks", unset("CONFIG_XEN_BLKDEV_FRONTEND", "xen_blkfront"), "this kernel lacks CONFIG_XEN_BLKDEV_FRONTEND", "OS-XEN-PV"),
	lacking("a module that is not at hand", gone("xen_netfront"), "CONFIG_XEN_NETDEV_FRONTEND is a module, which is not at hand", "OS-XEN-PV"),
	{
		name: "a distribution's kernel of unknown configuration", guest: uefiGuest, change: all(distribution, remove(config)),
		want: with(asProgram, map[string]Verdict{"OS-PL011": Error, "OS-XEN-CONSOLE": Error, "OS-GICV2": Error, "OS-GICV3": Error, "OS-XEN-PV": Error,
			"PLAT-HOTPLUG-BUS": Error, "PLAT-SMCCC": Error}),
		problem: map[string]string{
			"OS-PL011": "this kernel's configuration is unknown: has it CONFIG_SERIAL_AMBA_PL011_CONSOLE?",
			"OS-GICV3": "this kernel's configuration is unknown: has it CONFIG_ARM_GIC_V3?",
		},
	},
	{
		name: "a distribution's kernel of unknown modules", guest: uefiGuest,
		change:  all(distribution, gone("xen_netfront"), remove(modulesDir+"modules.alias")),
		want:    with(asProgram, map[string]Verdict{"OS-XEN-PV": Error}),
		problem: map[string]string{"OS-XEN-PV": "CONFIG_XEN_NETDEV_FRONTEND is a module, and what modules there are is not known"},
	},
	{
		name: "an image's command line that names a disk by its driver", guest: uefiGuest,
		change:  all(replace("vmspec/context", "image\n"), edit("proc/cmdline", "panic=-1", "root=LABEL=x root=/dev/vda2")),
		want:    fails("OS-NO-ASSUMPTIONS"),
		problem: map[string]string{"OS-NO-ASSUMPTIONS": "the command line in the image has root=/dev/vda2"},
	},
	{
		name: "an image's command line that names a disk by its label", guest: uefiGuest,
		change: all(replace("vmspec/context", "image\n"), edit("proc/cmdline", "panic=-1", "root=/dev/vda2 root=/dev/disk/by-label/x console=tty0 console=ttyAMA0 console=hvc0")),
		want:   map[string]Verdict{},
	},
	{
		name: "a VM's command line that names a disk by its driver", guest: uefiGuest, change: edit("proc/cmdline", "panic=-1", "root=/dev/vda2"), want: map[string]Verdict{},
	},
	{
		name: "an image that knows one kind of console", guest: uefiGuest,
		change:  all(replace("vmspec/context", "image\n"), edit("proc/cmdline", "panic=-1", "root=LABEL=x console=tty0 console=ttyAMA0,115200")),
		want:    fails("OS-NO-ASSUMPTIONS"),
		problem: map[string]string{"OS-NO-ASSUMPTIONS": "console=ttyAMA0,115200"},
	},
	{
		name: "an image that knows a disk by its number, and a console by its address", guest: uefiGuest,
		change:  all(replace("vmspec/context", "image\n"), edit("proc/cmdline", "panic=-1", "root=254:1 earlycon=pl011,0x9000000")),
		want:    fails("OS-NO-ASSUMPTIONS"),
		problem: map[string]string{"OS-NO-ASSUMPTIONS": "root=254:1; the command line in the image has earlycon=pl011,0x9000000"},
	},
	{
		name: "an image that knows a disk by its place", guest: uefiGuest,
		change: all(replace("vmspec/context", "image\n"), edit("proc/cmdline", "panic=-1", "root=/dev/disk/by-path/platform-4010000000.pcie-pci-0000:00:01.0-part2")),
		want:   fails("OS-NO-ASSUMPTIONS"),
	},
	{
		name: "an OS that sets its clock by another one, by v1.0", guest: uefiGuest, profile: V10,
		change: all(distribution, edit("vmspec/kmsg", "rtc-efi rtc-efi.0: setting", "rtc-pl031 9010000.pl031: setting"),
			replace("sys/class/rtc/rtc1/name", "rtc-pl031 9010000.pl031\n")),
		want:    with(asProgram, fails("OS-EFI-RTC")),
		problem: map[string]string{"OS-EFI-RTC": "the kernel set its clock by rtc-pl031 9010000.pl031, beside rtc-efi rtc-efi.0"},
	},
	{
		name: "an OS that does not show by what it sets its clock, by v1.0", guest: uefiGuest, profile: V10,
		change: all(distribution, edit("vmspec/kmsg", "setting system clock", "lost")),
		want:   with(asProgram, map[string]Verdict{"OS-EFI-RTC": Error}),
	},
	{
		name: "an OS whose attribute tells it, by v1.0", guest: uefiGuest, profile: V10,
		change: all(distribution, edit("vmspec/kmsg", "setting system clock", "lost"), replace("sys/class/rtc/rtc0/hctosys", "1\n")),
		want:   asProgram,
	},
	{
		name: "an image with modules in another file system", guest: uefiGuest, change: all(replace("vmspec/context", "image partial\n"), gone("xen_netfront")),
		want:    map[string]Verdict{"OS-XEN-PV": Error},
		problem: map[string]string{"OS-XEN-PV": "CONFIG_XEN_NETDEV_FRONTEND is a module, which is not in the initial ramdisk, and other file systems are not read"},
	},
	{
		name: "the suite's own guest without a GICv3's driver", guest: uefiGuest, change: unset("CONFIG_ARM_GIC_V3"),
		want: map[string]Verdict{}, problem: map[string]string{"OS-GICV3": ReasonNoOS},
	},
	{
		name: "the suite's own guest without a GIC's driver, by v2.0", guest: uefiGuest, profile: V20, change: edit(config, "CONFIG_ARM_GIC", "CONFIG_XRM_GIC"),
		want: map[string]Verdict{},
	},
	{
		name: "the suite's own guest without a module", guest: uefiGuest, change: gone("xen_netfront"), want: map[string]Verdict{},
	},
}

// The verdict on the platform does not depend on the guest OS.
func TestPlatformIsNotTheGuestOS(t *testing.T) {
	judge := func(c change) *report.Report {
		return JudgeBy(Settings{Profile: RFCv2}, "arm64", probes.Read(c(t, guesttest.Open(t, uefiGuest)))).Report()
	}
	want, text := judge(distribution).Conclude()
	for _, m := range guestOSMutants {
		if m.profile == "" && strings.HasPrefix(m.name, "a distribution's") {
			got, gotText := judge(m.change).Conclude()
			require.Equal(t, want, got, m.name)
			require.Equal(t, text.String(), gotText.String(), m.name)
		}
	}
	got, tally := judge(all(distribution, unset("CONFIG_ARM_GIC_V3"))).ConcludeOn(report.GuestOS)
	require.Equal(t, report.NotConformant, got, "concluded beside it")
	require.Equal(t, 1, tally.Failed)
}

// The guest OS is concluded on in a guest that somebody else booted, and not in the
// suite's own.
func TestGuestOSUnderTest(t *testing.T) {
	files := guesttest.Open(t, uefiGuest)
	require.NotContains(t, Judge(probes.Read(files)).Report().Parties(), report.GuestOS)
	require.Contains(t, Judge(probes.Read(distribution(t, files))).Report().Parties(), report.GuestOS)
}
