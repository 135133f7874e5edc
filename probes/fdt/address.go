package fdt

import "sort"

// A region is a piece of the CPUs' address space and the node it belongs to.
type region struct {
	span   Range
	node   *Node
	order  int // in the tree
	memory bool
	io     bool // a window of PCI's I/O space, in which ports of others may lie
	whole  bool // the node's own regions do not overlap either
	owned  bool // no other device has registers there
}

// reg looks at where a device is: section 2.3.6.
func (l *linter) reg(at *place) {
	v, has := at.Value("reg")
	if !has || at.up == nil || l.isCPU(at) {
		return // CPUs have their own rules
	}
	up := at.up
	cells := up.addr + up.size
	if fits := fills(v, cells) || !up.sure() && fills(v, up.linux[0]+up.linux[1]); !fits {
		l.found("reg-format", at.Node, "reg", "%d bytes, #address-cells and #size-cells are %d and %d in", up.Node, uint64(len(v)), uint64(up.addr), uint64(up.size))
		return
	}
	if !at.enabled || !up.sure() || up.addr < 1 || up.addr > 2 || up.size < 1 || up.size > 2 {
		return
	}
	whole := at.kind == "pci" || at.is(gicv1...) || at.is(gicv2...) || at.is(gicv3...)
	owned := at.onBus() || at.is(owners...)
	for ; len(v) > 0 && l.spend(1); v = v[4*cells:] {
		r := Range{wide(v[:4*up.addr]), wide(v[4*up.addr : 4*cells])}
		l.region(at, region{span: r, memory: at.isMemory(), whole: whole, owned: owned})
	}
}

// fills tells whether a value is a whole number of entries of that many cells.
//
//go:noinline
func fills(v []byte, cells int) bool { return cells > 0 && len(v) > 0 && len(v)%(4*cells) == 0 }

// A mapping is what became of an address on its way to the CPUs.
type mapping int

const (
	mapped   mapping = iota
	unmapped         // there is no way
	outside          // it lies in no window of a bus
)

// region notes a region that CPUs reach.
func (l *linter) region(at *place, r region) {
	if r.span.Size == 0 || len(l.regions)+len(l.reserved) == maxRegions && !l.spend(maxSteps+1) {
		return
	}
	if last := r.span.Start + (r.span.Size - 1); last < r.span.Start || at.up.addr == 1 && last >= 1<<32 {
		l.found("reg-wraps", at.Node, "reg", "%#x bytes at %#x reach beyond the address space", nil, r.span.Size, r.span.Start)
		return
	}
	r.order = len(l.regions)
	if r.node = at.Node; at.below("reserved-memory") {
		r.order, r.owned = len(l.reserved), true // Linux: "OVERLAP DETECTED"
		l.reserved = append(l.reserved, r)
		return
	}
	start := r.span.Start
	switch how, bus := l.translate(at.up, &r.span); {
	case how == outside && r.owned:
		l.found("reg-outside", at.Node, "reg", "%#x bytes at %#x lie in no window of", bus, r.span.Size, start)
	case how == unmapped && bus != nil && (at.onBus() || r.owned && at.up.is("simple-bus")):
		l.found("reg-outside", at.Node, "reg", "there are no ranges in", bus)
	case how == mapped && !at.lends():
		l.Ranges++
		l.regions = append(l.regions, r)
	}
}

// translate brings a range from the address space of a node's children to that
// of the CPUs: section 2.3.8. It says which bus it did not pass.
func (l *linter) translate(bus *place, r *Range) (mapping, *Node) {
	for ; bus.up != nil; bus = bus.up {
		if !bus.mapped {
			return unmapped, bus.Node
		}
		if len(bus.ranges) == 0 {
			continue
		}
		up := bus.up
		if !bus.sure() || !up.sure() || bus.addr > 2 || bus.size > 2 || up.addr > 2 || !fills(bus.ranges, bus.addr+up.addr+bus.size) {
			return unmapped, nil
		}
		if !l.pass(bus, r) {
			return outside, bus.Node
		}
	}
	return mapped, nil
}

// pass translates by the ranges of one bus.
func (l *linter) pass(bus *place, r *Range) bool {
	if bus.windows == nil {
		bus.windows, _ = bus.Windows()
	}
	for i := 0; i < len(bus.windows) && l.spend(1); i++ {
		w := &bus.windows[i]
		if start, in := w.Up(r.Start); in && r.Size <= w.Size-(r.Start-w.Child) {
			r.Start = start
			return true
		}
	}
	return l.steps > maxSteps
}

// windows looks at the ranges of a bus, and at the windows of a PCI host bridge.
func (l *linter) windows(at *place) {
	up := at.up
	if up == nil {
		return
	}
	for _, name := range []string{"ranges", "dma-ranges"} {
		v, has := at.Value(name)
		linux := at.linux[0] + up.linux[0] + at.linux[1]
		switch {
		case !has:
		case len(v) == 0 && (at.addr == up.addr || at.linux[0] == up.linux[0]):
		case len(v) > 0 && (fills(v, at.addr+up.addr+at.size) || fills(v, linux)):
		default:
			l.found("ranges-format", at.Node, name, "%d bytes, addresses have %d and %d cells, sizes %d", nil, uint64(len(v)), uint64(at.addr), uint64(up.addr), uint64(at.size))
			return
		}
	}
	if at.enabled && at.kind == "pci" && up.sure() && at.addr == 3 && at.size == 2 && up.addr > 0 && up.addr < 3 {
		l.pciWindows(at)
	}
}

// pciWindows looks at windows into PCI's spaces: PCI Bus Binding to IEEE 1275,
// section 2.2.1.1. Those of bridges are of PCI addresses and not looked at.
func (l *linter) pciWindows(at *place) {
	const configuration, io = 0, 1
	a, size := 12, 4*(3+at.up.addr+2)
	var bus []region // as the devices see them
	for v := at.ranges; len(v) >= size && l.spend(1); v = v[size:] {
		space := int(v[0] & 3)
		r := region{span: Range{wide(v[4:a]), wide(v[size-8 : size])}, whole: true, owned: at.onBus(), io: space == io}
		switch {
		case space == configuration:
			l.found("pci-window", at.Node, "ranges", "a window of configuration space", nil)
			continue
		case space != io:
			r.node, r.order = at.Node, len(bus)
			bus = append(bus, r)
		}
		r.span.Start = wide(v[a : size-8])
		l.region(at, r)
	}
	l.overlaps(bus)
}

// overlaps looks for regions that share addresses. The order is by where they
// start; few can be open at once in a sound tree, so only the last are held
// against the next.
func (l *linter) overlaps(regions []region) {
	const most = 16
	sort.Sort((*byStart)(&regions))
	open := make([]*region, 0, most)
	for i := range regions {
		r, kept := &regions[i], open[:0]
		for _, o := range open {
			if o.span.End() > r.span.Start {
				l.pair(o, r)
				kept = append(kept, o)
			}
		}
		if len(kept) == most {
			kept = kept[:copy(kept, kept[1:])]
		}
		open = append(kept, r)
	}
}

// byStart sorts regions by where they start, then by their order in the tree.
type byStart []region

func (s *byStart) Len() int      { return len(*s) }
func (s *byStart) Swap(i, j int) { (*s)[i], (*s)[j] = (*s)[j], (*s)[i] }
func (s *byStart) Less(i, j int) bool {
	a, b := &(*s)[i], &(*s)[j]
	return a.span.Start < b.span.Start || a.span.Start == b.span.Start && a.order < b.order
}

// pair looks at two regions that overlap. A node's region may lie in that of
// one above it, which shares it out.
func (l *linter) pair(a, b *region) {
	rule := "reg-overlap"
	switch {
	case a.memory && b.memory:
		rule = "memory-overlap"
	case a.memory || b.memory:
		rule = "reg-in-memory"
	case a.io != b.io, !a.owned && !b.owned, a.node == b.node && !a.whole,
		a.node != b.node && (above(a.node, b.node) || above(b.node, a.node)):
		return
	}
	l.found(rule, b.node, "reg", "%x-%x overlaps %x-%x of", a.node, b.span.Start, b.span.Start+(b.span.Size-1), a.span.Start, a.span.Start+(a.span.Size-1))
}

// above tells whether a is above n.
func above(a, n *Node) bool {
	for ; n != nil; n = n.Parent {
		if n == a {
			return true
		}
	}
	return false
}

// isMemory tells whether the node is of RAM: section 3.4.
func (p *place) isMemory() bool { return p.kind == "memory" && p.up != nil && p.up.up == nil }

// below tells whether the node is below the root's child of that name.
func (p *place) below(name string) bool {
	for ; p.up != nil && p.up.up != nil; p = p.up {
		if p.up.Name == name && p.up.up.up == nil {
			return true
		}
	}
	return false
}

// owners are the compatible strings of further devices that share their
// registers with no others, unlike many in a system on chip.
var owners = []string{"arm,primecell", "cfi-flash", "qemu,fw-cfg-mmio", "tcg,tpm-tis-mmio", "ns16550a"}

// lends tells whether the node's addresses may be those of others: what lies in
// RAM, and registers of many functions.
func (p *place) lends() bool {
	return p.below("chosen") || p.is("simple-framebuffer", "pmem-region", "ramoops", "syscon", "simple-mfd", "simple-bus")
}
