package suite

import (
	"encoding/binary"

	"github.com/u-root/u-root/pkg/dt"
)

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

var gicMutants = []mutant{
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
		change:  all(without("intc@8000000"), edit("vmspec/kmsg", "GICv2m: range", "")),
		want:    map[string]Verdict{"HW-FDT-BOOT": Fail, "HW-FDT-PHANDLES": Fail, "PLAT-GIC": Error},
		problem: map[string]string{"PLAT-GIC": "cannot tell GICv1 from GICv2: the device tree gives no version"},
	},
	{
		name: "no GIC", guest: uefiGuest,
		change: all(without("intc@8000000"), edit("proc/interrupts", "GICv3", "bcm2836-timer"), edit("vmspec/kmsg", "GICv3: ", "")),
		want:   map[string]Verdict{"HW-FDT-BOOT": Fail, "HW-FDT-PHANDLES": Fail, "PLAT-GIC": Fail, "PLAT-GIC-CPUS": Fail},
	},
	{
		name: "a GIC declared as what it is not", guest: uefiGuest,
		change: tree(func(root *dt.Node) {
			node(root, "intc@8000000").UpdateProperty("compatible", []byte("arm,gic-400\x00"))
		}),
		want:    map[string]Verdict{"PLAT-GIC": Error},
		problem: map[string]string{"PLAT-GIC": "the description says GICv2, /proc/interrupts says GICv3, the kernel log says GICv3: cannot tell which is true"},
	},
	{
		name: "nine CPUs on a GICv2", guest: directGuest, change: replace("sys/devices/system/cpu/present", "0-8\n"),
		want:    map[string]Verdict{"PLAT-GIC-CPUS": Fail, "PLAT-CPU-ENUM": Fail},
		problem: map[string]string{"PLAT-GIC-CPUS": "a GICv2 serves 8 CPUs at most, the VM has 9"},
	},
	{
		name: "a GICv4 that Linux drives as a GICv3", guest: uefiGuest,
		change: replace("sys/firmware/acpi/tables/APIC", string(madt(4))),
		want:   map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-FDT-COMPLETE": Skip, "HW-ACPI-BOOT": Fail, "HW-FDT-ALONE": Skip, "HW-STDOUT": Fail, "PLAT-CPU-ENUM": Fail},
	},
}
