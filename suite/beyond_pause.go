package suite

import (
	"fmt"
	"slices"

	"vmspec/probes"
	"vmspec/results/report"
)

// beyondPause is what a guest's clocks show after its VM was paused.
var beyondPause = []Requirement{
	{
		ID: "PLAT-CLOCK-PAUSE", Title: "The clock is right after the VM was paused",
		Asked: "A VM that is paused, as for a snapshot or a migration, goes on with a clock that is behind unless something sets it.",
		How: "With vmspec.needs=pause, asks the host to pause the VM for five seconds, and compares the system's clock with the " +
			"real-time clock before and after. One that is two seconds behind fails, and so do two that both did not count " +
			"the pause. Skipped without a real-time clock, if the host did not act or offers nothing, " +
			"with vmspec.readonly, and in a guest that we did not boot.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"kernel", "rtc"},
		Check: checkPause,
		Fix:   "Let the counter go on while the VM is paused, or let an agent in the guest set the clock afterwards.",
	},
}

// pauseLag is how far the clocks may differ, in milliseconds: the real-time clock
// has whole seconds.
const pauseLag = 2000

func checkPause(f *probes.Facts) Finding {
	offers, _ := parseNeeds(f.Kernel.Parameters["needs"])
	n := &f.RTC.Pause
	switch {
	case whyNotTried(f) != "":
		return skip(whyNotTried(f))
	case !slices.Contains(offers, report.NeedPause):
		return skip(ReasonHost)
	case len(f.RTC.Clocks) == 0:
		return skip(reasonNoClock)
	case f.RTC.PauseErr != "":
		return unreadable(f.RTC.PauseErr)
	case n.Asked != "ok":
		return unknown("the host could not be asked: " + n.Asked)
	case n.Answer != "done":
		asked := report.Need{Name: report.NeedPause, Nonce: n.Nonce, Timeout: int(n.Seconds)}
		return Finding{Verdict: Skip, Problem: ReasonNoAct, Found: appendNonEmpty([]string{asked.String() + ": no word of it"}, answered(n.Answer))}
	}
	return judgePause(f)
}

func judgePause(f *probes.Facts) Finding {
	clock, wall, ok := f.RTC.Pause.Passed()
	found := fmt.Sprintf("in a pause of %d s the system's clock advanced by %.1f s, %s by %d s",
		report.PauseSeconds, float64(wall)/1000, f.RTC.Pause.Device, clock/1000)
	const all = report.PauseSeconds * 1000
	switch {
	case !ok:
		return unknown("the clocks were not read after the pause")
	case clock-wall >= pauseLag:
		return fail(fmt.Sprintf("the system's clock is %d s behind %s after a pause", (clock-wall+500)/1000, f.RTC.Pause.Device), found)
	case clock <= all-pauseLag && wall <= all-pauseLag:
		return fail("neither clock counted the pause", found)
	}
	return pass(found)
}
