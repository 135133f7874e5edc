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
