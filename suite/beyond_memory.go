package suite

import (
	"fmt"
	"strings"

	"vmspec/probes"
	"vmspec/probes/memory"
)

// beyondMemory is whether RAM works.
var beyondMemory = []Requirement{
	{
		ID: "PLAT-MEM-TOUCH", Title: "Memory of each range holds what is written",
		Asked: "Memory that is described and not there loses the guest's data.",
		How: "Writes to up to 4096 free pages, reads them back, and looks in which ranges of RAM they lie. A page that came " +
			"back altered fails. A large range in which none was free, or addresses that are hidden, is an error.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"memory"},
		Check: checkTouch,
		Fix:   "Back all memory that the description names with RAM.",
	},
}

// minRangeShare: a range with less than 1/8 of all RAM is not looked for. The
// trial uses free memory only, and a small range may have none.
const minRangeShare = 8

// checkTouch needs no bound: a busy host may swap pages, but it returns them
// unchanged.
func checkTouch(f *probes.Facts) Finding {
	t, ranges := &f.Memory.Touch, f.Memory.Described
	if len(ranges) == 0 {
		ranges = mergeNearby(f.Memory.RAM)
	}
	var missed []string
	reached, all := 0, 0
	for _, r := range ranges {
		switch {
		case r.Size < ranges.Total()/minRangeShare:
			continue
		case t.In(r):
			reached++
		default:
			missed = append(missed, r.String())
		}
		all++
	}
	found := append([]string{fmt.Sprintf("%s of %d KiB touched", count(int(t.Touched), "page"), t.Page>>10)}, share(reached, all, "range", "reached")...)
	switch {
	case t.Wrong > 0:
		return fail(count(int(t.Wrong), "page")+" came back altered", found...)
	case t.Err != "":
		return unreadable(t.Err)
	case t.Touched == 0:
		return unknown("no memory is free")
	case len(t.Pieces) == 0:
		return unknown("the kernel does not show the addresses of pages", found...)
	case len(missed) > 0:
		return unknown("no page was free at "+strings.Join(missed, " "), found...)
	}
	return pass(found...)
}

// mergeNearby joins ranges with only a small gap between them, where firmware
// keeps memory for itself.
func mergeNearby(ranges memory.Ranges) (out memory.Ranges) {
	for _, r := range ranges {
		if last := len(out) - 1; last >= 0 && r.Start-out[last].End() < ranges.Total()/minRangeShare {
			out[last].Size = r.Start + r.Size - out[last].Start
			continue
		}
		out = append(out, r)
	}
	return out
}
