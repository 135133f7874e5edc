package results

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

// joint decides what no boot can show alone, from all of them; best is the point
// of the boot that shows most.
var joint = map[string]func(all []boot, best Point) Point{
	"PLAT-AARCH32":        decideAArch32,
	"PLAT-GIC":            decideGIC,
	"PLAT-GIC-COMPATIBLE": decideCompatible,
	"FW-ENV-PERSIST":      decideEnvironment,
	varPersist:            decidePersist,
	varInstance:           decideInstance,
}

// JudgedByHost tells whether a host's record, or the merge of several boots, judges
// a requirement that a guest cannot.
func JudgedByHost(id string) bool { return observers[id] != nil || joint[id] != nil }

// passedBy passes a point, which was open, by what several boots show together.
func passedBy(p Point, found string, names ...string) Point {
	p.Verdict, p.Found, p.Reason, p.Problem, p.Fix = Pass, found, "", "", ""
	p.Boot = strings.Join(names, ", ")
	return p
}

// failedBy fails a point by what boots show together. It follows from another, if that
// failed.
func failedBy(p Point, problem, follows string, names ...string) Point {
	p.Verdict, p.Found, p.Reason, p.Problem, p.Fix, p.Follows = Fail, "", "", problem, "", follows
	p.Boot = strings.Join(names, ", ")
	return p
}

// decideAArch32: that the suite runs in AArch32 is what is asked.
func decideAArch32(all []boot, best Point) Point {
	for _, b := range all {
		if b.Arch == "arm" && best.Verdict == Skip {
			return passedBy(best, "a boot ran in AArch32", b.Name)
		}
	}
	return best
}

// gics returns the first boot with a GICv2, and the first with a newer GIC.
func gics(all []boot) (v2, v3 string) {
	for _, b := range all {
		p := b.points["PLAT-GIC"]
		version := 0
		if _, err := fmt.Sscanf(p.Found, "GICv%d", &version); err != nil || p.Verdict != Pass {
			continue
		}
		if version == 2 {
			v2 = cmp.Or(v2, b.Name)
		}
		if version > 2 {
			v3 = cmp.Or(v3, b.Name)
		}
	}
	return v2, v3
}

// asksBothGICs is the profile that asks for a GICv2 and a GICv3 (reading 8).
const asksBothGICs = "v2.0"

// lacks tells whether the host of every boot says that it does not have something:
// hosts may differ.
func lacks(all []boot, what string) bool {
	return !slices.ContainsFunc(all, func(b boot) bool { return !slices.Contains(b.Lacks, what) })
}

// decideGIC: by v2.0 one boot with each GIC is asked. Without one of them it is
// open: the host may not have it.
func decideGIC(all []boot, best Point) Point {
	v2, v3 := gics(all)
	if all[0].Profile != asksBothGICs || best.Verdict != Pass {
		return best
	}
	switch {
	case v2 == "" && lacks(all, LacksGICv2):
		return passedBy(best, best.Found+"; the host has no GICv2", v3)
	case v3 == "" && lacks(all, LacksGICv3):
		return passedBy(best, best.Found+"; the host has no GICv3", v2)
	case v2 == "":
		best.Verdict, best.Reason = Skip, report.NeedsGICv2
	case v3 == "":
		best.Verdict, best.Reason = Skip, report.NeedsGICv3
	default:
		return passedBy(best, fmt.Sprintf("GICv2 in %s, GICv3 in %s", v2, v3), v2, v3)
	}
	return best
}

// decideCompatible: a GICv3 that can work as a GICv2 is asked. A platform that
// offers either does as well.
func decideCompatible(all []boot, best Point) Point {
	if v2, v3 := gics(all); v2 != "" && v3 != "" && best.Verdict == Skip {
		return passedBy(best, fmt.Sprintf("a GICv2 is offered beside a GICv3: in %s and %s", v2, v3), v2, v3)
	}
	return best
}
