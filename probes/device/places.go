package device

import (
	"strconv"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/gic"
	"vmspec/probes/memory"
)

// addStrays compares what is in use with the tree.
func (b *binder) addStrays(t *fdt.Tree) {
	var described memory.Ranges
	phandles, lines := t.Phandles(), map[uint32]bool{}
	for _, n := range t.Root.All() {
		described = append(append(described, n.Places()...), windows(n)...)
		for _, l := range append(n.Lines(phandles), n.Mapped(phandles)...) {
			if id, ok := l.INTID(); ok {
				lines[id] = true
			}
		}
	}
	for i := range b.regions {
		if r := &b.regions[i]; !described.Covers(r.Start, r.Size) {
			b.Registers = append(b.Registers, Use{r.String(), r.Name})
		}
	}
	for i := range b.lines {
		if l := &b.lines[i]; !lines[intid(l)] {
			b.Interrupts = append(b.Interrupts, Use{strconv.Itoa(int(l.Hardware())), strings.Join(l.Users(), ", ")})
		}
	}
}

// isMemory tells whether a region is RAM, or what the kernel keeps from it for
// UEFI (arch/arm64/kernel/setup.c).
func isMemory(r *memory.Region) bool {
	return strings.HasPrefix(r.Name, "System RAM") || strings.EqualFold(r.Name, "reserved")
}

// windows returns the addresses that a bus hands out by itself, such as a PCI host
// bridge or Hyper-V's VMBus. On the buses of [buses] only a node makes a device.
func windows(n *fdt.Node) memory.Ranges {
	if n.Is(buses...) {
		return nil
	}
	var out memory.Ranges
	entries, _ := n.Windows()
	for _, e := range entries {
		out = append(out, e.Range)
	}
	return fdt.Translate(n.Parent, out)
}

// kinds5 are the names that a GICv5's interrupts have, and the kinds of its
// binding (drivers/irqchip/irq-gic-v5.c).
var kinds5 = map[string]uint32{"GICv5-PPI": 1, "GICv5-SPI": 3}

// intid is the interrupt's number in the tree's terms.
func intid(l *gic.Interrupt) uint32 {
	if kind, ok := kinds5[l.Chip()]; ok {
		return fdt.GICv5(kind, l.Hardware())
	}
	return l.Hardware()
}

// isGICs tells whether an interrupt is a GIC's own. Of a GIC before version 5,
// numbers under 16 are the kernel's.
func isGICs(l *gic.Interrupt) bool {
	chip := l.Chip()
	if _, ok := kinds5[chip]; ok {
		return true
	}
	return l.Hardware() >= 16 && (chip == "GICv3" || chip == "GICv2" || strings.HasPrefix(chip, "GIC-"))
}
