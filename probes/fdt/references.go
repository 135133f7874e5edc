package fdt

import (
	"slices"
	"strings"
)

// lists are the properties that name other nodes by their phandles, and the
// property of those that says how many cells follow each; none for a bare list.
// They are those that dtc knows, and those of CPUs and memory.
var lists = []struct{ name, counter string }{
	{"assigned-clock-parents", "#clock-cells"},
	{"assigned-clocks", "#clock-cells"},
	{"clocks", "#clock-cells"},
	{"dmas", "#dma-cells"},
	{"gpios", "#gpio-cells"},
	{"hwlocks", "#hwlock-cells"},
	{"interrupts-extended", "#interrupt-cells"},
	{"io-channels", "#io-channel-cells"},
	{"iommus", "#iommu-cells"},
	{"mboxes", "#mbox-cells"},
	{"msi-parent", "#msi-cells"},
	{"phys", "#phy-cells"},
	{"power-domains", "#power-domain-cells"},
	{"pwms", "#pwm-cells"},
	{"resets", "#reset-cells"},
	{"thermal-sensors", "#thermal-sensor-cells"},
	{"cpu-idle-states", ""},
	{"interrupt-affinity", ""},
	{"memory-region", ""},
	{"next-level-cache", ""},
}

// collect finds the phandles: section 2.3.3. Their old name is linux,phandle.
func (l *linter) collect(n *Node) {
	for _, name := range []string{"phandle", "linux,phandle"} {
		v, ok := n.Value(name)
		if !ok || len(v) != 4 {
			continue
		}
		h := cell(v, 0)
		switch first := l.handles[h]; {
		case h == 0 || h == 1<<32-1:
			l.found("phandle-value", n, name, "%#x", nil, uint64(h))
		case first == nil:
			l.handles[h] = n
		case first != n:
			l.found("phandle-double", n, name, "%#x is also that of", first, uint64(h))
		}
	}
	for _, c := range n.Children {
		l.collect(c)
	}
}

// follow returns the node of that phandle, nil if there is none.
func (l *linter) follow(n *Node, name string, h uint32) *Node {
	target := l.handles[h]
	if l.References++; target == nil {
		l.found("phandle-dangling", n, name, "no node has phandle %#x", nil, uint64(h))
	}
	return target
}

// references follows what names other nodes.
func (l *linter) references(at *place) {
	if at.Name == "aliases" && at.up != nil && at.up.up == nil {
		l.aliases(at.Node)
		return
	}
	_, hog := at.Value("gpio-hog") // its gpios are the parent's: gpio.txt in the bindings
	for _, p := range at.Props {
		if i := slices.IndexFunc(lists, func(e struct{ name, counter string }) bool { return e.name == p.Name }); i >= 0 && !(hog && p.Name == "gpios") {
			l.list(at, p, lists[i].counter)
		} else if isGPIO(p.Name) {
			l.list(at, p, "#gpio-cells")
		} else if p.Name == "msi-map" || p.Name == "iommu-map" {
			l.idMap(at, p)
		}
	}
}

// isGPIO tells whether a property is a list of GPIOs by its name.
func isGPIO(name string) bool {
	return (strings.HasSuffix(name, "-gpios") || strings.HasSuffix(name, "-gpio")) && !strings.HasSuffix(name, "nr-gpios")
}

// list reads phandles and what follows each. A phandle of 0 stands for nothing
// (of_phandle_iterator_next in drivers/of/base.c).
func (l *linter) list(at *place, p Prop, counter string) {
	rule := "phandle-arguments"
	if p.Name == "interrupts-extended" {
		rule = "interrupts-cells"
	}
	v := p.Value
	for len(v) >= 4 && l.spend(1) {
		h := cell(v, 0)
		if v = v[4:]; h == 0 {
			continue
		}
		target := l.follow(at.Node, p.Name, h)
		if target == nil {
			return
		}
		n := l.arguments(at.Node, p.Name, target, counter)
		if n < 0 {
			return
		}
		if len(v) < 4*n {
			l.found(rule, at.Node, p.Name, "%d of %d cells behind the phandle of", target, uint64(len(v)/4), uint64(n))
			return
		}
		if counter == "#interrupt-cells" {
			l.specifier(at.Node, p.Name, target, v[:4*n])
		}
		v = v[4*n:]
	}
	if len(v) > 0 && len(v) < 4 {
		l.found(rule, at.Node, p.Name, "%d bytes are no cells", nil, uint64(len(p.Value)))
	}
}

// arguments returns how many cells follow a phandle, or less than 0 if that
// cannot be told.
func (l *linter) arguments(n *Node, name string, target *Node, counter string) int {
	switch name {
	case "interrupts-extended":
		return l.controllerOf(n, name, target)
	case "msi-parent":
		l.msiController(n, name, target)
		return max(0, l.count(target, counter)) // may be absent: msi.txt in the bindings
	}
	if counter == "" {
		return 0
	}
	c := l.count(target, counter)
	if _, has := target.Value(counter); !has {
		l.found("phandle-arguments", n, name, "there is no "+counter+" in", target)
	}
	return c
}

func (l *linter) msiController(n *Node, name string, target *Node) {
	if _, ok := target.Value("msi-controller"); !ok {
		l.found("msi-controller", n, name, "there is no msi-controller in", target)
	}
}

// idMap reads ranges of IDs: first, controller, first of its own, how many
// (pci-msi.txt and pci-iommu.txt in the bindings).
func (l *linter) idMap(at *place, p Prop) {
	if len(p.Value) == 0 || len(p.Value)%16 != 0 {
		l.found("phandle-arguments", at.Node, p.Name, "%d bytes are no quadruples of cells", nil, uint64(len(p.Value)))
		return
	}
	for v := p.Value; len(v) > 0 && l.spend(1); v = v[16:] {
		if target := l.follow(at.Node, p.Name, cell(v, 1)); target != nil && p.Name == "msi-map" {
			l.msiController(at.Node, p.Name, target)
		}
	}
}

// aliases lead to nodes: section 3.3.
func (l *linter) aliases(n *Node) {
	for _, p := range n.Props[:min(len(n.Props), maxPaths)] {
		if strings.HasSuffix(p.Name, "phandle") {
			continue
		}
		l.References++
		if path := strings.TrimSuffix(string(p.Value), "\x00"); !strings.HasPrefix(path, "/") || l.tree.Lookup(path) == nil {
			l.found("alias-dangling", n, p.Name, quote(path)+" is no node", nil)
		}
	}
}
