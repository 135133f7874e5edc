package fdt

// Phandles lists the nodes that others can refer to.
func (t *Tree) Phandles() map[uint32]*Node {
	out := map[uint32]*Node{}
	for _, n := range t.Root.All() {
		for _, name := range []string{"phandle", "linux,phandle"} {
			if c, _ := n.Cells(name); len(c) == 1 && c[0] != 0 {
				out[c[0]] = n
			}
		}
	}
	return out
}

// A Line is an interrupt as it goes into a controller.
type Line struct {
	Controller *Node
	Cells      []uint32 // the controller's specifier
}

// Lines reads a node's interrupts: Devicetree Specification 0.4, section 2.4.1. As
// in Linux, interrupts-extended comes before the other form.
func (n *Node) Lines(phandles map[uint32]*Node) []Line {
	if _, ok := n.Value("interrupts-extended"); ok {
		return n.lines("interrupts-extended", phandles)
	}
	return n.lines("interrupts", phandles)
}

// Mapped reads the interrupts that a nexus passes on: section 2.4.3.
func (n *Node) Mapped(phandles map[uint32]*Node) []Line {
	return n.lines("interrupt-map", phandles)
}

// lines reads one form of them. What is malformed has none.
func (n *Node) lines(name string, phandles map[uint32]*Node) (out []Line) {
	own, address := 0, 0
	if name == "interrupt-map" {
		own = n.cellCount("#address-cells", 2) + n.cellCount("#interrupt-cells", 1)
	}
	for cells, _ := n.Cells(name); len(cells) > own; {
		cells = cells[own:]
		to := phandles[cells[0]]
		if name == "interrupts" {
			to = n.interruptParent(phandles)
		} else {
			cells = cells[1:]
		}
		if to == nil {
			return out
		}
		if own > 0 {
			address = to.cellCount("#address-cells", 0)
		}
		width := to.cellCount("#interrupt-cells", 0)
		if width == 0 || len(cells) < address+width {
			return out
		}
		out = append(out, Line{to, cells[address : address+width]})
		cells = cells[address+width:]
	}
	return out
}

// interruptParent finds the interrupt controller of a node: the one that it or
// the next above it names, or a controller above it.
func (n *Node) interruptParent(phandles map[uint32]*Node) *Node {
	for at := n; at != nil; at = at.Parent {
		if c, _ := at.Cells("interrupt-parent"); len(c) == 1 && c[0] != 0 {
			return phandles[c[0]]
		}
		if _, ok := at.Value("interrupt-controller"); ok && at != n {
			return at
		}
	}
	return nil
}

// firstINTID is the number of the first interrupt of each kind, by the first cell
// of the GIC's binding: SPI, PPI, extended SPI and extended PPI
// (drivers/irqchip/irq-gic-v3.c, gic_irq_domain_translate).
var firstINTID = []uint32{32, 16, 4096, 1056}

// The private interrupts of each GIC's binding, and where the kind stands in an
// INTID of a GICv5 (arm,gic-v5.yaml).
const (
	privateKind = 1
	kindShift   = 29
)

// INTID returns the number that a GIC gives the interrupt. A GICv5 has the kind in
// it: see [GICv5].
func (l Line) INTID() (uint32, bool) {
	if len(l.Cells) < 3 {
		return 0, false
	}
	kind, number := l.Cells[0], l.Cells[1]
	switch {
	case l.Controller.Is("arm,gic-v5"):
		return GICv5(kind, number), true
	case int64(kind) < int64(len(firstINTID)):
		return firstINTID[kind] + number, true
	}
	return 0, false
}

// GICv5 puts together the INTID of a GICv5's interrupt: the number is its own,
// whatever its kind.
func GICv5(kind, number uint32) uint32 { return kind<<kindShift | number&(1<<24-1) }

// Private returns the number of an interrupt that each CPU has for itself, as
// /proc/interrupts shows it.
func (l Line) Private() (uint32, bool) {
	id, ok := l.INTID()
	if !ok || l.Cells[0] != privateKind {
		return 0, false
	}
	return id &^ (privateKind << kindShift), true
}
