package main

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
	"vmspec/suite"
)

// complete adds to a provisional report what its guest left out, since the catalogue
// says it, and how to go on without the trial in which the VM stopped.
func complete(r *results.Report) {
	if !r.Provisional() {
		return
	}
	if r.Catalogue == suite.CatalogueHash() {
		for i := range r.Points {
			explainPoint(&r.Points[i], r.Profile)
		}
		r.Lines = r.TAP()
		if r.Appendix == nil {
			r.Appendix = suite.Unreported(&r.Report, "a provisional report has only what its own profile asks")
		}
	}
	if risk, ok := suite.RiskOf(strings.TrimPrefix(r.Stopped, "in ")); ok {
		r.Without = union(r.Choice.Skip, risk.Skip)
	}
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, id := range b {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// explainPoint fills in what the catalogue says of a point.
func explainPoint(p *results.Point, profile string) {
	r, ok := suite.Find(p.ID)
	if !ok {
		return
	}
	p.Title, p.Kind = r.Title, string(r.Kind)
	if clause := r.ClauseBy(suite.Profile(profile)); clause != "" {
		p.Clause = profile + " " + clause
	}
	if p.Verdict == results.Fail {
		p.Fix = r.Fix
	}
}

// died says how a VM ended that left a provisional report, and what it said last.
func died(name string, out *vmm.Outcome) string {
	text := fmt.Sprintf("%s: the VM stopped %s%s", name, out.Report.Stopped, ending(out))
	if len(out.Last) > 0 {
		text += "\nthe guest's last lines:\n" + indent(out.Last)
	}
	return text
}
