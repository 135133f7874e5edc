package fdt

import "slices"

// A Window is one entry of a bus's ranges: a range of its parent's addresses, and
// the address in the bus's own space where it begins.
type Window struct {
	Range
	Child uint64
}

// Windows reads a bus's ranges: its whole entries, as in Linux. Ranges that are
// empty pass all addresses on as they are; a bus without them passes none on.
// Only addresses of the parent and sizes of at most 64 bits are understood.
func (n *Node) Windows() (windows []Window, passes bool) {
	v, ok := n.Value("ranges")
	if !ok || n.Parent == nil {
		return nil, false
	}
	child, up, size := n.cellCount("#address-cells", 2), n.Parent.cellCount("#address-cells", 2), n.cellCount("#size-cells", 1)
	whole := 4 * (child + up + size)
	if child < 1 || child > 3 || up < 1 || up > 2 || size > 2 || len(v) > 0 && len(v) < whole {
		return nil, false
	}
	for ; len(v) >= whole; v = v[whole:] {
		windows = append(windows, Window{
			Range: Range{Start: wide(v[4*child : 4*(child+up)]), Size: wide(v[4*(child+up) : whole])},
			Child: wide(v[4*max(0, child-2) : 4*child]), // PCI has a cell of flags before
		})
	}
	return windows, true
}

// Up brings an address in the bus's space to that of its parent.
func (w *Window) Up(address uint64) (uint64, bool) {
	return address - w.Child + w.Start, address >= w.Child && address-w.Child < w.Size
}

// Places returns where the node's registers are as the CPUs see them. A node whose
// parent does not pass addresses on has none.
func (n *Node) Places() []Range {
	regs, err := n.Reg()
	if err != nil {
		return nil
	}
	return Translate(n.Parent, regs)
}

// Translate takes ranges in a bus's address space up to the root's, as far as
// they are passed on.
func Translate(bus *Node, from []Range) []Range {
	for ; len(from) > 0 && bus.Parent != nil; bus = bus.Parent {
		windows, ok := bus.Windows()
		if ok && len(windows) == 0 {
			continue
		}
		var up []Range
		for _, r := range from {
			at := slices.IndexFunc(windows, func(w Window) bool { _, in := w.Up(r.Start); return in })
			if at >= 0 {
				r.Start, _ = windows[at].Up(r.Start)
				up = append(up, r)
			}
		}
		from = up
	}
	return from
}
