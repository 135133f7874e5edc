package suite

import (
	"fmt"
	"strings"

	"vmspec/probes"
	"vmspec/probes/gic"
)

// platformGIC is what the chapter asks of the interrupt controller.
var platformGIC = []Requirement{
	{
		ID: "PLAT-GIC", Title: "The interrupt controller is a GICv2 or newer",
		Asked:    "The VM has a GICv2 or newer. v2.0 asks the hypervisor for GICv2 and GICv3, as far as its host has them.",
		Readings: Readings{V20: by{8}},
		How: "Asks the description, /proc/interrupts and the kernel's log. No GIC, or a GICv1, fails; witnesses that " +
			"contradict each other, or that cannot tell GICv1 from GICv2, are an error. By v2.0 one GIC passes, too: a VM has " +
			"only one, and no boot of it shows the other. vmspec merge asks for a boot with each, unless the hosts say that they lack one.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{
			RFCv2: Clause{Must, "VM Platform", 5},
			V10:   Clause{Must, "VM Platform", 5},
			V20:   Clause{Must, "VM Platform", 5},
		},
		Needs: []string{"gic", "cpu"},
		Check: checkGIC,
		Fix:   "Give the VM a GICv2 or newer and describe it as what it is.",
		Refs:  []string{"B_GIC_01"},
	},
	{
		ID: "PLAT-GIC-CPUS", Title: "The GIC can serve all of the VM's CPUs",
		Asked:    "A GICv2 serves 8 CPUs at most. A VM with more needs a newer GIC.",
		Readings: Readings{RFCv2: by{7}, V10: by{7}},
		How: "Compares the GIC's version with the CPUs that are described or present. More than 8 with a GICv2 or older fails." +
			" Without a GIC it follows from PLAT-GIC; a version that is unknown is an error.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{
			RFCv2: Clause{Must, "VM Platform", 5},
			V10:   Clause{Must, "VM Platform", 5},
		},
		Needs: []string{"gic", "cpu"},
		Check: checkGICCPUs,
		Fix:   "With more than 8 CPUs give the VM a GICv3.",
		Refs:  []string{"B_PE_02"},
	},
	{
		ID: "PLAT-GIC-COMPATIBLE", Title: "A GICv3 host offers a GICv2 as well",
		Asked: "Where a host's GICv3 can work as a GICv2, the hypervisor offers that to VMs.",
		How: "Not judged by one boot: a guest sees its own GIC only. vmspec merge passes it if one boot has a GICv2 and another a " +
			"GICv3; the host says if its GIC cannot work as a GICv2.",
		Subject: Platform, Kind: Evidence, Untested: ReasonHost,
		Clauses: Clauses{V20: Clause{Recommended, "VM Platform", 8}},
		Fix:     "Offer a virtual GICv2 where the host's GICv3 can be operated as one.",
	},
}

func checkGIC(f *probes.Facts) Finding {
	var found []string
	for _, w := range witnesses(f) {
		if w.Version > 0 {
			found = append(found, w.Source)
		}
	}
	w := gicWitness(f)
	switch {
	case w.Version == 0:
		return noGIC(f)
	case w.OrOlder && f.GIC.Logged.Version == 0:
		return unknown("cannot tell GICv1 from GICv2: the "+describedBy(f)+" gives no version", found...)
	case !witnessesAgree(f):
		return unknown(testimony(f)+": cannot tell which is true", found...)
	case w.Version < 2:
		return fail(fmt.Sprintf("GICv%d is older than GICv2", w.Version), found...)
	}
	return pass(append([]string{fmt.Sprintf("GICv%d with %s", w.Version, count(len(f.CPU.Online), "CPU"))}, found...)...)
}

// noGIC is the finding where no witness names a GIC.
func noGIC(f *probes.Facts) Finding {
	var silent []string
	for _, w := range witnesses(f) {
		silent = appendNonEmpty(silent, w.Err)
	}
	if len(silent) > 0 {
		return unknown(strings.Join(silent, "; "))
	}
	return fail("no GIC: interrupts come from " + strings.Join(f.GIC.Chips, " "))
}

func witnesses(f *probes.Facts) []gic.Witness {
	return []gic.Witness{f.GIC.Declared, f.GIC.Running, f.GIC.Logged}
}

// gicWitness is the first witness that names a version: the description, then
// what runs, then the kernel log. Its version is 0 if none does.
func gicWitness(f *probes.Facts) gic.Witness {
	for _, w := range witnesses(f) {
		if w.Version > 0 {
			return w
		}
	}
	return gic.Witness{}
}

// witnessesAgree reports whether all witnesses can be right.
func witnessesAgree(f *probes.Facts) bool {
	best := gicWitness(f)
	for _, w := range witnesses(f) {
		older := w.OrOlder && best.Version < w.Version
		// A GICv4 is a GICv3 too, and Linux drives it as one.
		if w.Version > 0 && w.Version != best.Version && !older && !(best.Version == 4 && w.Version == 3) {
			return false
		}
	}
	return true
}

// testimony repeats what each witness says: "the description says GICv3,
// /proc/interrupts says GICv2".
func testimony(f *probes.Facts) string {
	var out []string
	for _, w := range []struct {
		name string
		gic.Witness
	}{{"the description", f.GIC.Declared}, {"/proc/interrupts", f.GIC.Running}, {"the kernel log", f.GIC.Logged}} {
		if w.Version > 0 {
			out = append(out, fmt.Sprintf("%s says GICv%d", w.name, w.Version))
		}
	}
	return strings.Join(out, ", ")
}

// maxGICv2CPUs is the number of CPUs that a GICv2 can serve: GICv2 Architecture
// Specification, IHI 0048B, section 1.1.
const maxGICv2CPUs = 8

func checkGICCPUs(f *probes.Facts) Finding {
	version := gicWitness(f).Version
	if version == 0 {
		finding := noGIC(f)
		finding.Follows = "PLAT-GIC"
		return finding
	}
	cpus := max(f.CPU.Enabled()+f.CPU.OnlineCapable(), len(f.CPU.Present))
	found := fmt.Sprintf("GICv%d with %s", version, count(cpus, "CPU"))
	if version < 3 && cpus > maxGICv2CPUs {
		return fail(fmt.Sprintf("a GICv%d serves %d CPUs at most, the VM has %d", version, maxGICv2CPUs, cpus), found)
	}
	return pass(found)
}
