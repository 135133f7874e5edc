package fdt

import (
	"slices"
	"strings"
)

// A binding is what a device's node has to have, by the bindings in Linux. The
// properties of CPUs, PSCI and the console that Linux cannot boot without are
// in [Facts].
type binding struct {
	names []string // compatible
	needs []string // properties; interrupts may be interrupts-extended
	regs  int      // ranges of reg, at least
	bus   bool     // CPUs reach it by addresses
	check func(l *linter, at *place)
}

var boundTo = []binding{
	{names: gicv2, needs: []string{"reg", "interrupt-controller"}, regs: 2, bus: true},
	{names: gicv3, needs: []string{"reg", "interrupt-controller"}, regs: 2, bus: true, check: (*linter).redistributors},
	{names: []string{"arm,gic-v3-its"}, needs: []string{"reg", "msi-controller", "#msi-cells"}, regs: 1, bus: true},
	{names: []string{"arm,gic-v2m-frame"}, needs: []string{"reg", "msi-controller"}, regs: 1, bus: true},
	{names: []string{"arm,armv8-timer", "arm,armv7-timer"}, needs: []string{"interrupts"}},
	{names: []string{"arm,psci"}, check: (*linter).psci},
	{names: []string{"arm,pl011", "arm,sbsa-uart"}, needs: []string{"reg", "interrupts"}, regs: 1, bus: true},
	{names: []string{"arm,pl031"}, needs: []string{"reg", "clocks", "clock-names"}, regs: 1, bus: true},
	{names: []string{"virtio,mmio"}, needs: []string{"reg", "interrupts"}, regs: 1, bus: true},
	{names: []string{"pci-host-ecam-generic", "pci-host-cam-generic"},
		needs: []string{"reg", "ranges", "device_type", "#address-cells", "#size-cells"}, regs: 1, bus: true, check: (*linter).hostBridge},
	{names: []string{"xen,xen"}, needs: []string{"reg", "interrupts"}, regs: 1},
	{names: []string{"fixed-clock"}, needs: []string{"#clock-cells", "clock-frequency"}},
}

// bindings holds the node against the bindings of what it says it is.
func (l *linter) bindings(at *place) {
	for _, b := range boundTo {
		if at.is(b.names...) {
			l.Bound++
			l.bound(at, b)
		}
	}
}

func (l *linter) bound(at *place, b binding) {
	whole := true
	for _, name := range b.needs {
		_, has := at.Value(name)
		if name == "interrupts" && !has {
			_, has = at.Value("interrupts-extended")
		}
		if whole = whole && has; !has {
			l.found("binding", at.Node, "%s has no %s", b.names[0], name)
		}
	}
	if !whole {
		return
	}
	if ranges, err := at.Reg(); err == nil && len(ranges) < b.regs {
		l.found("binding", at.Node, "%s: reg has %d ranges, not %d", b.names[0], len(ranges), b.regs)
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
		l.found("binding", at.Node, "reg has %d ranges, not a distributor and %d #redistributor-regions", len(ranges), n)
	}
}

// psci before 0.2 has no numbers of functions of its own.
func (l *linter) psci(at *place) {
	if at.is("arm,psci-0.2", "arm,psci-1.0") {
		return
	}
	for _, name := range []string{"cpu_on", "cpu_off"} {
		if _, has := at.Value(name); !has {
			l.found("binding", at.Node, "arm,psci has no %s", name)
		}
	}
}

// hostBridge has the cells of PCI, and a configuration space for each bus:
// host-generic-pci.yaml.
func (l *linter) hostBridge(at *place) {
	if at.addr != 3 || at.size != 2 || at.kind != "pci" {
		l.found("binding", at.Node, "device_type is not pci, or #address-cells and #size-cells not 3 and 2, but %d and %d", at.addr, at.size)
		return
	}
	v, has := at.Value("bus-range")
	if !has {
		return
	}
	if len(v) != 8 || cell(v, 0) > cell(v, 1) || cell(v, 1) > 255 {
		l.found("binding", at.Node, "bus-range is %x", v[:min(len(v), 16)])
		return
	}
	perBus := uint64(1 << 20)
	if at.is("pci-host-cam-generic") {
		perBus = 1 << 16
	}
	buses := uint64(cell(v, 1)-cell(v, 0)) + 1
	if ranges, err := at.Reg(); err == nil && ranges[0].Size < buses*perBus {
		l.found("binding", at.Node, "reg has %#x bytes, %d buses take %#x", ranges[0].Size, buses, buses*perBus)
	}
}

// special looks at the nodes of chapter 3 of the specification.
func (l *linter) special(at *place) {
	if at.kind == "cpu" {
		l.CPUs++
	}
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
			l.found("memory-node", at.Node, "it has no reg")
		}
	case base == "memory":
		l.found("memory-node", at.Node, "its device_type is not memory")
	case at.Name == "reserved-memory":
		_, has := at.Value("ranges")
		if !has || at.addr != at.up.addr || at.size != at.up.size {
			l.found("reserved-memory", at.Node, "it has no ranges, or other #address-cells and #size-cells than the root")
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
		l.found("cpus-cells", at.Node, "#address-cells is %d and #size-cells %d, not 1 or 2 and 0", at.addr, at.size)
		return
	}
	ids := map[uint64]*Node{}
	for _, n := range at.Children {
		kind, _ := n.String("device_type")
		switch base, _, _ := strings.Cut(n.Name, "@"); {
		case !n.Enabled():
		case kind == "cpu":
			l.cpu(at, n, ids)
		case base == "cpu":
			l.found("cpu-node", n, "its device_type is not cpu")
		case n.Name == "cpu-map":
			l.cpuMap(n)
		}
	}
}

func (l *linter) cpu(at *place, n *Node, ids map[uint64]*Node) {
	const affinity = 0xff_00ff_ffff // of MPIDR_EL1, which reg holds
	v, _ := n.Value("reg")          // of several threads, more than one
	id := wide(v[:min(len(v), 4*at.addr)])
	_, named := n.Value("compatible")
	method, has := n.EnableMethod()
	_, release := n.Value("cpu-release-addr")
	switch {
	case !fills(v, at.addr):
		l.found("cpu-node", n, "reg has %d bytes, #address-cells of /cpus is %d", len(v), at.addr)
	case id&^affinity != 0:
		l.found("cpu-node", n, "reg is %#x, which is no affinity", id)
	case ids[id] != nil:
		l.found("cpu-double", n, "reg is %#x like that of %s", id, where{ids[id]})
	case !named:
		l.found("cpu-node", n, "it has no compatible")
	case has && method != "psci" && method != "spin-table" && !strings.Contains(method, ","):
		l.found("cpu-method", n, "enable-method is %q", method[:min(len(method), maxName)])
	case method == "spin-table" && !release:
		l.found("cpu-method", n, "enable-method is spin-table, and there is no cpu-release-addr")
	}
	ids[id] = n
}

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
		l.found("cpu-map", n, "%s is no CPU", where{target})
	}
}
