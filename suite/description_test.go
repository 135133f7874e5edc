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
