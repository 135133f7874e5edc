package suite

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes"
	"vmspec/probes/acpi"
	"vmspec/probes/efi"
	"vmspec/probes/fdt"
	"vmspec/probes/guest"
	"vmspec/probes/kernel"
	"vmspec/probes/memory"
)

var platformMutants = []mutant{
	{
		name: "a CPU that does not come up", guest: uefiGuest, change: replace("sys/devices/system/cpu/online", "0-2\n"),
		want:    map[string]Verdict{"PLAT-CPU-ENUM": Fail},
		problem: map[string]string{"PLAT-CPU-ENUM": "1 of 4 CPUs did not come up"},
	},
	{
		name: "a CPU that a busy host did not run in time", guest: uefiGuest,
		change:  all(replace("sys/devices/system/cpu/online", "0-2\n"), edit("vmspec/kmsg", "smp: Brought up 1 node", "CPU3: failed to come online\n[    5.1] smp: Brought up 1 node")),
		want:    map[string]Verdict{"PLAT-CPU-ENUM": Error},
		problem: map[string]string{"PLAT-CPU-ENUM": "too busy to tell: the kernel started 1 CPU"},
	},
	{
		name: "a CPU that a busy host did not run, and one that cannot be started", guest: uefiGuest,
		change: all(replace("sys/devices/system/cpu/online", "0-1\n"), edit("vmspec/kmsg", "smp: Brought up 1 node", "CPU3: failed to come online\n[    5.1] smp: Brought up 1 node")),
		want:   map[string]Verdict{"PLAT-CPU-ENUM": Fail},
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
		problem: map[string]string{"PLAT-CPU-ENUM": "the device tree enables 5 CPUs, Linux has 4"},
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
		problem: map[string]string{"PLAT-DEV-ENUM": "9000000.pl011 uses 9000000-9000fff, which neither the device tree nor ACPI describes"},
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
		name: "no PSCI in a log that has wrapped, by v2.0", guest: uefiGuest, profile: V20,
		change: all(remove("sys/kernel/debug/psci"), replace("vmspec/kmsg", "[    9.000000] late\n")),
		want:   map[string]Verdict{"FW-EL1": Error, "PLAT-CPU-ALIKE": Error, "PLAT-PSCI": Error, "PLAT-PSCI-FEATURES": Error, "PLAT-SMCCC": Error},
	},
	{
		name: "PSCI 0.1, by v2.0", guest: uefiGuest, profile: V20,
		change: all(edit("sys/kernel/debug/psci", "PSCIv1.1", "PSCIv0.1"), edit("vmspec/kmsg", "PSCIv1.1", "PSCIv0.1")),
		want:   map[string]Verdict{"PLAT-PSCI": Fail, "PLAT-PSCI-FEATURES": Skip},
	},
	{
		name: "PSCI that answers with an error, by v2.0", guest: uefiGuest, profile: V20,
		change:  all(edit("sys/kernel/debug/psci", "PSCIv1.1", "PSCIv65535.65535"), edit("vmspec/kmsg", "PSCIv1.1", "PSCIv65535.65535")),
		want:    map[string]Verdict{"PLAT-PSCI": Fail},
		problem: map[string]string{"PLAT-PSCI": "PSCI_VERSION answers with the error -1 NOT_SUPPORTED"},
	},
	{
		name: "PSCI 0.01, which is no 0.2", guest: uefiGuest, profile: V20,
		change: all(edit("sys/kernel/debug/psci", "PSCIv1.1", "PSCIv0.01"), edit("vmspec/kmsg", "PSCIv1.1", "PSCIv0.01")),
		want:   map[string]Verdict{"PLAT-PSCI": Fail, "PLAT-PSCI-FEATURES": Skip},
	},
	{
		name: "CPUs that a spin table starts, by v2.0", guest: uefiGuest, profile: V20,
		change: tree(func(root *dt.Node) {
			node(node(root, "cpus"), "cpu@1").UpdateProperty("enable-method", []byte("spin-table\x00"))
		}),
		want:    map[string]Verdict{"PLAT-PSCI": Fail, "HW-FDT-CPUS": Fail},
		problem: map[string]string{"PLAT-PSCI": "/cpus/cpu@1 by spin-table"},
	},
	{
		name: "CPUs of which PSCI started none, by v2.0", guest: uefiGuest, profile: V20,
		change:  replace("sys/devices/system/cpu/online", "0\n"),
		want:    map[string]Verdict{"PLAT-PSCI": Fail, "PLAT-CPU-ENUM": Fail, "PLAT-CPU-ALIKE": Skip},
		problem: map[string]string{"PLAT-PSCI": "PSCI started no other CPU"},
	},
	{
		name: "our own maxcpus=1, by v2.0", guest: uefiGuest, profile: V20,
		change: all(replace("sys/devices/system/cpu/online", "0\n"), edit("proc/cmdline", "panic=-1", "maxcpus=1")),
		want:   map[string]Verdict{"PLAT-PSCI": Error, "PLAT-CPU-ENUM": Error, "PLAT-CPU-ALIKE": Skip},
	},
}

// A 32-bit kernel does not show in /proc/iomem what UEFI keeps of the memory, but
// logs it.
func TestMemoryKeptOnARM(t *testing.T) {
	const mib = 1 << 20
	all, kept := fdt.Range{Start: 0x40000000, Size: 64 * mib}, fdt.Range{Start: 0x43c00000, Size: 4 * mib}
	facts := func(arch string, uefi bool, atBoot ...fdt.Range) *probes.Facts {
		return &probes.Facts{
			Kernel: &kernel.Facts{Arch: arch}, EFI: &efi.Facts{Booted: uefi}, ACPI: &acpi.Facts{}, FDT: &fdt.Facts{},
			Memory: &memory.Facts{
				Described: memory.Ranges{all}, RAM: memory.Ranges{{Start: all.Start, Size: 60 * mib}},
				Missing: memory.Ranges{kept}, AtBoot: atBoot,
			},
		}
	}
	require.Equal(t, Pass, checkMemory(facts("arm", true, all)).Verdict)
	require.Equal(t, Pass, checkMemory(facts("arm", true, fdt.Range{Start: 1, Size: 1}, kept)).Verdict)
	require.Equal(t, Fail, checkMemory(facts("arm", true)).Verdict)
	require.Equal(t, Fail, checkMemory(facts("arm", false, all)).Verdict, "nobody keeps it")
	require.Equal(t, Fail, checkMemory(facts("arm64", true, all)).Verdict, "a 64-bit kernel shows it")
}
