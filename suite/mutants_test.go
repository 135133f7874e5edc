package suite

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/probes/guest/guesttest"
)

func cells(values ...uint32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, v)
	}
	return out
}

const (
	counter = "cntfrq 62500000\nreads 200000 backward 0 cpus 4\npace 1250000 1250100 20000000\ninterrupts 10 20 1250000\n"
	ramNode = "memory@40000000"
)

// sbsaUART makes the console's PL011 its subset.
var sbsaUART = all(edit("proc/tty/driver/ttyAMA", "PL011 rev1", "SBSA"), tree(func(root *dt.Node) {
	node(root, "pl011@9000000").UpdateProperty("compatible", []byte("arm,sbsa-uart\x00"))
}))

// A mutant is a captured guest broken in one known way, and exactly what is
// then found. An expected problem is a part of the finding's text.
type mutant struct {
	name    string
	guest   string
	profile Profile // rfc-v2 if empty
	change  change
	want    map[string]Verdict // of those that differ from the whole guest
	problem map[string]string
}

var mutants = []mutant{
	{
		name: "UEFI 2.31", guest: uefiGuest, change: edit("vmspec/efi", "revision 0x20046", "revision 0x2001f"),
		want:    map[string]Verdict{"FW-UEFI-VERSION": Fail},
		problem: map[string]string{"FW-UEFI-VERSION": "UEFI 2.31 is older than 2.40"},
	},
	{
		name: "UEFI 2.4 is new enough", guest: uefiGuest, change: edit("vmspec/efi", "revision 0x20046", "revision 0x20028"),
		want: map[string]Verdict{},
	},
	{
		name: "UEFI 2.4 by v2.0", guest: uefiGuest, profile: V20, change: edit("vmspec/efi", "revision 0x20046", "revision 0x20028"),
		want:    map[string]Verdict{"FW-UEFI-VERSION-26": Fail},
		problem: map[string]string{"FW-UEFI-VERSION-26": "UEFI 2.40 is older than 2.60"},
	},
	{
		name: "UEFI 2.10 is newer than 2.4", guest: uefiGuest, change: edit("vmspec/efi", "revision 0x20046", "revision 0x20064"),
		want: map[string]Verdict{},
	},
	{
		name: "no revision anywhere", guest: uefiGuest,
		change:  all(replace("vmspec/efi", "error map /dev/mem: EPERM\n"), edit("vmspec/kmsg", "efi: EFI v2.70", "gone")),
		want:    map[string]Verdict{"FW-UEFI-VERSION": Error},
		problem: map[string]string{"FW-UEFI-VERSION": "map /dev/mem: EPERM"},
	},
	{
		name: "no configuration tables", guest: uefiGuest, change: replace("vmspec/efi", "address 0x5ffd0018\nrevision 0x20046\n"),
		want:    map[string]Verdict{"FW-UEFI-SYSTAB": Fail, "HW-FDT-UEFI": Fail},
		problem: map[string]string{"FW-UEFI-SYSTAB": "no configuration table"},
	},
	{
		name: "lockdown hides the system table", guest: uefiGuest, change: replace("vmspec/efi", "error open /dev/mem: operation not permitted\n"),
		want: map[string]Verdict{},
	},
	{
		name: "no SetVariable at run time", guest: uefiGuest, change: edit("proc/self/mountinfo", "efivarfs efivarfs rw", "efivarfs efivarfs ro"),
		want:    map[string]Verdict{"FW-VAR-RUNTIME": Fail},
		problem: map[string]string{"FW-VAR-RUNTIME": "read-only"},
	},
	{
		name: "firmware without a virtual mapping", guest: uefiGuest,
		change: edit("vmspec/kmsg", "Remapping and enabling EFI services", "UEFI virtual mapping missing or invalid"),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Fail},
	},
	{
		name: "a kernel that uses no runtime services", guest: uefiGuest,
		change: edit("vmspec/kmsg", "Remapping and enabling EFI services", "EFI runtime services will be disabled"),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Error, "FW-RTC": Error},
	},
	{
		name: "an administrator's read-only efivarfs", guest: uefiGuest,
		change: all(edit("proc/self/mountinfo", "efivarfs efivarfs rw", "efivarfs efivarfs ro"), replace("vmspec/context", "program\n")),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Error, "FW-VAR-WRITE": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-CONSOLE-INPUT": Skip, "PLAT-VIRTIO-PORT": Skip},
	},
	{
		name: "efivarfs that cannot be mounted", guest: uefiGuest,
		change: all(edit("proc/self/mountinfo", "efivarfs", "nothing"), replace("vmspec/mounts", "error operation not supported\n")),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Fail},
	},
	{
		name: "a log that tells the revision as newer kernels do", guest: uefiGuest,
		change:  all(replace("vmspec/efi", "error map /dev/mem: EPERM\n"), edit("vmspec/kmsg", "efi: EFI v2.70", "efi: EFI v2.3.1")),
		want:    map[string]Verdict{"FW-UEFI-VERSION": Fail},
		problem: map[string]string{"FW-UEFI-VERSION": "UEFI 2.31 is older than 2.40"},
	},
	{
		name: "our own efi=noruntime", guest: uefiGuest, change: edit("proc/cmdline", "panic=-1", "efi=debug,noruntime"),
		want:    map[string]Verdict{"FW-VAR-RUNTIME": Error, "FW-RTC": Error},
		problem: map[string]string{"FW-RTC": "switches runtime services off"},
	},
	{
		name: "efivarfs was not carried", guest: uefiGuest,
		change: all(edit("vmspec/modules", "loaded efivarfs", "missing efivarfs"), remove("sys/module/efivarfs"),
			edit("proc/self/mountinfo", "efivarfs", "nothing")),
		want:    map[string]Verdict{"FW-VAR-RUNTIME": Error},
		problem: map[string]string{"FW-VAR-RUNTIME": "this kernel has CONFIG_EFIVAR_FS as a module, which is not loaded"},
	},
	{
		name: "a clock that stands still", guest: uefiGuest, change: replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nstuck 1795645431 187500001\n"),
		want:    map[string]Verdict{"FW-RTC": Fail, "PLAT-COUNTER-PACE": Error},
		problem: map[string]string{"FW-RTC": "stood still for 3.0 s"},
	},
	{
		name: "a clock at half speed", guest: uefiGuest,
		change:  replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nedge 1795645431 1000000 1100000\nedge 1795645432 126000000 126100000\n"),
		want:    map[string]Verdict{"FW-RTC": Fail, "PLAT-COUNTER": Error, "PLAT-COUNTER-PACE": Fail}, // one of the two is wrong
		problem: map[string]string{"FW-RTC": "between 0.500 and 0.500 s a second", "PLAT-COUNTER": "disagree"},
	},
	{
		name: "a clock that goes back", guest: uefiGuest,
		change: replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nedge 1795645431 1000000 1100000\nedge 1795645430 63500000 63600000\n"),
		want:   map[string]Verdict{"FW-RTC": Fail, "PLAT-COUNTER-PACE": Fail},
	},
	{
		name: "a host too busy to tell", guest: uefiGuest,
		change:  replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nedge 1795645431 1000000 31000000\nedge 1795645432 63500000 93500000\n"),
		want:    map[string]Verdict{"FW-RTC": Error, "PLAT-COUNTER-PACE": Error},
		problem: map[string]string{"FW-RTC": "too busy to tell"},
	},
	{
		name: "a clock with one edge", guest: uefiGuest, change: replace("vmspec/clock", "rtc rtc0\ncounter cntvct 62500000\nedge 1795645431 1000000 1100000\n"),
		want: map[string]Verdict{"FW-RTC": Error, "PLAT-COUNTER-PACE": Error},
	},
	{
		name: "captured before the clock was watched", guest: uefiGuest, change: remove("vmspec/clock"),
		want:    map[string]Verdict{"FW-RTC": Error, "PLAT-CLOCK-DATE": Error, "PLAT-COUNTER-PACE": Error},
		problem: map[string]string{"FW-RTC": "not captured"},
	},
	{
		name: "GetTime does not answer", guest: uefiGuest, change: replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n"),
		want:    map[string]Verdict{"FW-RTC": Fail},
		problem: map[string]string{"FW-RTC": "GetTime does not answer"},
	},
	{
		name: "a kernel without the UEFI clock", guest: uefiGuest,
		change: all(replace("sys/class/rtc/rtc0/name", "rtc-pl031 9010000.pl031\n"),
			edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_RTC_DRV_EFI=y", "# CONFIG_RTC_DRV_EFI is not set")),
		want:    map[string]Verdict{"FW-RTC": Error},
		problem: map[string]string{"FW-RTC": "this kernel lacks CONFIG_RTC_DRV_EFI"},
	},
	{
		name: "the tree is not in the configuration table", guest: uefiGuest, change: edit("vmspec/efi", "b1b621d5", "00000000"),
		want:    map[string]Verdict{"HW-FDT-UEFI": Fail, "FW-UEFI-SYSTAB": Fail},
		problem: map[string]string{"HW-FDT-UEFI": "no DEVICE_TREE_GUID"},
	},
	{
		name: "the command line names a tree", guest: uefiGuest,
		change: all(replace("vmspec/efi", "error no /dev/mem\n"), edit("proc/cmdline", "panic=-1", "dtb=own.dtb")),
		want:   map[string]Verdict{"HW-FDT-UEFI": Error},
	},
	{
		name: "no ACPI beside the tree, by v2.0", guest: uefiGuest, profile: V20,
		change: edit("vmspec/efi", "b1b621d5-f19c-41a5-830b-d9152c69aae0", "8868e871-e4f1-11d3-bc22-0080c73c8881"),
		want:   map[string]Verdict{"HW-ACPI-UEFI": Pass, "HW-FDT-UEFI": Fail},
	},
	{
		name: "no timer node", guest: uefiGuest, change: without("timer"),
		want:    map[string]Verdict{"HW-FDT-BOOT": Fail},
		problem: map[string]string{"HW-FDT-BOOT": "the tree has no generic timer node"},
	},
	{
		name: "no PSCI and no interrupt controller node", guest: uefiGuest, change: all(without("psci"), without("intc@8000000")),
		want:    map[string]Verdict{"HW-FDT-BOOT": Fail, "HW-FDT-PHANDLES": Fail, "PLAT-PCI-MSI": Skip},
		problem: map[string]string{"HW-FDT-BOOT": "the tree has no psci node with a method, no interrupt controller"},
	},
	{
		name: "no root compatible", guest: uefiGuest, change: tree(func(root *dt.Node) { root.RemoveProperty("compatible") }),
		want:    map[string]Verdict{"HW-FDT-BOOT": Fail},
		problem: map[string]string{"HW-FDT-BOOT": "the tree has no root compatible"},
	},
	{
		name: "a CPU without an enable-method", guest: uefiGuest,
		change:  tree(func(root *dt.Node) { node(node(root, "cpus"), "cpu@2").RemoveProperty("enable-method") }),
		want:    map[string]Verdict{"HW-FDT-BOOT": Fail},
		problem: map[string]string{"HW-FDT-BOOT": "no enable-method in /cpus/cpu@2"},
	},
	{
		name: "a stdout-path that leads nowhere", guest: uefiGuest,
		change: tree(func(root *dt.Node) {
			node(root, "chosen").UpdateProperty("stdout-path", []byte("/no-such-uart@1\x00"))
		}),
		want:    map[string]Verdict{"HW-FDT-BOOT": Fail, "HW-STDOUT": Fail},
		problem: map[string]string{"HW-FDT-BOOT": "no enabled node at its stdout-path /no-such-uart@1"},
	},
	{
		name: "no stdout-path, but a console", guest: uefiGuest,
		change: tree(func(root *dt.Node) { node(root, "chosen").RemoveProperty("stdout-path") }),
		want:   map[string]Verdict{"HW-STDOUT": Fail},
	},
	{
		name: "a stdout-path to a console of no known kind", guest: uefiGuest,
		change: all(without("pcie@10000000"), tree(func(root *dt.Node) {
			node(root, "pl011@9000000").UpdateProperty("compatible", []byte("acme,uart\x00"))
			for _, n := range root.Children {
				if strings.HasPrefix(n.Name, "virtio_mmio") {
					n.UpdateProperty("status", []byte("disabled\x00"))
				}
			}
		})),
		want: map[string]Verdict{},
	},
	{
		name: "no console in the tree", guest: uefiGuest,
		change: all(without("pcie@10000000"), without("pl011@9000000"), tree(func(root *dt.Node) {
			node(root, "chosen").RemoveProperty("stdout-path")
			for _, n := range root.Children {
				if strings.HasPrefix(n.Name, "virtio_mmio") {
					n.UpdateProperty("status", []byte("disabled\x00"))
				}
			}
		})),
		want: map[string]Verdict{"HW-FDT-BOOT": Fail, "HW-STDOUT": Fail},
	},
	{
		name: "an empty tree beside ACPI", guest: uefiGuest,
		change: all(edit("vmspec/efi", "b1b621d5-f19c-41a5-830b-d9152c69aae0", "8868e871-e4f1-11d3-bc22-0080c73c8881"), tree(func(root *dt.Node) {
			root.Properties, root.Children = nil, []*dt.Node{dt.NewNode("chosen")}
		})),
		want: withTrees(Skip, Skip, map[string]Verdict{
			"HW-FDT-COMPLETE": Skip, "HW-FDT-ALONE": Fail, "HW-FDT-BOOT": Fail, "HW-FDT-UEFI": Fail, "HW-STDOUT": Skip, "PLAT-CPU-ENUM": Fail, "PLAT-MEM-ENUM": Fail, "PLAT-PCI-MSI": Skip,
		}),
		problem: map[string]string{"HW-FDT-UEFI": "only /chosen", "HW-FDT-BOOT": "only /chosen", "HW-FDT-ALONE": "only /chosen"},
	},
	{
		name: "a tree that cannot be read", guest: uefiGuest, change: replace("sys/firmware/fdt", "\xd0\x0d\xfe\xed"),
		want: withTrees(Fail, Error, map[string]Verdict{
			"FW-UEFI-SYSTAB": Error, "HW-FDT-ALONE": Error, "HW-FDT-BOOT": Error, "HW-FDT-UEFI": Error, "HW-STDOUT": Error,
			"PLAT-CPU-ENUM": Error, "PLAT-MEM-ENUM": Error, "PLAT-PCI-MSI": Error, "PLAT-PSCI": Error, "PLAT-PSCI-FEATURES": Error, "PLAT-SMCCC": Error,
		}),
		problem: map[string]string{"HW-FDT-BOOT": "parse sys/firmware/fdt: header: 4 bytes"},
	},
	{
		name: "the kernel runs by ACPI", guest: uefiGuest, change: replace("sys/firmware/acpi/tables/FACP", "FACP"),
		want:    map[string]Verdict{"HW-FDT-COMPLETE": Skip, "HW-ACPI-BOOT": Error, "HW-FDT-ALONE": Fail, "HW-STDOUT": Fail},
		problem: map[string]string{"HW-FDT-ALONE": "the kernel runs by ACPI"},
	},
	{
		name: "our own acpi=force", guest: uefiGuest,
		change: all(replace("sys/firmware/acpi/tables/FACP", "FACP"), edit("proc/cmdline", "panic=-1", "acpi=force")),
		want:   map[string]Verdict{"HW-FDT-COMPLETE": Skip, "HW-ACPI-BOOT": Error, "HW-FDT-ALONE": Error, "HW-STDOUT": Fail},
	},
	{
		name: "a CPU that does not come up", guest: uefiGuest, change: replace("sys/devices/system/cpu/online", "0-2\n"),
		want:    map[string]Verdict{"PLAT-CPU-ENUM": Fail},
		problem: map[string]string{"PLAT-CPU-ENUM": "1 of 4 CPUs did not come up"},
	},
	{
		name: "our own maxcpus=", guest: uefiGuest,
		change: all(replace("sys/devices/system/cpu/online", "0-2\n"), edit("proc/cmdline", "panic=-1", "maxcpus=3")),
		want:   map[string]Verdict{"PLAT-CPU-ENUM": Error},
	},
	{
		name: "a CPU too many in the tree", guest: uefiGuest,
		change: tree(func(root *dt.Node) {
			cpus := node(root, "cpus")
			extra := *node(cpus, "cpu@3")
			extra.Name, extra.Properties = "cpu@4", slices.Clone(extra.Properties)
			extra.UpdateProperty("reg", cells(4))
			extra.RemoveProperty("phandle")
			cpus.Children = append(cpus.Children, &extra)
		}),
		want:    map[string]Verdict{"PLAT-CPU-ENUM": Fail},
		problem: map[string]string{"PLAT-CPU-ENUM": "5 CPUs are declared, 4 present"},
	},
	{
		name: "memory that the tree does not describe", guest: uefiGuest,
		change:  tree(func(root *dt.Node) { node(root, ramNode).UpdateProperty("reg", cells(0, 0x40000000, 0, 0x10000000)) }),
		want:    map[string]Verdict{"PLAT-MEM-ENUM": Fail},
		problem: map[string]string{"PLAT-MEM-ENUM": "is not described"},
	},
	{
		name: "no memory node", guest: uefiGuest, change: without(ramNode),
		want: map[string]Verdict{"PLAT-MEM-ENUM": Fail, "HW-FDT-BOOT": Fail},
	},
	{
		name: "not root", guest: uefiGuest, change: replace("proc/iomem", "00000000-00000000 : System RAM\n"),
		want:    map[string]Verdict{"PLAT-MEM-ENUM": Error, "PLAT-DEV-ENUM": Error},
		problem: map[string]string{"PLAT-MEM-ENUM": "hidden"},
	},
	{
		name: "a device from nowhere", guest: uefiGuest, change: remove("sys/devices/platform/9000000.pl011/of_node"),
		want:    map[string]Verdict{"PLAT-DEV-ENUM": Fail},
		problem: map[string]string{"PLAT-DEV-ENUM": "described by nothing: 9000000.pl011"},
	},
	{
		name: "no device at all", guest: directGuest,
		change: func(t testing.TB, files *guest.FS) *guest.FS {
			gone := map[string][]byte{}
			for _, bus := range []string{"amba", "platform", "pci", "virtio"} {
				entries, err := files.ReadDir("sys/bus/" + bus + "/devices")
				require.NoError(t, err)
				for _, e := range entries {
					gone["sys/bus/"+bus+"/devices/"+e.Name()] = nil
				}
			}
			return files.With(gone)
		},
		want: map[string]Verdict{
			"PLAT-DEV-ENUM": Skip, "PLAT-PCI-MSI": Skip, "PLAT-VIRTIO-MODERN": Skip,
			"PLAT-VIRTIO-STATUS": Skip, "PLAT-VIRTIO-FEATURES": Skip, "PLAT-VIRTIO-IDS": Skip, "PLAT-VIRTIO-PCI": Skip,
			"PLAT-PCI-CONFIG": Skip, "PLAT-PCI-BARS": Skip, "PLAT-PCI-MSI-COUNT": Skip,
			"PLAT-RNG-BYTES": Skip, "PLAT-VIRTIO-PORT": Skip,
		},
	},
	{
		name: "an SBSA UART for a console", guest: uefiGuest,
		change:  sbsaUART,
		want:    map[string]Verdict{"PLAT-CONSOLE": Fail},
		problem: map[string]string{"PLAT-CONSOLE": "none of the console devices is a PL011"},
	},
	{
		name: "an SBSA UART and a kernel without virtio_console", guest: uefiGuest,
		change:  all(sbsaUART, edit("vmspec/modules", "loaded virtio_console", "missing virtio_console"), remove("sys/module/virtio_console")),
		want:    map[string]Verdict{"PLAT-CONSOLE": Error},
		problem: map[string]string{"PLAT-CONSOLE": "CONFIG_VIRTIO_CONSOLE"},
	},
	{
		name: "a GICv1", guest: directGuest,
		change: all(edit("vmspec/kmsg", "GICv2m: range", ""), tree(func(root *dt.Node) {
			node(root, "intc@8000000").UpdateProperty("compatible", []byte("arm,cortex-a9-gic\x00"))
		})),
		want:    map[string]Verdict{"PLAT-GIC": Fail},
		problem: map[string]string{"PLAT-GIC": "GICv1 is older than GICv2"},
	},
	{
		name: "a GICv1 that only /proc/interrupts shows", guest: directGuest,
		change: all(without("intc@8000000"), edit("vmspec/kmsg", "GICv2m: range", "")),
		want:   map[string]Verdict{"HW-FDT-BOOT": Fail, "HW-FDT-PHANDLES": Fail, "PLAT-GIC": Error, "PLAT-PCI-MSI": Skip},
	},
	{
		name: "no GIC", guest: uefiGuest,
		change: all(without("intc@8000000"), edit("proc/interrupts", "GICv3", "bcm2836-timer"), edit("vmspec/kmsg", "GICv3: ", "")),
		want:   map[string]Verdict{"HW-FDT-BOOT": Fail, "HW-FDT-PHANDLES": Fail, "PLAT-GIC": Fail, "PLAT-GIC-CPUS": Error, "PLAT-PCI-MSI": Skip},
	},
	{
		name: "a GIC declared as what it is not", guest: uefiGuest,
		change: tree(func(root *dt.Node) {
			node(root, "intc@8000000").UpdateProperty("compatible", []byte("arm,gic-400\x00"))
		}),
		want:    map[string]Verdict{"PLAT-GIC": Error},
		problem: map[string]string{"PLAT-GIC": "the witnesses disagree"},
	},
	{
		name: "nine CPUs on a GICv2", guest: directGuest, change: replace("sys/devices/system/cpu/present", "0-8\n"),
		want:    map[string]Verdict{"PLAT-GIC-CPUS": Fail, "PLAT-CPU-ENUM": Fail},
		problem: map[string]string{"PLAT-GIC-CPUS": "a GICv2 serves 8 CPUs at most, the VM has 9"},
	},
	{
		name: "a dead timer", guest: uefiGuest, change: replace("vmspec/timer", "dead\n"),
		want:    map[string]Verdict{"PLAT-TIMER": Fail},
		problem: map[string]string{"PLAT-TIMER": "the timer does not interrupt"},
	},
	{
		name: "a dead timer and a kernel of unknown configuration", guest: uefiGuest,
		change: all(replace("vmspec/timer", "dead\n"), remove("lib/modules/6.1.0-56-arm64/config")),
		want:   with(notAsked, map[string]Verdict{"PLAT-HOTPLUG-BUS": Error, "PLAT-SMCCC": Error, "PLAT-TIMER": Fail}),
	},
	{
		name: "a kernel without the generic timer's driver", guest: directGuest,
		change: all(replace("vmspec/timer", "cpu 0 before 0 after 0 woke 5\n"), edit("proc/interrupts", "arch_timer", "sp804"),
			edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_ARM_ARCH_TIMER=y", "# CONFIG_ARM_ARCH_TIMER is not set")),
		want: map[string]Verdict{"PLAT-TIMER": Error},
	},
	{
		name: "our own nohz_full=", guest: uefiGuest,
		change: all(edit("vmspec/timer", "cpu 3 before", "cpu 3 before 7 after 7 woke 5\nrest"), edit("proc/cmdline", "panic=-1", "nohz_full=1-3")),
		want:   map[string]Verdict{"PLAT-TIMER": Error},
	},
	{
		name: "a timer dead on one CPU", guest: uefiGuest, change: edit("vmspec/timer", "cpu 1 before", "cpu 1 before 9 after 9 woke 0\nrest"),
		want:    map[string]Verdict{"PLAT-TIMER": Fail},
		problem: map[string]string{"PLAT-TIMER": "a sleep did not end on CPU 1"},
	},
	{
		name: "a host too busy to run a CPU", guest: uefiGuest, change: edit("vmspec/timer", "woke 5\ncpu 2", "woke 0\ncpu 2"),
		want:    map[string]Verdict{"PLAT-TIMER": Error},
		problem: map[string]string{"PLAT-TIMER": "the timer interrupts CPU 1, but a sleep did not end there"},
	},
	{
		name: "efivarfs that could not be mounted by our own fault", guest: uefiGuest,
		change: all(edit("proc/self/mountinfo", "efivarfs", "nothing"), replace("vmspec/mounts", "error device or resource busy\n")),
		want:   map[string]Verdict{"FW-VAR-RUNTIME": Error},
	},
	{
		name: "sleeps woken by something else", guest: directGuest, change: replace("vmspec/timer", "cpu 0 before 0 after 0 woke 5\n"),
		want:    map[string]Verdict{"PLAT-TIMER": Fail},
		problem: map[string]string{"PLAT-TIMER": "no arch_timer interrupt came on CPU 0"},
	},
	{
		name: "a trial that left a CPU out", guest: uefiGuest, change: replace("vmspec/timer", "cpu 0 before 0 after 5 woke 5\n"),
		want: map[string]Verdict{"PLAT-TIMER": Error},
	},
	{
		name: "a counter that goes back", guest: uefiGuest, change: replace("vmspec/counter", counter+"reads 200000 backward 3 cpus 4\n"),
		want:    map[string]Verdict{"PLAT-COUNTER": Fail},
		problem: map[string]string{"PLAT-COUNTER": "went back 3 times"},
	},
	{
		name: "a counter at twice CNTFRQ", guest: uefiGuest, change: replace("vmspec/counter", counter+"pace 2500000 2500100 20000000\n"),
		want:    map[string]Verdict{"PLAT-COUNTER": Fail},
		problem: map[string]string{"PLAT-COUNTER": "2.000 to 2.000 times CNTFRQ"},
	},
	{
		name: "a counter read on a busy host", guest: uefiGuest, change: replace("vmspec/counter", counter+"pace 1000000 1500000 20000000\n"),
		want: map[string]Verdict{},
	},
	{
		name: "a counter that traps", guest: uefiGuest, change: replace("vmspec/counter", "error child: signal: illegal instruction\n"),
		want:    map[string]Verdict{"PLAT-COUNTER": Error, "PLAT-COUNTER-RATE": Error},
		problem: map[string]string{"PLAT-COUNTER": "illegal instruction"},
	},
	{
		name: "CNTFRQ is 0", guest: uefiGuest, change: replace("vmspec/counter", "cntfrq 0\nerror read CNTFRQ: 0\n"),
		want: map[string]Verdict{"PLAT-COUNTER": Fail, "PLAT-COUNTER-RATE": Error},
	},
	{
		name: "no PSCI in a log that has wrapped, by v2.0", guest: uefiGuest, profile: V20,
		change: all(remove("sys/kernel/debug/psci"), replace("vmspec/kmsg", "[    9.000000] late\n")),
		want:   map[string]Verdict{"PLAT-CPU-ALIKE": Error, "PLAT-PSCI": Error, "PLAT-PSCI-FEATURES": Error, "PLAT-SMCCC": Error},
	},
	{
		name: "a memory node that reaches beyond the address space", guest: uefiGuest,
		change: tree(func(root *dt.Node) {
			node(root, ramNode).UpdateProperty("reg", cells(0, 0x40000000, 0xffffffff, 0xc0000000, 0, 0, 0, 0x40000000))
		}),
		want: map[string]Verdict{"HW-FDT-ADDRESSES": Fail},
	},
	{
		name: "a GICv4 that Linux drives as a GICv3", guest: uefiGuest,
		change: replace("sys/firmware/acpi/tables/APIC", string(madt(4))),
		want:   map[string]Verdict{"HW-FDT-COMPLETE": Skip, "HW-ACPI-BOOT": Fail, "HW-FDT-ALONE": Fail, "HW-STDOUT": Fail, "PLAT-CPU-ENUM": Fail, "PLAT-PCI-MSI": Fail},
	},
	{
		name: "PSCI 0.1, by v2.0", guest: uefiGuest, profile: V20,
		change: all(edit("sys/kernel/debug/psci", "PSCIv1.1", "PSCIv0.1"), edit("vmspec/kmsg", "PSCIv1.1", "PSCIv0.1")),
		want:   map[string]Verdict{"PLAT-PSCI": Fail, "PLAT-PSCI-FEATURES": Skip},
	},
	{
		name: "a slot that can be switched", guest: uefiGuest, change: replace("sys/bus/pci/slots/0/power", "1\n"),
		want: map[string]Verdict{"PLAT-HOTPLUG-BUS": Pass},
	},
	{
		name: "Xen", guest: uefiGuest, change: all(replace("sys/hypervisor/type", "xen\n"), replace("sys/bus/xen/devices/vbd-51712/nodename", "device/vbd/51712\n")),
		want: map[string]Verdict{
			"PLAT-HOTPLUG-BUS": Pass, "PLAT-XEN-FRONTENDS": Error, // it has no driver
			"PLAT-XEN-FEATURES": Error, "PLAT-XEN-EVENTS": Fail, "PLAT-XEN-GRANTS": Fail, // there is none of what else Xen gives
			"PLAT-BLOCK-READ": Error,
		},
	},
	{
		name: "Xen without a device on its bus", guest: uefiGuest, change: replace("sys/hypervisor/type", "xen\n"),
		want: map[string]Verdict{"PLAT-HOTPLUG-BUS": Error, "PLAT-XEN-FEATURES": Error, "PLAT-XEN-EVENTS": Fail, "PLAT-XEN-GRANTS": Fail},
	},
	{
		name: "a kernel without PCI hotplug", guest: uefiGuest,
		change:  edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_HOTPLUG_PCI_PCIE=y", "# CONFIG_HOTPLUG_PCI_PCIE is not set"),
		want:    map[string]Verdict{"PLAT-HOTPLUG-BUS": Error},
		problem: map[string]string{"PLAT-HOTPLUG-BUS": "this kernel lacks CONFIG_HOTPLUG_PCI_PCIE"},
	},
	{
		name: "a kernel without UEFI", guest: directGuest,
		change: all(edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_EFI=y", "# CONFIG_EFI is not set"), edit("vmspec/kmsg", "efi: UEFI not found.", "")),
		want: map[string]Verdict{
			"FW-UEFI-BOOT": Error, "FW-UEFI-VERSION": Error, "FW-UEFI-SYSTAB": Error, "FW-VAR-RUNTIME": Error,
			"FW-RTC": Error, "HW-FDT-UEFI": Error,
		},
		problem: map[string]string{"FW-UEFI-BOOT": "this kernel lacks CONFIG_EFI", "FW-RTC": "this kernel lacks CONFIG_EFI"},
	},
	{
		name: "a kernel of unknown configuration", guest: directGuest,
		change:  all(remove("lib/modules/6.1.0-56-arm64/config"), edit("vmspec/kmsg", "efi: UEFI not found.", "")),
		want:    with(notAsked, map[string]Verdict{"FW-RTC": Error, "FW-UEFI-BOOT": Error, "FW-UEFI-SYSTAB": Error, "FW-UEFI-VERSION": Error, "FW-VAR-RUNTIME": Error, "HW-FDT-UEFI": Error, "PLAT-HOTPLUG-BUS": Error, "PLAT-SMCCC": Error}),
		problem: map[string]string{"FW-UEFI-BOOT": "has it CONFIG_EFI?"},
	},
	{
		name: "a console that is no SBSA UART, by v2.0", guest: uefiGuest, profile: V20,
		change:  edit("proc/tty/driver/ttyAMA", "PL011 rev1", "16550A"),
		want:    map[string]Verdict{"PLAT-CONSOLE-SBSA": Fail},
		problem: map[string]string{"PLAT-CONSOLE-SBSA": "neither an SBSA UART nor a PL011"},
	},
	{
		name: "the SBSA UART, by v2.0", guest: uefiGuest, profile: V20, change: sbsaUART,
		want: map[string]Verdict{},
	},
	{
		name: "no GTDT", guest: acpiGuest, change: remove("sys/firmware/acpi/tables/GTDT"),
		want:    map[string]Verdict{"HW-ACPI-BOOT": Fail},
		problem: map[string]string{"HW-ACPI-BOOT": "there is no GTDT"},
	},
	{
		name: "a damaged FADT", guest: acpiGuest, change: replace("sys/firmware/acpi/tables/FACP", "FACP"),
		want:    map[string]Verdict{"HW-ACPI-BOOT": Error},
		problem: map[string]string{"HW-ACPI-BOOT": "read table FACP: 4 bytes"},
	},
	{
		name: "no SPCR", guest: acpiGuest, change: remove("sys/firmware/acpi/tables/SPCR"),
		want:    map[string]Verdict{"HW-STDOUT": Fail},
		problem: map[string]string{"HW-STDOUT": "there is no SPCR"},
	},
	{
		name: "a damaged SPCR", guest: acpiGuest, change: replace("sys/firmware/acpi/tables/SPCR", "SPCR"),
		want: map[string]Verdict{"HW-STDOUT": Error},
	},
	{
		name: "a counter of 1 MHz", guest: directGuest,
		change:  replace("vmspec/counter", "cntfrq 1000000\nreads 200000 backward 0 cpus 1\npace 20000 20001 20000000\ninterrupts 10 20 20000\n"),
		want:    map[string]Verdict{"PLAT-COUNTER-RATE": Fail},
		problem: map[string]string{"PLAT-COUNTER-RATE": "runs at 1000000 Hz, under 10 MHz"},
	},
	{
		name: "PCI without a v2m frame", guest: directGuest,
		change:  tree(func(root *dt.Node) { node(root, "intc@8000000").Children = nil }),
		want:    map[string]Verdict{"HW-FDT-PHANDLES": Fail, "PLAT-PCI-MSI": Fail},
		problem: map[string]string{"PLAT-PCI-MSI": "neither a GICv2m frame nor an ITS"},
	},
	{
		name: "a legacy virtio device", guest: uefiGuest,
		change:  replace("sys/bus/virtio/devices/virtio0/features", strings.Repeat("0", 64)+"\n"),
		want:    map[string]Verdict{"PLAT-VIRTIO-MODERN": Fail},
		problem: map[string]string{"PLAT-VIRTIO-MODERN": "legacy: virtio-"},
	},
	{
		name: "SMCCC 1.1", guest: uefiGuest, change: edit("sys/kernel/debug/psci", "SMC Calling Convention v1.0", "SMC Calling Convention v1.1"),
		want: map[string]Verdict{"PLAT-SMCCC": Pass},
	},
	{
		name: "a TPM whose SHA-256 bank is off", guest: tpmGuest, change: edit("vmspec/tpm", "bank sha256 24", "bank sha256 0"),
		want:    map[string]Verdict{"PLAT-TPM": Fail},
		problem: map[string]string{"PLAT-TPM": "the SHA-256 bank is off"},
	},
	{
		name: "a TPM 1.2", guest: tpmGuest, change: replace("sys/class/tpm/tpm0/tpm_version_major", "1\n"),
		want:    map[string]Verdict{"PLAT-TPM": Fail},
		problem: map[string]string{"PLAT-TPM": "version 1.2"},
	},
	{
		name: "a TPM that does not answer", guest: tpmGuest, change: replace("vmspec/tpm", "error child: signal: killed\n"),
		want: map[string]Verdict{"PLAT-TPM": Error},
	},
	{
		name: "SMBIOS of before 3.0", guest: uefiGuest, change: edit("vmspec/smbios", "entry 64", "entry 32"),
		want:    map[string]Verdict{"FW-SMBIOS": Fail},
		problem: map[string]string{"FW-SMBIOS": "32-bit"},
	},
	{
		name: "SMBIOS that cannot be read", guest: uefiGuest, change: replace("vmspec/smbios", "error cut structure\n"),
		want: map[string]Verdict{"FW-SMBIOS": Error},
	},
}

// madt is a MADT with one distributor of that version and no CPU.
func madt(version byte) []byte {
	const header, gicd = 44, 24
	table := make([]byte, header+gicd)
	copy(table, "APIC")
	binary.LittleEndian.PutUint32(table[4:], uint32(len(table)))
	table[header], table[header+1], table[header+20] = 0x0c, gicd, version
	var sum byte
	for _, b := range table {
		sum += b
	}
	table[9] = -sum
	return table
}

func TestMutants(t *testing.T) {
	for _, m := range slices.Concat(mutants, deviceMutants, ioMutants, completeMutants, trialMutants, imageMutants(), treeMutants(t), guestOSMutants) {
		t.Run(m.name, func(t *testing.T) {
			profile := m.profile
			if profile == "" {
				profile = RFCv2
			}
			files := guesttest.Open(t, m.guest)
			whole := verdicts(JudgeBy(Settings{Profile: profile}, "arm64", probes.Read(files)))
			broken := verdicts(JudgeBy(Settings{Profile: profile}, "arm64", probes.Read(m.change(t, files))))
			differ := map[string]Verdict{}
			for id, f := range broken {
				if f.Verdict != whole[id].Verdict {
					differ[id] = f.Verdict
				}
			}
			require.Equal(t, m.want, differ)
			for id, part := range m.problem {
				require.Contains(t, broken[id].Problem, part, id)
			}
		})
	}
}

func verdicts(r Report) map[string]Finding {
	out := map[string]Finding{}
	for _, res := range r.Results {
		out[res.ID] = res.Finding
	}
	return out
}

// A check that never failed in a test is not known to be able to.
func TestEveryCheckCanFail(t *testing.T) {
	failed := map[string]bool{}
	for id, f := range verdicts(Judge(probes.Read(guesttest.Open(t, directGuest)))) {
		failed[id] = f.Verdict == Fail
	}
	for _, m := range slices.Concat(mutants, deviceMutants, ioMutants, completeMutants, trialMutants, imageMutants(), treeMutants(t), guestOSMutants) {
		for id := range maps.Keys(m.want) {
			failed[id] = failed[id] || m.want[id] == Fail
		}
	}
	for id, f := range verdicts(JudgeBy(Settings{Profile: V20}, "arm64", probes.Read(guesttest.Open(t, uefiGuest)))) {
		failed[id] = failed[id] || f.Verdict == Fail // HW-ACPI-UEFI on a guest without
	}
	for _, r := range slices.DeleteFunc(Catalogue(), func(r Requirement) bool { return r.Check == nil }) {
		require.True(t, failed[r.ID], "no test shows %s failing", r.ID)
	}
}
