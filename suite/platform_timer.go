package suite

import (
	"fmt"
	"strings"

	"vmspec/probes"
	"vmspec/probes/timer"
)

// platformTimer is what the chapter asks of the generic timer and its counter.
var platformTimer = []Requirement{
	{
		ID: "PLAT-TIMER", Title: "The generic timer interrupts every CPU",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{Must, "VM Platform", 6}),
		Needs:   []string{"timer", "cpu", "kernel"},
		Check:   checkTimer,
		Fix:     "Deliver the virtual timer's interrupt to every CPU at the PPI that the description declares.",
		Refs:    []string{"B_TIME_01", "B_PPI_01", "V_L1TM_01", "V_L1PP_00"},
	},
	{
		ID: "PLAT-COUNTER", Title: "The counter never goes back and runs at CNTFRQ",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{Must, "VM Platform", 6}),
		Needs:   []string{"timer", "rtc"},
		Check:   checkCounter,
		Fix:     "Let CNTVCT_EL0 count steadily at the frequency that CNTFRQ_EL0 states, the same on every CPU.",
		Refs:    []string{"B_TIME_04", "V_L1TM_03", "V_L1TM_04"},
	},
}

func checkTimer(f *probes.Facts) Finding {
	t := f.Timer
	if t.Dead && t.Late() {
		return unknown("too busy to tell: a busy wait saw no arch_timer interrupt, but some came later", declaredPPI(t)...)
	}
	if t.Dead {
		return fail("the timer does not interrupt: a busy wait saw no arch_timer interrupt on any CPU", declaredPPI(t)...)
	}
	if t.TrialErr != "" {
		return unreadable(t.TrialErr)
	}
	var asleep, starved, silent []string
	tried := map[int]bool{}
	var least uint64
	for i, c := range t.CPUs {
		tried[c.Number] = true
		rose := c.After - c.Before
		if i == 0 || rose < least {
			least = rose
		}
		switch {
		case c.Woke == 0 && rose > 0: // interrupted, but it did not run
			starved = append(starved, fmt.Sprint(c.Number))
		case c.Woke == 0:
			asleep = append(asleep, fmt.Sprint(c.Number))
		case rose == 0:
			silent = append(silent, fmt.Sprint(c.Number))
		}
	}
	for _, cpu := range f.CPU.Online {
		if !tried[cpu] {
			return unknown(fmt.Sprintf("the trial did not run on CPU %d", cpu))
		}
	}
	switch {
	case len(asleep) > 0:
		return fail("a sleep did not end on CPU "+strings.Join(asleep, " "), declaredPPI(t)...)
	case len(starved) > 0:
		return unknown("too busy to tell: the timer interrupts CPU " + strings.Join(starved, " ") + ", but a sleep did not end there")
	case len(silent) > 0 && !t.Listed && f.Kernel.Lacks("CONFIG_ARM_ARCH_TIMER") != "":
		return unknown(f.Kernel.Lacks("CONFIG_ARM_ARCH_TIMER"))
	case len(silent) > 0 && (f.Kernel.Has("nohz_full") || f.Kernel.Has("isolcpus")):
		return unknown("the kernel's command line keeps timers off CPUs: nohz_full= or isolcpus=")
	case len(silent) > 0:
		return fail("no arch_timer interrupt came on CPU "+strings.Join(silent, " "), declaredPPI(t)...)
	}
	return pass(fmt.Sprintf("%s; each got at least %d interrupts in the trial", count(len(t.CPUs), "CPU"), least))
}

// declaredPPI names the interrupt that the tree declares, for the person who
// must repair it.
func declaredPPI(t *timer.Facts) []string {
	if len(t.PPIs) < 3 {
		return nil
	}
	return []string{fmt.Sprintf("%s declares the virtual timer at interrupt %d", t.Node, t.PPIs[2])}
}

// maxCounterError is the tolerance on CNTFRQ: 1 %. The trial measures an
// interval that a busy host only makes wider, so a steady counter always lies
// in it.
const maxCounterError = 0.01

func checkCounter(f *probes.Facts) Finding {
	c := f.Timer.Counter
	switch {
	case f.Timer.Frequency != nil && *f.Timer.Frequency == 0:
		return fail("CNTFRQ is 0")
	case c == nil:
		return unreadable(f.Timer.CounterErr)
	}
	second := float64(c.Nanoseconds) / 1e9 * float64(c.Hz)
	least, most := float64(c.Least)/second, float64(c.Most)/second
	found := []string{
		fmt.Sprintf("CNTFRQ %d Hz", c.Hz),
		fmt.Sprintf("%d reads on %s, %d went back", c.Reads, count(int(c.CPUs), "CPU"), c.Backward),
		fmt.Sprintf("rate against the kernel's clock: %.3f to %.3f (1.00 is exact)", least, most),
	}
	slow, fast, known := f.RTC.Rate()
	if known = known && f.RTC.Counter == "cntvct" && slow > 0; known {
		found = append(found, fmt.Sprintf("rate against %s: %.2f to %.2f (1.00 is exact)", f.RTC.Watched, 1/fast, 1/slow))
	}
	switch {
	case c.Backward > 0:
		return fail(fmt.Sprintf("the counter went back %d times", c.Backward), found...)
	case most < 1-maxCounterError || least > 1+maxCounterError:
		return fail(fmt.Sprintf("the counter runs at %.3f to %.3f times CNTFRQ", least, most), found...)
	// The kernel's clock is this counter, unless the description gives it
	// another frequency. A real-time clock is independent of it.
	case known && (fast < 1-maxRateError || slow > 1+maxRateError):
		return unknown("the counter and "+f.RTC.Watched+" disagree on how long a second is", found...)
	}
	return pass(found...)
}
