package device

import (
	"encoding/binary"
	"slices"
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
	for _, n := range bus.Children {
		switch {
		case !n.Enabled() || len(n.Compatible()) == 0:
		case n.Is(buses...):
			b.walk(t, n, byNode)
		default:
			b.addNode(t, n, byNode[n.Path()])
		}
	}
}

func (b *binder) addNode(t *fdt.Tree, n *fdt.Node, d *Device) {
	if d == nil {
		d = &Device{}
	}
	found := Node{Path: n.Path(), Device: d.Name}
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

// modalias is what Linux calls a node's device by (drivers/of/device.c,
// of_device_modalias): its name, its type and all it is compatible with.
func modalias(n *fdt.Node) string {
	name, _, _ := strings.Cut(n.Name, "@")
	kind, ok := n.String("device_type")
	if !ok {
		kind = "(null)"
	}
	return "of:N" + name + "T" + kind + "C" + strings.Join(n.Compatible(), "C")
}

// suppliers end properties that begin with the phandle of a node that a driver
// waits for (drivers/of/property.c, of_supplier_bindings).
var suppliers = []string{"clocks", "gpios", "-gpio", "-supply", "phys", "resets", "dmas", "mboxes", "power-domains", "pinctrl-0", "interrupt-parent"}

func isSupplier(property string) bool {
	return slices.ContainsFunc(suppliers, func(end string) bool { return strings.HasSuffix(property, end) })
}

// NoID is missing where a device on the AMBA bus waits for ever, and everything
// that it refers to is there: its PrimeCell ID registers name no device
// (drivers/amba/bus.c, amba_match).
const NoID = "a known PrimeCell ID"

// missing names what the node or one below it refers to, and the tree has
// not or has disabled. It looks at the first reference of each property. Settled
// says that nothing is missing, nor can be but for fixed clocks, which have no
// driver to wait for.
func missing(t *fdt.Tree, n *fdt.Node) (what string, settled bool) {
	nodes := phandles(t)
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

// phandles lists the nodes that others can refer to.
func phandles(t *fdt.Tree) map[uint32]*fdt.Node {
	out := map[uint32]*fdt.Node{}
	for _, n := range t.Root.All() {
		if p := count(n, "phandle", 0); p != 0 {
			out[uint32(p)] = n
		}
	}
	return out
}
