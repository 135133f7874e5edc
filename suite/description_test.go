package suite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
)

var descriptionMutants = []mutant{
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
		name: "the tree is not in the configuration table", guest: uefiGuest, change: edit("vmspec/efi", "b1b621d5", "00000000"),
		want:    map[string]Verdict{"HW-FDT-UEFI": Fail, "FW-UEFI-SYSTAB": Fail},
		problem: map[string]string{"HW-FDT-UEFI": "no DEVICE_TREE_GUID"},
	},
	{
		name: "GRUB started the kernel", guest: uefiGuest, change: edit("proc/cmdline", "panic=-1", "BOOT_IMAGE=/linux panic=-1"),
		want: map[string]Verdict{},
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
		want:    map[string]Verdict{"HW-FDT-BOOT": Fail, "HW-FDT-PHANDLES": Fail},
		problem: map[string]string{"HW-FDT-BOOT": "the tree has no psci node with a method, which the enable-method asks in /cpus/cpu@0 /cpus/cpu@1 /cpus/cpu@2 /cpus/cpu@3, no interrupt controller"},
	},
	{
		name: "no root compatible", guest: uefiGuest, change: tree(func(root *dt.Node) { root.RemoveProperty("compatible") }),
		want:    map[string]Verdict{"HW-FDT-BOOT": Fail},
		problem: map[string]string{"HW-FDT-BOOT": "the tree has no root compatible"},
	},
	{
		name: "a CPU without an enable-method", guest: uefiGuest,
		change:  tree(func(root *dt.Node) { node(node(root, "cpus"), "cpu@2").RemoveProperty("enable-method") }),
		want:    map[string]Verdict{"HW-FDT-BOOT": Fail, "HW-FDT-CPUS": Fail},
		problem: map[string]string{"HW-FDT-BOOT": "no enable-method in /cpus/cpu@2", "HW-FDT-CPUS": "cpu-method at /cpus/cpu@2: enable-method: required"},
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
			"HW-FDT-COMPLETE": Skip, "HW-FDT-ALONE": Fail, "HW-FDT-BOOT": Fail, "HW-FDT-UEFI": Fail, "HW-STDOUT": Skip, "PLAT-CPU-ENUM": Fail, "PLAT-MEM-ENUM": Fail,
		}),
		problem: map[string]string{"HW-FDT-UEFI": "only /chosen", "HW-FDT-BOOT": "only /chosen", "HW-FDT-ALONE": "only /chosen"},
	},
	{
		name: "a tree that cannot be read", guest: uefiGuest, change: replace("sys/firmware/fdt", "\xd0\x0d\xfe\xed"),
		want: withTrees(Fail, Skip, map[string]Verdict{
			"HW-FDT-ALONE": Fail, "HW-FDT-BOOT": Fail, "HW-FDT-COMPLETE": Skip, "HW-FDT-UEFI": Fail, "HW-STDOUT": Skip, "PLAT-CPU-ENUM": Fail, "PLAT-MEM-ENUM": Fail,
		}),
		problem: map[string]string{"HW-FDT-BOOT": "the device tree is malformed: header: 4 bytes", "HW-FDT-BINDINGS": reasonMalformed},
	},
	{
		name: "the kernel runs by ACPI", guest: uefiGuest, change: replace("sys/firmware/acpi/tables/FACP", "FACP"),
		want:    map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-FDT-COMPLETE": Skip, "HW-ACPI-BOOT": Fail, "HW-FDT-ALONE": Skip, "HW-STDOUT": Fail},
		problem: map[string]string{"HW-FDT-ALONE": reasonByACPI},
	},
	{
		name: "our own acpi=force", guest: uefiGuest,
		change: all(replace("sys/firmware/acpi/tables/FACP", "FACP"), edit("proc/cmdline", "panic=-1", "acpi=force")),
		want:   map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-FDT-COMPLETE": Skip, "HW-ACPI-BOOT": Fail, "HW-FDT-ALONE": Error, "HW-STDOUT": Fail},
	},
	{
		name: "no GTDT", guest: acpiGuest, change: remove("sys/firmware/acpi/tables/GTDT"),
		want:    map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-ACPI-BOOT": Fail},
		problem: map[string]string{"HW-ACPI-BOOT": "there is no GTDT"},
	},
	{
		name: "a damaged FADT", guest: acpiGuest, change: replace("sys/firmware/acpi/tables/FACP", "FACP"),
		want:    map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-ACPI-BOOT": Fail},
		problem: map[string]string{"HW-ACPI-BOOT": "the table FACP is damaged: 4 bytes"},
	},
	{
		name: "a MADT whose checksum is wrong", guest: acpiGuest, change: set("sys/firmware/acpi/tables/APIC", map[int]byte{9: 0}),
		want:    map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-ACPI-BOOT": Fail},
		problem: map[string]string{"HW-ACPI-BOOT": "the table APIC is damaged: checksum is off by", "PLAT-CPU-ENUM": ""},
	},
	{
		name: "a MADT that is cut", guest: acpiGuest, change: replace("sys/firmware/acpi/tables/APIC", "APIC"),
		want:    map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-ACPI-BOOT": Fail, "PLAT-CPU-ENUM": Fail},
		problem: map[string]string{"HW-ACPI-BOOT": "the table APIC is damaged: 4 bytes", "PLAT-CPU-ENUM": "the description names no CPU"},
	},
}

// Of a tree in the configuration table a guest can see only whether a loader ran.
func TestTreeByLoader(t *testing.T) {
	for change, want := range map[string]string{
		"panic=-1":                   "DEVICE_TREE_GUID is in the configuration table",
		"BOOT_IMAGE=/linux panic=-1": "DEVICE_TREE_GUID is in the configuration table, by firmware or the boot loader GRUB",
	} {
		files := edit("proc/cmdline", "panic=-1", change)(t, guesttest.Open(t, uefiGuest))
		require.Equal(t, want, verdicts(Judge(probes.Read(files)))["HW-FDT-UEFI"].Found[0])
	}
}
