package fdt

import (
	"slices"
	"strings"
)

// A binding is what a device's node has to have, by the bindings in Linux. The
// properties of CPUs, PSCI and the console that Linux cannot boot without are
// in [Facts].
type binding struct {
	names  []string // compatible
	unless []string // compatible with these
	needs  []string // properties; interrupts may be interrupts-extended
	regs   int      // ranges of reg, at least
	bus    bool     // CPUs reach it by addresses
	check  func(l *linter, at *place)
}

var boundTo = []binding{
	{names: gicv1, needs: []string{"reg", "interrupt-controller"}, regs: 2, bus: true},
	{names: gicv2, needs: []string{"reg", "interrupt-controller"}, regs: 2, bus: true},
	{names: gicv3, needs: []string{"reg", "interrupt-controller"}, regs: 2, bus: true, check: (*linter).redistributors},
	{names: []string{"arm,gic-v3-its"}, needs: []string{"reg", "msi-controller", "#msi-cells"}, regs: 1, bus: true},
	{names: []string{"arm,gic-v2m-frame"}, needs: []string{"reg", "msi-controller"}, regs: 1, bus: true},
	{names: genericTimers, needs: []string{"interrupts"}},
	// PSCI before 0.2 has no numbers of functions of its own.
	{names: []string{"arm,psci"}, unless: []string{"arm,psci-0.2", "arm,psci-1.0"}, needs: []string{"cpu_on", "cpu_off"}},
	{names: []string{"arm,pl011", "arm,sbsa-uart"}, needs: []string{"reg", "interrupts"}, regs: 1, bus: true},
	{names: []string{"arm,pl031"}, needs: []string{"reg", "clocks", "clock-names"}, regs: 1, bus: true},
	{names: []string{"virtio,mmio"}, needs: []string{"reg", "interrupts"}, regs: 1, bus: true},
	{names: []string{"pci-host-ecam-generic", "pci-host-cam-generic"},
		needs: []string{"reg", "ranges", "device_type", "#address-cells", "#size-cells"}, regs: 1, bus: true, check: (*linter).hostBridge},
	{names: []string{"xen,xen"}, needs: []string{"reg", "interrupts"}, regs: 1},
	{names: []string{"fixed-clock"}, needs: []string{"#clock-cells", "clock-frequency"}},
}

// primecells are the devices of VMs whose bindings require "arm,primecell" beside
// their own name: without it Linux does not look for their ID registers
// (primecell.yaml).
var primecells = []string{"arm,pl011", "arm,pl022", "arm,pl031", "arm,pl041", "arm,pl050", "arm,pl061", "arm,pl080", "arm,pl110", "arm,pl111", "arm,pl180", "arm,sp804", "arm,sp805"}

func (l *linter) primecell(at *place) {
	if at.is(primecells...) && !at.is("arm,primecell") {
		l.found("binding", at.Node, "compatible", "arm,primecell is required beside it", nil)
	}
}

// bindings compares the node with the bindings of its compatible strings.
func (l *linter) bindings(at *place) {
	for _, b := range boundTo {
		if at.is(b.names...) && !at.is(b.unless...) {
			l.Bound++
			l.bound(at, b)
		}
	}
	l.primecell(at)
}

func (l *linter) bound(at *place, b binding) {
	whole := true
	for _, name := range b.needs {
		_, has := at.Value(name)
		if name == "interrupts" && !has {
			_, has = at.Value("interrupts-extended")
		}
		if whole = whole && has; !has {
			l.found("binding", at.Node, name, "required by "+b.names[0], nil)
		}
	}
	if !whole {
		return
	}
	if ranges, err := at.Reg(); err == nil && len(ranges) < b.regs {
		l.found("binding", at.Node, "reg", "%d ranges, not %d", nil, uint64(len(ranges)), uint64(b.regs))
	} else if b.check != nil {
		b.check(l, at)
	}
}

// onBus tells whether the node is of a device that CPUs reach by addresses.
func (p *place) onBus() bool {
	return slices.ContainsFunc(boundTo, func(b binding) bool { return b.bus && p.is(b.names...) })
}

// redistributors are one region, unless the GIC says how many.
func (l *linter) redistributors(at *place) {
	n := l.count(at.Node, "#redistributor-regions")
	if ranges, err := at.Reg(); err == nil && len(ranges) < 1+n {
		l.found("binding", at.Node, "reg", "%d ranges, not a distributor and %d #redistributor-regions", nil, uint64(len(ranges)), uint64(n))
	}
}

// hostBridge has the cells of PCI, and a configuration space for each bus:
// host-generic-pci.yaml.
func (l *linter) hostBridge(at *place) {
	if at.addr != 3 || at.size != 2 || at.kind != "pci" {
		l.found("binding", at.Node, "device_type", "it is not pci, or #address-cells and #size-cells not 3 and 2, but %d and %d", nil, uint64(at.addr), uint64(at.size))
		return
	}
	v, has := at.Value("bus-range")
	if !has {
		return
	}
	if len(v) != 8 || cell(v, 0) > cell(v, 1) || cell(v, 1) > 255 {
		l.found("binding", at.Node, "bus-range", "no range of buses: %#x", nil, wide(v))
		return
	}
	perBus := uint64(1 << 20)
	if at.is("pci-host-cam-generic") {
		perBus = 1 << 16
	}
	buses := uint64(cell(v, 1)-cell(v, 0)) + 1
	if ranges, err := at.Reg(); err == nil && ranges[0].Size < buses*perBus {
		l.found("binding", at.Node, "reg", "%#x bytes, %d buses take %#x", nil, ranges[0].Size, buses, buses*perBus)
	}
}

// special looks at the nodes of chapter 3 of the specification.
func (l *linter) special(at *place) {
	if at.up == nil || at.up.up != nil {
		return
	}
	base, _, _ := strings.Cut(at.Name, "@")
	switch {
	case at.Name == "cpus":
		l.cpus(at)
	case at.isMemory():
		l.Memory++
		if _, has := at.Value("reg"); !has {
			l.found("memory-node", at.Node, "reg", "required of memory", nil)
		}
	case base == "memory":
		l.found("memory-node", at.Node, "device_type", "it is not memory", nil)
	case at.Name == "reserved-memory":
		_, has := at.Value("ranges")
		if !has || at.addr != at.up.addr || at.size != at.up.size {
			l.found("reserved-memory", at.Node, "ranges", "there are none, or #address-cells and #size-cells are not the root's", nil)
		}
	}
}

// isCPU tells whether the node is a CPU's.
func (l *linter) isCPU(at *place) bool {
	return at.up.Name == "cpus" && at.up.up != nil && at.up.up.up == nil
}

// cpus looks at the CPUs: section 3.8, and cpus.yaml in the bindings.
func (l *linter) cpus(at *place) {
	_, a := at.Value("#address-cells")
	_, s := at.Value("#size-cells")
	if !a || !s || at.addr < 1 || at.addr > 2 || at.size != 0 {
		l.found("cpus-cells", at.Node, "", "#address-cells is %d and #size-cells %d, not 1 or 2 and 0", nil, uint64(at.addr), uint64(at.size))
		return
	}
	ids := map[uint64]*Node{}
	for _, n := range at.Children {
		switch kind, _ := n.String("device_type"); {
		case n.Failed():
		case kind == "cpu":
			l.cpu(at, n, ids)
		case n.IsCPU():
			l.found("cpu-node", n, "device_type", "it is not cpu", nil)
		case n.Name == "cpu-map" && n.Enabled():
			l.cpuMap(n)
		}
	}
}

// cpu looks at a CPU, which may be disabled until it is started.
func (l *linter) cpu(at *place, n *Node, ids map[uint64]*Node) {
	const affinity = 0xff_00ff_ffff // of MPIDR_EL1, which reg holds
	v, _ := n.Value("reg")          // of several threads, more than one
	id := wide(v[:min(len(v), 4*at.addr)])
	switch {
	case !fills(v, at.addr):
		l.found("cpu-node", n, "reg", "%d bytes, #address-cells is %d", nil, uint64(len(v)), uint64(at.addr))
	case id&^affinity != 0:
		l.found("cpu-node", n, "reg", "%#x is no affinity", nil, id)
	case ids[id] != nil:
		l.found("cpu-double", n, "reg", "%#x is also that of", ids[id], id)
	}
	ids[id] = n
	if _, named := n.Value("compatible"); !named {
		l.found("cpu-node", n, "compatible", "required of a CPU", nil)
	}
	method, has := n.EnableMethod()
	_, release := n.Value("cpu-release-addr")
	switch {
	case has && method != "psci" && method != "spin-table" && !strings.Contains(method, ","):
		l.found("cpu-method", n, "enable-method", quote(method)+" is none", nil)
	case method == "spin-table" && !release:
		l.found("cpu-method", n, "cpu-release-addr", "required by spin-table", nil)
	case !has && len(ids) > 1 && !n.Is(armv7...):
		l.found("cpu-method", n, "enable-method", "required of a CPU that is to be started", nil)
	}
}

// armv7 are CPUs of 32 bits, for which the binding does not require an
// enable-method.
var armv7 = []string{"arm,armv7", "arm,cortex-a5", "arm,cortex-a7", "arm,cortex-a8", "arm,cortex-a9", "arm,cortex-a12", "arm,cortex-a15", "arm,cortex-a17"}

// cpuMap looks at the topology: each leaf is a CPU (cpu-map.txt in the bindings).
func (l *linter) cpuMap(n *Node) {
	v, has := n.Value("cpu")
	if !has || len(v) != 4 {
		for _, c := range n.Children {
			l.cpuMap(c)
		}
		return
	}
	target := l.follow(n, "cpu", cell(v, 0))
	if target == nil {
		return
	}
	if kind, _ := target.String("device_type"); kind != "cpu" {
		l.found("cpu-map", n, "cpu", "it is no CPU:", target)
	}
}
