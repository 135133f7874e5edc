package results

import (
	"slices"

	"vmspec/results/report"
)

// What a host's processor may lack, as a record names it.
const (
	LacksAArch32 = "aarch32" // at EL1
	LacksGICv2   = "gicv2"
	LacksGICv3   = "gicv3"
)

// excuses are the reasons of a skip that a host gives for what it does not have.
var excuses = map[string]struct{ lacks, reason string }{
	"PLAT-AARCH32":        {LacksAArch32, report.HostLacksAArch32},
	"PLAT-GIC-COMPATIBLE": {LacksGICv2, report.HostLacksGICv2},
}

// excuse says of what the VM could not have that the host has none of it.
func (r *Report) excuse(p *Point) {
	if e, known := excuses[p.ID]; known && p.Needs() && slices.Contains(r.Lacks, e.lacks) {
		p.Reason = e.reason
	}
}
