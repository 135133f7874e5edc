package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/fdt"
)

// beyondTree is what the Devicetree Specification 0.4 and the bindings in Linux
// ask of a device tree. The texts ask only for a tree that a kernel can boot
// by.
var beyondTree = []Requirement{
	{
		ID: "HW-FDT-STRUCTURE", Title: "The device tree is well formed",
		Asked: "Boot loaders and other kernels read the tree too, and may be stricter than Linux.",
		How: "Looks at the blob's blocks, at names that are there twice, at their characters, and at the form of common " +
			"properties. A fault fails, also one that Linux reads over, and so does a tree that cannot be read. " +
			"Skipped without a device tree.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"tree"},
		Check: checkStructure,
		Fix:   "Write the tree as the format says, each name once and each string with its NUL; libfdt does.",
		Refs:  []string{"Devicetree 2.2", "Devicetree 2.3", "Devicetree 5"},
	},
	{
		ID: "HW-FDT-PHANDLES", Title: "What nodes of the device tree refer to is there",
		Asked: "A driver waits for ever for a node that is not there.",
		How: "Follows phandles and aliases, and counts the cells behind them. One that is wrong, double, leads nowhere or has " +
			"too few cells fails. Skipped without a device tree; one that is malformed is judged as far as it could be read.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"tree"},
		Check: func(f *probes.Facts) Finding { return checkRules(f.Tree, phandleRules, f.Tree.References, "reference") },
		Fix:   "Give each phandle to one node, keep every node that another refers to, and write as many cells behind a phandle as its node says.",
		Refs:  []string{"Devicetree 2.3.3", "Devicetree 3.3"},
	},
	{
		ID: "HW-FDT-INTERRUPTS", Title: "Interrupts in the device tree reach a controller",
		Asked: "A device whose interrupt reaches no controller does not work, or only by chance.",
		How: "Looks for each interrupt's parent, at the number of cells, at the GIC's numbers and triggers, and at interrupt-" +
			"map. A fault fails. Skipped without a device tree; one that is malformed is judged as far as it could be read.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"tree"},
		Check: func(f *probes.Facts) Finding {
			return checkRules(f.Tree, interruptRules, f.Tree.Interrupts, "interrupt")
		},
		Fix:  "Give interrupts a parent with #interrupt-cells, as many cells as it says, and PCI pins one entry each in interrupt-map.",
		Refs: []string{"Devicetree 2.4", "Linux bindings arm,gic.yaml", "Linux bindings arm,gic-v3.yaml"},
	},
	{
		ID: "HW-FDT-ADDRESSES", Title: "Addresses in the device tree do not clash",
		Asked: "Devices with the same addresses, or without a way to the CPUs, cannot be driven.",
		How: "Compares reg and ranges with the numbers of cells, with the windows of their bus, with each other and with RAM. " +
			"A fault fails. Skipped without a device tree; one that is malformed is judged as far as it could be read.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"tree"},
		Check: func(f *probes.Facts) Finding { return checkRules(f.Tree, addressRules, f.Tree.Ranges, "range") },
		Fix:   "Let reg and ranges fit #address-cells and #size-cells, lie in the windows of their bus, and overlap neither each other nor RAM.",
		Refs:  []string{"Devicetree 2.3.5", "Devicetree 2.3.6", "Devicetree 2.3.8"},
	},
	{
		ID: "HW-FDT-MEMORY", Title: "Memory nodes of the device tree are sound",
		Asked: "A kernel that uses memory twice, or uses what is reserved, crashes, often late.",
		How: "Looks at memory nodes, whether they overlap, and at the form of reserved-memory. A fault fails. Skipped without " +
			"a device tree; one that is malformed is judged as far as it could be read.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"tree"},
		Check: func(f *probes.Facts) Finding { return checkRules(f.Tree, memoryRules, f.Tree.Memory, "memory node") },
		Fix:   "Describe each piece of RAM once, in nodes with the device_type memory, and reserve memory in the root's cells.",
		Refs:  []string{"Devicetree 3.4", "Devicetree 3.5"},
	},
	{
		ID: "HW-FDT-CPUS", Title: "CPU nodes of the device tree are sound",
		Asked: "A kernel leaves out CPUs whose nodes it cannot read.",
		How: "Looks at cells and affinities of CPU nodes, which must differ, at how the CPUs start, and at cpu-map. A fault " +
			"fails. Skipped without a device tree; one that is malformed is judged as far as it could be read.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"tree"},
		Check: func(f *probes.Facts) Finding { return checkRules(f.Tree, cpuRules, f.Tree.CPUs, "CPU") },
		Fix:   "Give each CPU its own affinity as reg, the device_type cpu and a way to start it.",
		Refs:  []string{"Devicetree 3.8", "Linux bindings arm/cpus.yaml"},
	},
	{
		ID: "HW-FDT-BINDINGS", Title: "Standard devices in the tree have what they need",
		Asked: "Drivers need the properties that the bindings in Linux require.",
		How: "Holds the nodes of GIC, timer, PSCI, UARTs, clock, virtio-mmio, PCI and Xen against their bindings. What is " +
			"missing or too small fails. Skipped without a device tree; one that is malformed is judged as far as it could be read.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"tree"},
		Check: func(f *probes.Facts) Finding {
			return checkRules(f.Tree, bindingRules, f.Tree.Bound, "standard device")
		},
		Fix:  "Give the node the properties that its binding in Linux requires.",
		Refs: []string{"Linux bindings"},
	},
}

// The rules of package fdt, by the requirement that they belong to.
var (
	structureRules = []string{
		"header-version", "blocks-align", "blocks-overlap", "structure-end", "reserve-end", "reserve-range",
		"root-name", "node-name", "node-double", "name-long", "name-characters",
		"property-name", "property-late", "property-double", "property-format", "status-value",
	}
	phandleRules   = []string{"phandle-value", "phandle-double", "phandle-dangling", "phandle-arguments", "msi-controller", "alias-dangling"}
	interruptRules = []string{"interrupt-parent", "interrupts-cells", "interrupt-provider", "interrupt-gic", "interrupt-map"}
	addressRules   = []string{"reg-format", "reg-overlap", "reg-in-memory", "reg-wraps", "reg-outside", "ranges-format", "pci-window"}
	memoryRules    = []string{"memory-overlap", "memory-node", "reserved-memory"}
	cpuRules       = []string{"cpus-cells", "cpu-double", "cpu-node", "cpu-method", "cpu-map"}
	bindingRules   = []string{"binding"}
)

// checkStructure fails a tree that Linux cannot read. Others are judged by what
// could be read of it.
func checkStructure(f *probes.Facts) Finding {
	l := f.Tree
	wrong := appendNonEmpty(appendNonEmpty(nil, l.Malformed), brokenRules(l, structureRules))
	switch looked := count(l.Nodes, "node"); {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), looked)
	case !l.Present || l.Empty:
		return skip(ReasonNoTree)
	default:
		return pass(looked)
	}
}

// reasonMalformed is a machine-readable reason of a skip: nothing could be read
// of the tree.
const reasonMalformed = "malformed-tree"

// checkRules fails if the tree breaks one of the rules. It says how many things
// it looked at.
func checkRules(l *fdt.Lint, rules []string, n int, things string) Finding {
	looked := []string{count(n, things)}
	if l.Malformed != "" {
		looked = append(looked, "as far as the malformed tree could be read")
	}
	switch wrong := brokenRules(l, rules); {
	case l.Malformed != "" && l.Empty:
		return skip(reasonMalformed)
	case !l.Present || l.Empty:
		return skip(ReasonNoTree)
	case wrong != "":
		return fail(wrong, looked...)
	}
	return pass(looked...)
}

// brokenRules names the first few nodes that break a rule, and says how many
// more there are. Each rule comes once before any comes twice.
func brokenRules(l *fdt.Lint, rules []string) string {
	const shown = 3
	var first, others []string
	seen := map[string]bool{}
	more := 0
	for _, f := range l.Findings {
		text := f.Rule + " at " + f.Path + ": " + f.Text
		switch {
		case !slices.Contains(rules, f.Rule):
		case seen[f.Rule]:
			others = append(others, text)
		default:
			seen[f.Rule] = true
			first = append(first, text)
		}
	}
	wrong := append(first, others...)
	for _, rule := range rules {
		more += l.More[rule]
	}
	if len(wrong) > shown {
		more += len(wrong) - shown
		wrong = wrong[:shown]
	}
	if more > 0 {
		wrong = append(wrong, fmt.Sprintf("%d more", more))
	}
	return strings.Join(wrong, "; ")
}
