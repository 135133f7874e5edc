package device

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/kernel"
)

// buses are the nodes below which Linux makes devices as it does below the
// root: of_default_bus_match_table in drivers/of/platform.c.
var buses = []string{"simple-bus", "simple-mfd", "isa", "arm,amba-bus"}

// readTree looks at each node that Linux makes a device from.
func (b *binder) readTree(t *fdt.Tree) {
	byNode := map[string]*Device{}
	for i, d := range b.devices {
		byNode[d.Node] = &b.devices[i]
	}
	b.walk(t, t.Root, byNode)
}

func (b *binder) walk(t *fdt.Tree, bus *fdt.Node, byNode map[string]*Device) {
	seen := map[string]int{}
	for _, n := range bus.Children {
		name := inSysfs(n, seen)
		switch {
		case !n.Enabled() || len(n.Compatible()) == 0:
		case n.Is(buses...):
			b.walk(t, n, byNode)
		default:
			b.addNode(t, n, name, byNode[name])
		}
	}
}

// inSysfs returns the path of a node as sysfs has it: of several with one name,
// those after the first are NAME#1 and so on (drivers/of/kobj.c, safe_name).
func inSysfs(n *fdt.Node, seen map[string]int) string {
	seen[n.Name]++
	if again := seen[n.Name] - 1; again > 0 {
		return n.Path() + "#" + strconv.Itoa(again)
	}
	return n.Path()
}

// NoPrimecell is missing where the tree does not call a device of the AMBA bus one:
// Linux makes it a platform device, for which there is no driver (drivers/of/platform.c).
const NoPrimecell = "arm,primecell"

// amba tells whether the kernel's driver for the node is one of the AMBA bus.
func (b *binder) amba(n *fdt.Node) bool {
	return slices.ContainsFunc(b.drivers, func(k driver) bool { return k.bus == "amba" && n.Is(k.compatible...) })
}

// needsNoDriver tells whether Linux uses a node without a driver of its device:
// interrupt controllers, timers and clocks come before devices, and PSCI is called.
func needsNoDriver(n *fdt.Node) bool {
	_, controller := n.Value("interrupt-controller")
	return controller || n.Is("arm,armv8-timer", "arm,armv7-timer", "arm,armv7-timer-mem", "fixed-clock",
		"arm,psci", "arm,psci-0.2", "arm,psci-1.0", "xen,xen", "arm,gic-v2m-frame", "arm,gic-v3-its")
}

func (b *binder) addNode(t *fdt.Tree, n *fdt.Node, name string, d *Device) {
	if d == nil {
		d = &Device{}
	}
	b.node = n
	found := Node{Path: name, Device: d.Name}
	if d.Bus != "amba" && !n.Is(NoPrimecell) && b.amba(n) {
		found.Missing = NoPrimecell
	}
	if d.Driver == "" {
		found.Driver = b.module(n)
	}
	if reason, waits := b.waiting[d.Name]; waits {
		var settled bool
		if found.Missing, settled = missing(t, n); settled && reason == "" && d.Bus == "amba" {
			found.Missing = NoID
		}
	}
	b.add(&found, d.Driver, n.Is(slot), func(k driver) bool { return n.Is(k.compatible...) })
}

// module returns the module, loaded, built in or at hand, that is for a node.
func (b *binder) module(n *fdt.Node) string {
	modalias := modalias(n)
	at := slices.IndexFunc(b.aliases, func(a kernel.Alias) bool {
		return strings.HasPrefix(a.Pattern, "of:") && a.Matches(modalias)
	})
	if at < 0 {
		return ""
	}
	return b.aliases[at].Module
}

// modalias is the modalias of a node's device (drivers/of/device.c,
// of_device_modalias): its name, its type and all it is compatible with.
func modalias(n *fdt.Node) string {
	name, _, _ := strings.Cut(n.Name, "@")
	kind, ok := n.String("device_type")
	if !ok {
		kind = "(null)"
	}
	return "of:N" + name + "T" + kind + "C" + strings.Join(n.Compatible(), "C")
}

// suppliers are suffixes of properties. Such a property begins with the phandle of a
// node for which a driver waits (drivers/of/property.c, of_supplier_bindings).
var suppliers = []string{"clocks", "gpios", "-gpio", "-supply", "phys", "resets", "dmas", "mboxes", "power-domains", "pinctrl-0", "interrupt-parent"}

func isSupplier(property string) bool {
	return slices.ContainsFunc(suppliers, func(end string) bool { return strings.HasSuffix(property, end) })
}

// NoID is missing where a device on the AMBA bus waits for ever although everything
// that it refers to is there: its PrimeCell ID registers name no known device
// (drivers/amba/bus.c, amba_match).
const NoID = "a known PrimeCell ID"

// missing names a reference of the node, or of one below it, to what the tree lacks
// or has disabled. It looks at the first reference of each property. Settled says
// that nothing can be missing: all references are to fixed clocks, which need no
// driver.
func missing(t *fdt.Tree, n *fdt.Node) (what string, settled bool) {
	nodes := t.Phandles()
	settled = true
	for _, part := range n.All() {
		for _, p := range part.Props {
			if !isSupplier(p.Name) || len(p.Value) < 4 {
				continue
			}
			phandle := binary.BigEndian.Uint32(p.Value)
			to := nodes[phandle]
			switch {
			case phandle == 0: // an item that is left out
				continue
			case to == nil:
				return "a node that is not there (" + p.Name + ")", false
			case !to.Enabled():
				return to.Path() + ", which is disabled", false
			}
			settled = settled && to.Is("fixed-clock")
		}
	}
	return "", settled
}
