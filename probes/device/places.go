package device

import (
	"math"
	"slices"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/memory"
)

// addStrays compares with the tree what is in use.
func (b *binder) addStrays(t *fdt.Tree) {
	var described memory.Ranges
	lines := interrupts{phandles: phandles(t), has: map[uint32]bool{}}
	for _, n := range t.Root.All() {
		described = append(append(described, places(n)...), windows(n)...)
		lines.add(n)
	}
	for i := range b.regions {
		if r := &b.regions[i]; !described.Covers(r.Start, r.Size) {
			b.Registers = append(b.Registers, Use{r.String(), r.Name})
		}
	}
	for i := range b.lines {
		if l := &b.lines[i]; !lines.has[l.Hardware()] {
			b.Interrupts = append(b.Interrupts, Use{l.Fields[1], strings.Join(l.Users(), ", ")})
		}
	}
}

// isMemory tells whether a region is RAM, or what the kernel keeps from it for
// UEFI (arch/arm64/kernel/setup.c).
func isMemory(r *memory.Region) bool {
	return strings.HasPrefix(r.Name, "System RAM") || strings.EqualFold(r.Name, "reserved")
}

// places returns where the node's registers are as the CPU sees them. A node
// whose parent does not pass addresses on has none.
func places(n *fdt.Node) memory.Ranges {
	regs, err := n.Reg()
	if err != nil {
		return nil
	}
	return translate(n.Parent, regs)
}

// translate takes ranges in a bus's address space up to the root's, as far as
// they are passed on.
func translate(bus *fdt.Node, from memory.Ranges) memory.Ranges {
	for ; bus.Parent != nil && len(from) > 0; bus = bus.Parent {
		entries, ok := ranges(bus)
		if ok && len(entries) == 0 {
			continue
		}
		var up memory.Ranges
		for _, r := range from {
			at := slices.IndexFunc(entries, func(e window) bool { return r.Start >= e.child && r.Start-e.child < e.Size })
			if at >= 0 {
				up = append(up, fdt.Range{Start: r.Start - entries[at].child + entries[at].Start, Size: r.Size})
			}
		}
		from = up
	}
	return from
}

// A window is one entry of a bus's ranges: a range of its parent's addresses,
// and the address in the bus's own space where it begins.
type window struct {
	fdt.Range
	child uint64
}

// ranges reads a bus's ranges. One that is empty passes all addresses on as they
// are; a bus without them passes none on.
func ranges(bus *fdt.Node) (entries []window, ok bool) {
	cells, ok := bus.Cells("ranges")
	if !ok || bus.Parent == nil {
		return nil, false
	}
	child, up, size := count(bus, "#address-cells", 2), count(bus.Parent, "#address-cells", 2), count(bus, "#size-cells", 1)
	if child < 1 || child > 3 || up < 1 || up > 2 || size > 2 || len(cells)%(child+up+size) != 0 {
		return nil, false
	}
	for ; len(cells) > 0; cells = cells[child+up+size:] {
		entries = append(entries, window{
			Range: fdt.Range{Start: number(cells[child : child+up]), Size: number(cells[child+up : child+up+size])},
			child: number(cells[max(0, child-2):child]), // PCI has a cell of flags before
		})
	}
	return entries, true
}

// windows returns the addresses that a host bridge passes on to PCI.
func windows(n *fdt.Node) memory.Ranges {
	if kind, _ := n.String("device_type"); kind != "pci" {
		return nil
	}
	var out memory.Ranges
	entries, _ := ranges(n)
	for _, e := range entries {
		out = append(out, e.Range)
	}
	return translate(n.Parent, out)
}

// count reads a property that is one number. A node that is not there has none.
func count(n *fdt.Node, name string, otherwise int) int {
	if n == nil {
		return otherwise
	}
	if c, _ := n.Cells(name); len(c) == 1 {
		return int(min(c[0], math.MaxInt32))
	}
	return otherwise
}

func number(cells []uint32) uint64 {
	var v uint64
	for _, c := range cells {
		v = v<<32 | uint64(c)
	}
	return v
}

// interrupts finds which of the GIC's interrupts the tree describes.
type interrupts struct {
	phandles map[uint32]*fdt.Node
	has      map[uint32]bool // by INTID
}

// add reads the node's interrupts, of whichever form: Devicetree Specification
// 0.4, sections 2.4.1 and 2.4.3. What is malformed has none.
func (i *interrupts) add(n *fdt.Node) {
	for _, name := range []string{"interrupts", "interrupts-extended", "interrupt-map"} {
		own, address := 0, 0
		if name == "interrupt-map" {
			own = count(n, "#address-cells", 2) + count(n, "#interrupt-cells", 1)
		}
		for cells, _ := n.Cells(name); len(cells) > own; {
			cells = cells[own:]
			to := i.phandles[cells[0]]
			if name == "interrupts" {
				to = i.parent(n)
			} else {
				cells = cells[1:]
			}
			if own > 0 {
				address = count(to, "#address-cells", 0)
			}
			cells = i.take(to, address, cells)
		}
	}
}

// take reads the address and the interrupt that a controller is told, and
// returns what is left.
func (i *interrupts) take(to *fdt.Node, address int, cells []uint32) []uint32 {
	width := count(to, "#interrupt-cells", 0)
	if width == 0 || len(cells) < address+width {
		return nil
	}
	if isGIC(to) {
		i.set(cells[address : address+width])
	}
	return cells[address+width:]
}

// parent finds the interrupt controller of a node: the one that it or the next
// above it names, or a controller above it.
func (i *interrupts) parent(n *fdt.Node) *fdt.Node {
	for at := n; at != nil; at = at.Parent {
		if to := count(at, "interrupt-parent", 0); to != 0 {
			return i.phandles[uint32(to)]
		}
		if _, ok := at.Value("interrupt-controller"); ok && at != n {
			return at
		}
	}
	return nil
}

// isGIC tells whether a controller is a GIC of version 1 to 4.
func isGIC(n *fdt.Node) bool {
	return count(n, "#interrupt-cells", 0) >= 3 && !n.Is("arm,gic-v5")
}

// firstINTID is the number of the first interrupt of each kind, by the first
// cell of the GIC's binding: SPI, PPI, extended SPI and extended PPI
// (drivers/irqchip/irq-gic-v3.c, gic_irq_domain_translate).
var firstINTID = []uint32{32, 16, 4096, 1056}

func (i *interrupts) set(cells []uint32) {
	if kind := cells[0]; int64(kind) < int64(len(firstINTID)) {
		i.has[firstINTID[kind]+cells[1]] = true
	}
}
