package fdt

// genericTimers and psciNames are what Linux's drivers of the generic timer and of
// PSCI look for.
var (
	genericTimers = []string{"arm,armv8-timer", "arm,armv7-timer"}
	psciNames     = []string{"arm,psci", "arm,psci-0.2", "arm,psci-1.0"}
)

// MemoryNodes lists the nodes that Linux takes memory from: the root's children,
// by their type (drivers/of/fdt.c, early_init_dt_scan_memory).
func (t *Tree) MemoryNodes() (nodes []*Node) {
	for _, n := range t.Root.Children {
		if kind, _ := n.String("device_type"); kind == "memory" && n.Enabled() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// TimerNode returns the node of the generic timer, nil if none: the first that is
// enabled (drivers/clocksource/timer-probe.c, and arch_timer_of_init, which passes
// over others).
func (t *Tree) TimerNode() *Node {
	for _, n := range t.Root.All() {
		if n.Enabled() && n.Is(genericTimers...) {
			return n
		}
	}
	return nil
}

// PSCINode returns the node of PSCI, nil if none: the first of all, and none if
// that is not enabled (drivers/firmware/psci/psci.c, psci_dt_init).
func (t *Tree) PSCINode() *Node {
	for _, n := range t.Root.All() {
		if n.Is(psciNames...) {
			if n.Enabled() {
				return n
			}
			return nil
		}
	}
	return nil
}

// PSCIMethod returns how PSCI is called, "hvc" or "smc", empty if the node does not
// say so.
func (n *Node) PSCIMethod() string {
	if method, _ := n.String("method"); method == "hvc" || method == "smc" {
		return method
	}
	return ""
}

// InterruptsCPUs tells whether a controller can interrupt CPUs itself: a GIC, or
// another that is the root of the interrupt tree (drivers/of/irq.c, of_irq_init).
// A controller with a parent, or of GPIOs, only passes interrupts on.
func (n *Node) InterruptsCPUs(phandles map[uint32]*Node) bool {
	has := func(name string) bool { _, ok := n.Value(name); return ok }
	version, _ := n.GIC()
	switch parent := n.interruptParent(phandles); {
	case !has("interrupt-controller"):
		return false
	case version > 0:
		return true
	case has("gpio-controller"), has("interrupts-extended"):
		return false
	case parent == nil:
		return !has("interrupts") && !has("interrupt-parent")
	default:
		return parent == n
	}
}
