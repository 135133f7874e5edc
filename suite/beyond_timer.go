package suite

import (
	"fmt"
	"strings"
	"time"

	"vmspec/probes"
	"vmspec/probes/timer"
)

// beyondTimer is how well timers, counters and clocks work. The texts ask only
// that they are there. Each bound says what load of the host it tolerates; if a
// busy host could be the reason, the verdict is error.
var beyondTimer = []Requirement{
	{
		ID: "PLAT-TIMER-WAKE", Title: "A one-shot timer wakes each idle CPU",
		Asked: "In an idle guest only the timer wakes a CPU.",
		How: "Each online CPU is idle until a one-shot timer ends, five times at most. One that does not end, or is late each " +
			"time by more than a second and a share for load, fails. A dead timer, or a host that was too busy, is an error.",
		Subject: Platform, Kind: Functional, Clauses: bySBSA(), Readings: asSBSA,
		Needs: []string{"timer", "cpu"},
		Check: checkWake,
		Fix:   "Wake a virtual CPU that waits for an interrupt when its timer expires, even if no other device interrupts.",
		Refs:  []string{"B_TIME_05"},
	},
	{
		ID: "PLAT-COUNTER-RATE", Title: "The counter runs at 10 MHz or more",
		Asked:   "Clocks are as fine as the counter; BSA asks for 10 MHz.",
		How:     "Reads CNTFRQ: under 10 MHz fails. If it is 0 or cannot be read, it is an error.",
		Subject: Platform, Kind: Evidence, Clauses: bySBSA(), Readings: asSBSA,
		Needs: []string{"timer"},
		Check: checkCounterRate,
		Fix:   "Let the counter run at 10 MHz or more, and CNTFRQ say so.",
		Refs:  []string{"B_TIME_02", "V_L1TM_02"},
	},
	{
		ID: "PLAT-COUNTER-FORWARD", Title: "The counter never goes back on one CPU",
		Asked: "Programs measure time by the counter, and go wrong if it goes back.",
		How: "Reads CNTVCT up to two million times on one CPU. One step back fails, whatever the load. A counter that programs" +
			" cannot read is an error.",
		Subject: Platform, Kind: Functional, Clauses: bySBSA(), Readings: asSBSA,
		Needs: []string{"timer"},
		Check: checkMonotonic,
		Fix:   "Let CNTVCT_EL0 never decrease, also when the virtual CPU moves to another physical one.",
		Refs:  []string{"B_TIME_04"},
	},
	{
		ID: "PLAT-COUNTER-AGREES", Title: "The counter agrees between CPUs",
		Asked: "Time must not go back when a thread moves to another CPU.",
		How: "The first CPU and each other one read the counter in turn. A reading behind the one before fails. Fewer than 100" +
			" turns, or a counter that programs cannot read, is an error. Skipped with one CPU.",
		Subject: Platform, Kind: Functional, Clauses: bySBSA(), Readings: asSBSA,
		Needs: []string{"timer", "cpu"},
		Check: checkAgreement,
		Fix:   "Give all virtual CPUs the same CNTVOFF_EL2, on physical CPUs whose counters agree.",
		Refs:  []string{"B_TIME_04"},
	},
	{
		ID: "PLAT-COUNTER-PACE", Title: "The counter keeps pace with the clock",
		Asked: "If counter and real-time clock differ, the guest's time drifts.",
		How: "Measures the seconds of the real-time clock by the counter. Twice off by more than 5 % fails; within 10 % it " +
			"passes. A clock that stands still, a busy host, or a counter that programs cannot read is an error. Skipped " +
			"without a clock.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"rtc"},
		Check: checkPace,
		Fix:   "Let the counter run at the frequency that CNTFRQ_EL0 states, and the real-time clock at one second a second.",
	},
	{
		ID: "PLAT-CLOCK-DATE", Title: "The real-time clock shows a plausible date",
		Asked: "A guest with a wrong date rejects certificates.",
		How: "Reads the real-time clock. A date before 2024 or after 2099 fails. Skipped without a clock; if its seconds were " +
			"not seen, it is an error.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"rtc"},
		Check: checkDate,
		Fix:   "Start the VM's real-time clock at the host's time.",
	},
}

// reasonNoClock is a machine-readable reason of a skip: the kernel has no
// real-time clock.
const reasonNoClock = "no-rtc"

// A one-shot may be late by 1 s plus 50 times the baseline: work that was timed
// on the same host in the same moment, a few milliseconds on a quiet one. The
// best of five tries counts. So a good timer fails only if the host delays the
// CPU by more than a second five times in a row.
const (
	maxLate    = 1.0 // seconds
	lateFactor = 50
)

func checkWake(f *probes.Facts) Finding {
	t := f.Timer
	switch {
	case t.Dead:
		return unknown("not tried: the timer is dead")
	case t.TrialErr != "":
		return unreadable(t.TrialErr)
	case len(t.Shots.CPUs) == 0 && len(t.CPUs) > 0 && t.Shots.Hz == 0:
		return olderCapture("this trial")
	case t.Shots.Hz == 0:
		return unknown("the trial did not finish")
	}
	most := maxLate + lateFactor*float64(t.Shots.Baseline)/float64(t.Shots.Hz)
	tried := map[int]bool{}
	var late, asleep, busy []string
	var worst float64
	var others uint64
	for _, s := range t.Shots.CPUs {
		tried[s.Number] = true
		seconds, name := t.Shots.Late(s), fmt.Sprint(s.Number)
		worst, others = max(worst, seconds), max(others, s.Others)
		switch {
		case s.Ended > 0 && seconds > most:
			late = append(late, name)
		case s.Ended == 0 && seconds > most:
			asleep = append(asleep, name)
		case s.Ended == 0:
			busy = append(busy, name)
		}
	}
	for _, cpu := range f.CPU.Online {
		if !tried[cpu] {
			busy = append(busy, fmt.Sprint(cpu))
		}
	}
	found := fmt.Sprintf("%s woken, at most %.1f ms late; at most %s of other devices meanwhile", count(len(t.Shots.CPUs), "CPU"), 1e3*worst, count(int(others), "interrupt"))
	switch {
	case len(asleep) > 0:
		return fail("no one-shot woke CPU " + strings.Join(asleep, " "))
	case len(late) > 0:
		return fail(fmt.Sprintf("every one-shot was more than %.1f s late on CPU %s", most, strings.Join(late, " ")), found)
	case len(busy) > 0:
		return unknown("too busy to tell: no one-shot finished on CPU "+strings.Join(busy, " "), found)
	}
	return pass(found)
}

// minCounterRate is the rate in Hz that rule B_TIME_02 of the BSA asks for.
const minCounterRate = 10_000_000

func checkCounterRate(f *probes.Facts) Finding {
	switch {
	case f.Timer.Frequency == nil:
		return unreadable(f.Timer.CounterErr)
	case *f.Timer.Frequency == 0:
		return unknown("CNTFRQ is 0, so the rate of the counter is unknown")
	}
	found := fmt.Sprintf("CNTFRQ %d Hz", *f.Timer.Frequency)
	if *f.Timer.Frequency < minCounterRate {
		return fail(fmt.Sprintf("the counter runs at %d Hz, under 10 MHz", *f.Timer.Frequency), found)
	}
	return pass(found)
}

// counterUnknown says why nothing is known of the counter; empty if something
// is.
func counterUnknown(a *timer.Agreement) string {
	switch {
	case a.Err != "":
		return a.Err
	case a.Counter != "cntvct":
		return "programs cannot read the counter in this guest"
	case a.Hz == 0 || a.Alone.Count == 0:
		return "the trial did not finish"
	}
	return ""
}

// checkMonotonic tolerates no step back and any load: a late reading is only
// larger.
func checkMonotonic(f *probes.Facts) Finding {
	a := &f.Timer.Agreement
	if why := counterUnknown(a); why != "" {
		return unreadable(why)
	}
	found := fmt.Sprintf("%d reads on one CPU, %d went back", a.Alone.Count, a.Alone.Backward)
	if a.Alone.Backward > 0 {
		return fail(fmt.Sprintf("the counter went back by up to %s", count(int(a.Alone.Worst), "tick")), found)
	}
	return pass(found)
}

// minHandovers is the number of hand-overs that two CPUs need for a verdict.
// Each one compares both counters within about a microsecond. There are fewer
// if the host does not run two virtual CPUs at once, which is no fault. A
// single step back fails: no load makes a counter decrease.
const minHandovers = 100

func checkAgreement(f *probes.Facts) Finding {
	a := &f.Timer.Agreement
	switch why := counterUnknown(a); {
	case why != "":
		return unreadable(why)
	case len(f.CPU.Online) == 1:
		return skip(reasonOneCPU)
	}
	var total uint64
	var behind, busy []string
	for _, p := range a.Pairs {
		total += p.Count
		switch {
		case p.Backward > 0:
			behind = append(behind, fmt.Sprintf("CPU %d and CPU %d differ by %s or more", p.A, p.B, count(int(p.Worst), "tick")))
		case p.Count < minHandovers:
			busy = append(busy, fmt.Sprintf("%d and %d", p.A, p.B))
		}
	}
	found := fmt.Sprintf("%d hand-overs between %s", total, count(len(f.CPU.Online), "CPU"))
	switch {
	case len(behind) > 0:
		return fail(strings.Join(behind, "; "), found)
	case len(busy) > 0:
		return unknown("too busy to tell: too few hand-overs between CPUs "+strings.Join(busy, ", "), found)
	case len(a.Pairs) != len(f.CPU.Online)-1:
		return unknown("the trial did not finish", found)
	}
	return pass(found)
}

// checkPace uses the same bounds as the check of the UEFI clock.
func checkPace(f *probes.Facts) Finding {
	r := f.RTC
	switch {
	case len(r.Clocks) == 0:
		return skip(reasonNoClock)
	case r.Counter == "monotonic":
		return unknown("programs cannot read the counter in this guest")
	case r.Stuck != nil && r.Hz > 0:
		return unknown(fmt.Sprintf("%s stood still for %.1f s, so it cannot check the counter", r.Watched, float64(r.Stuck.Ticks)/float64(r.Hz)))
	}
	least, most, ok := r.Rate()
	found := fmt.Sprintf("%s advances between %.3f and %.3f s a second", r.Watched, least, most)
	switch {
	case !ok && r.TrialErr != "":
		return unreadable(r.TrialErr)
	case !ok:
		return unknown("the trial saw fewer than two changes of the clock's second")
	case offOnce(r):
		return unknown(offOnceProblem, found)
	case most < 1-maxRateError || least > 1+maxRateError:
		return fail("the counter and "+r.Watched+" disagree on how long a second is", found)
	case least < 1-maxRateDoubt || most > 1+maxRateDoubt:
		return unknown("too busy to tell", found)
	}
	return pass(found)
}

// The plausible dates: this suite did not exist before 2024.
const (
	firstDate = 1704067200 // 2024-01-01T00:00:00Z
	lastDate  = 4102444800 // 2100-01-01T00:00:00Z
)

func checkDate(f *probes.Facts) Finding {
	r := f.RTC
	var seconds int64
	switch {
	case len(r.Clocks) == 0:
		return skip(reasonNoClock)
	case len(r.Edges) > 0:
		seconds = r.Edges[0].Seconds
	case r.Stuck != nil:
		seconds = r.Stuck.Seconds
	case r.TrialErr != "":
		return unreadable(r.TrialErr)
	default:
		return unknown("the trial did not see the clock's seconds")
	}
	year, month, day := time.Unix(seconds, 0).UTC().Date()
	found := fmt.Sprintf("%s says %d-%02d-%02d", r.Watched, year, month, day)
	if seconds < firstDate || seconds >= lastDate {
		return fail(found)
	}
	return pass(found)
}
