package target

import (
	"encoding/binary"
	"fmt"
	"strings"

	"vmspec/probes/fdt"
)

// DomainConfig is what xl(1) starts a domain by, xl.cfg(5): with all that is Xen's
// own, and nothing of virtio.
func DomainConfig(t Target, o Options, kernel, initramfs string) string {
	return fmt.Sprintf(`name = "domu"
kernel = "%s"
ramdisk = "%s"
extra = %s
memory = %d
vcpus = %d
cpus = "1-%[5]d"
disk = ["format=raw,vdev=xvda,access=rw,target=/guest/disk"]
vif = ["mac=00:16:3e:00:00:01,bridge=xenbr0,script=vif-bridge"]
on_reboot = "destroy"
on_crash = "destroy"
`, kernel, initramfs, quoteXL(t.Parameters(o)), o.Memory, o.CPUs)
}

// quoteXL quotes a value for xl.cfg, in which a quotation mark is written as it is
// between marks of the other kind.
func quoteXL(value string) string {
	if strings.Contains(value, `"`) {
		return "'" + strings.ReplaceAll(value, "'", "") + "'"
	}
	return `"` + value + `"`
}

// Dom0lessTree adds a domain to a machine's tree, which Xen then starts by itself
// (Xen's docs/misc/arm/device-tree/booting.txt).
func Dom0lessTree(machine []byte, t Target, o Options, kernelSize, initramfsSize int64) ([]byte, error) {
	tree, err := fdt.Parse(machine)
	if err != nil {
		return nil, fmt.Errorf("the machine's device tree: %w", err)
	}
	chosen := tree.Root.Child("chosen")
	if chosen == nil {
		return nil, fmt.Errorf("the machine's device tree has no /chosen")
	}
	domain := child(chosen, "domU1",
		fdt.Prop{Name: "compatible", Value: text("xen,domain")},
		fdt.Prop{Name: "#address-cells", Value: fdt.EncodeCells(2)},
		fdt.Prop{Name: "#size-cells", Value: fdt.EncodeCells(2)},
		fdt.Prop{Name: "memory", Value: binary.BigEndian.AppendUint64(nil, uint64(o.Memory)<<10)}, // in KiB
		fdt.Prop{Name: "cpus", Value: fdt.EncodeCells(uint32(o.CPUs))},
		fdt.Prop{Name: "vpl011"})
	module(domain, "multiboot,kernel", xenKernel, kernelSize,
		fdt.Prop{Name: "bootargs", Value: text(t.Parameters(o))})
	module(domain, "multiboot,ramdisk", xenInitrd, initramfsSize)
	chosen.Props = append(chosen.Props, fdt.Prop{Name: "xen,xen-bootargs", Value: text(xenOptions)})
	return fdt.Encode(tree), nil
}

// module adds a file that lies in memory to a domain.
func module(domain *fdt.Node, kind string, at uint64, size int64, more ...fdt.Prop) {
	reg := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, at), uint64(size))
	child(domain, fmt.Sprintf("module@%x", at), append([]fdt.Prop{
		{Name: "compatible", Value: text(kind, "multiboot,module")},
		{Name: "reg", Value: reg},
	}, more...)...)
}

func child(n *fdt.Node, name string, props ...fdt.Prop) *fdt.Node {
	c := &fdt.Node{Name: name, Parent: n, Props: props}
	n.Children = append(n.Children, c)
	return c
}

// text is a property's value that is a list of strings.
func text(list ...string) []byte { return []byte(strings.Join(list, "\x00") + "\x00") }
