package fdt

import (
	"bytes"
	"slices"
)

// A controller is an interrupt parent, as the nodes see it whose interrupts it
// takes.
type controller struct {
	cells int    // of an interrupt; less than 0 if that cannot be told
	gic   int    // 2 also for a GICv1, 3 for GICv3 and GICv4, or 5; else 0
	wrong string // what it lacks to be an interrupt parent
}

// The compatible strings of Linux's irq-gic*.c drivers, by the version of the
// architecture: arm,gic.yaml, arm,gic-v3.yaml and arm,gic-v5.yaml in the bindings.
// A GICv4 calls itself a GICv3.
var (
	gicv1 = []string{"arm,arm11mp-gic", "arm,eb11mp-gic", "arm,tc11mp-gic", "arm,arm1176jzf-devchip-gic", "arm,pl390", "arm,cortex-a9-gic", "arm,cortex-a5-gic"}
	gicv2 = []string{"arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a7-gic", "qcom,msm-qgic2"}
	gicv3 = []string{"arm,gic-v3"}
	gicv5 = []string{"arm,gic-v5"}
)

// GIC returns the version of the GIC that the node is, and the compatible string
// that says so; 0 if it is none.
func (n *Node) GIC() (version int, name string) {
	for _, name := range n.Compatible() {
		for version, names := range [][]string{1: gicv1, 2: gicv2, 3: gicv3, 5: gicv5} {
			if slices.Contains(names, name) {
				return version, name
			}
		}
	}
	return 0, ""
}

func (l *linter) controller(n *Node) controller {
	c, ok := l.controllers[n]
	if ok {
		return c
	}
	_, counts := n.Value("#interrupt-cells")
	_, controls := n.Value("interrupt-controller")
	_, maps := n.Value("interrupt-map")
	c = controller{cells: l.count(n, "#interrupt-cells")}
	if c.gic, _ = n.GIC(); c.gic == 1 {
		c.gic = 2 // its interrupts have the same cells
	}
	switch {
	case !counts:
		c.wrong = "#interrupt-cells"
	case !controls && !maps:
		c.wrong = "interrupt-controller or interrupt-map"
	case (c.gic == 2 || c.gic == 5) && c.cells != 3, c.gic == 3 && c.cells < 3:
		c.cells = -1
	}
	l.controllers[n] = c
	return c
}

// controllerOf returns how many cells an interrupt has if the node itself names the
// parent.
func (l *linter) controllerOf(n *Node, name string, target *Node) int {
	c := l.controller(target)
	if c.wrong != "" {
		l.found("interrupt-parent", n, name, "there is no "+c.wrong+" in", target)
		return -1
	}
	return c.cells
}

// interruptParent finds the parent of a node's interrupts as
// of_irq_find_parent in Linux's drivers/of/irq.c does: the one it names, or the
// next above that is one or names one.
func (l *linter) interruptParent(at *place) {
	if up := at.up; up != nil {
		at.parent, at.lost = up.parent, up.lost
		if up.forwarder {
			at.parent, at.lost = up.Node, false
		}
	}
	_, at.forwarder = at.Value("#interrupt-cells")
	v, ok := at.Value("interrupt-parent")
	if !ok || !at.enabled {
		return
	}
	at.parent, at.lost = nil, true
	if len(v) != 4 {
		return // told by its format
	}
	if target := l.follow(at.Node, "interrupt-parent", cell(v, 0)); target != nil && l.controllerOf(at.Node, "interrupt-parent", target) >= 0 {
		at.parent, at.lost = target, false
	}
}

// interrupts looks at the interrupts that a node has and, if it is a
// controller, takes: sections 2.4.1 and 2.4.2. Those of interrupts-extended
// come before others.
func (l *linter) interrupts(at *place) {
	l.provider(at.Node)
	v, has := at.Value("interrupts")
	if _, extended := at.Value("interrupts-extended"); !has || extended || at.lost {
		return
	}
	if at.parent == nil {
		l.found("interrupt-parent", at.Node, "interrupts", "they have no interrupt parent", nil)
		return
	}
	c := l.controller(at.parent)
	switch {
	case c.cells < 0 || c.wrong != "":
		return // told of the controller
	case c.cells == 0 || len(v) == 0 || len(v)%(4*c.cells) != 0:
		l.found("interrupts-cells", at.Node, "interrupts", "%d bytes, %d cells each go to", at.parent, uint64(len(v)), uint64(c.cells))
		return
	}
	for ; len(v) > 0 && l.spend(1); v = v[4*c.cells:] {
		l.specifier(at.Node, "interrupts", at.parent, v[:4*c.cells])
	}
}

// provider looks at a controller itself.
func (l *linter) provider(n *Node) {
	_, controls := n.Value("interrupt-controller")
	_, maps := n.Value("interrupt-map")
	if !controls && !maps {
		return
	}
	switch c := l.controller(n); {
	case c.wrong != "":
		l.found("interrupt-provider", n, c.wrong, "required of an interrupt parent", nil)
	case c.cells < 0 && c.gic > 0:
		l.found("interrupt-provider", n, "#interrupt-cells", "%d, not a GIC's 3", nil, uint64(l.count(n, "#interrupt-cells")))
	}
}

// specifier looks at one interrupt of a GIC: type, number and trigger, by the
// bindings.
func (l *linter) specifier(n *Node, name string, parent *Node, v []byte) {
	l.Interrupts++
	c := l.controller(parent)
	if c.gic == 0 || len(v) < 12 {
		return
	}
	last := []uint32{987, 15, 1023, 127} // SPI, PPI; of a GICv3, extended SPI and PPI
	if c.gic == 5 {
		last = []uint32{0, 127, 1<<24 - 1, 1<<24 - 1} // none, PPI, LPI, SPI: arm,gic-v5.yaml
	}
	kind, number, trigger := cell(v, 0), cell(v, 1), cell(v, 2)&15
	switch {
	case kind > 1 && (c.gic < 3 || kind > 3), kind == 0 && c.gic == 5:
		l.found("interrupt-gic", n, name, "type %d is none of the GIC's", nil, uint64(kind))
	case number > last[kind]:
		l.found("interrupt-gic", n, name, "number %d of type %d, the last is %d", nil, uint64(number), uint64(kind), uint64(last[kind]))
	case trigger != 1 && trigger != 2 && trigger != 4 && trigger != 8:
		l.found("interrupt-gic", n, name, "number %d of type %d has trigger %d", nil, uint64(number), uint64(kind), uint64(trigger))
	}
}

// interruptMap looks at a nexus: section 2.4.3. Where the parent has no
// #address-cells the specification takes 2, Linux none.
func (l *linter) interruptMap(at *place) {
	v, has := at.Value("interrupt-map")
	_, controls := at.Value("interrupt-controller") // such a map has a form of its own (of_irq_imap_abusers in irq.c)
	c := l.controller(at.Node)
	if !has || controls || c.wrong != "" || c.cells < 0 || at.addr != at.linux[0] {
		return
	}
	width := 4 * (at.addr + c.cells)
	mask, masked := at.Value("interrupt-map-mask")
	if masked && len(mask) != width {
		l.found("interrupt-map", at.Node, "interrupt-map-mask", "%d bytes, #address-cells and #interrupt-cells make %d", nil, uint64(len(mask)), uint64(width))
		return
	}
	m := nexus{l, at.Node, width, mask, at.kind == "pci"}
	if m.pci && width != 16 {
		l.found("interrupt-map", at.Node, "interrupt-map", "#address-cells and #interrupt-cells are %d and %d, not PCI's 3 and 1", nil, uint64(at.addr), uint64(c.cells))
		return
	}
	if m.fits(v, 0) || !m.fits(v, 2) {
		m.read(v, 0)
	} else {
		m.read(v, 2)
	}
}

// A nexus is a node with an interrupt-map, of whose entries the child's part
// is width bytes.
type nexus struct {
	*linter
	node  *Node
	width int
	mask  []byte
	pci   bool
}

// entry returns the parent of the first entry, and the entry's length. If the length
// is unknown it is 0, with the parent or the reason.
func (m nexus) entry(v []byte, addr int) (target *Node, size int) {
	if len(v) < m.width+4 {
		return nil, 0
	}
	target = m.handles[cell(v, m.width/4)]
	if target == nil {
		return nil, 0
	}
	c := m.controller(target)
	if a := m.count(target, "#address-cells"); a >= 0 {
		addr = a
	}
	if size = m.width + 4*(1+addr+c.cells); c.wrong != "" || c.cells < 0 || len(v) < size {
		return target, 0
	}
	return target, size
}

// fits tells whether the entries fill the map.
func (m nexus) fits(v []byte, addr int) bool {
	for len(v) > 0 && m.spend(1) {
		_, size := m.entry(v, addr)
		if size == 0 {
			return false
		}
		v = v[size:]
	}
	return true
}

func (m nexus) read(v []byte, addr int) {
	clear(m.seen)
	for len(v) > 0 && m.spend(1) {
		target, size := m.entry(v, addr)
		if size == 0 {
			m.broken(v, target)
			return
		}
		m.References++
		cells := m.controller(target).cells
		m.specifier(m.node, "interrupt-map", target, v[size-4*cells:size])
		m.child(v[:m.width])
		v = v[size:]
	}
}

// child looks at the child's part of an entry. The pins of PCI, INTA to INTD,
// are 1 to 4: Open Firmware Recommended Practice, Interrupt Mapping.
func (m nexus) child(v []byte) {
	v = bytes.Clone(v)
	for i := range m.mask {
		v[i] &= m.mask[i]
	}
	if m.seen[string(v)] {
		m.found("interrupt-map", m.node, "interrupt-map", "two entries for one interrupt, the first cell of which is %#x", nil, wide(v[:min(len(v), 4)]))
	}
	m.seen[string(v)] = true
	if !m.pci || m.mask != nil && cell(m.mask, 3) == 0 {
		return
	}
	if pin := cell(v, 3); pin < 1 || pin > 4 {
		m.found("interrupt-map", m.node, "interrupt-map", "pin %d, PCI has 1 to 4", nil, uint64(pin))
	}
}

// broken says what is wrong with the first entry of v.
func (m nexus) broken(v []byte, target *Node) {
	switch {
	case len(v) >= m.width+4 && target == nil:
		m.follow(m.node, "interrupt-map", cell(v, m.width/4))
	case target != nil && m.controller(target).wrong != "":
		m.controllerOf(m.node, "interrupt-map", target)
	case target == nil || m.controller(target).cells >= 0:
		m.found("interrupt-map", m.node, "interrupt-map", "its last %d bytes are no entry", nil, uint64(len(v)))
	}
}
