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
		ID: "PLAT-TIMER", Title: "The virtual timer interrupts every CPU",
		Asked:    "The VM has the virtual timer of the Arm architecture.",
		Readings: Readings{RFCv2: by{1}, V10: by{1}},
		How: "On each online CPU a thread sleeps five times, while arch_timer's interrupts are counted. A sleep that did not end, " +
			"or no interrupt, fails. A CPU that the host did not run, or that got more interrupts than sleeps ended, is an " +
			"error, and so are timers that the command line keeps away, and the physical timer in place of the virtual one; " +
			"a description without the virtual one's interrupt fails.",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{Must, "VM Platform", 6}),
		Needs:   []string{"timer", "cpu", "kernel"},
		Check:   checkTimer,
		Fix:     "Deliver the virtual timer's interrupt to every CPU at the PPI that the description declares.",
		Refs:    []string{"B_TIME_01", "B_PPI_01", "V_L1TM_01", "V_L1PP_00"},
	},
	{
		ID: "PLAT-COUNTER", Title: "The counter runs on every CPU and never goes back",
		Asked:    "The VM has the virtual counter of the Arm architecture.",
		Readings: Readings{RFCv2: by{1}, V10: by{1}},
		How: "Reads CNTVCT on each CPU in turn, and compares its rate with the kernel's clock, which mostly is that counter. A " +
			"step back, a standstill, a CNTFRQ of 0 or a rate off by more than 1 % fails. A CPU on which it was not read, a " +
			"real-time clock that disagrees, jiffies, and another kernel clock at another rate are errors. Without a real-time " +
			"clock nothing shows whether CNTFRQ is true: that is told.",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{Must, "VM Platform", 6}),
		Needs:   []string{"timer", "rtc", "cpu"},
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
	var asleep, starved, unrun, silent []string
	tried := map[int]bool{}
	var least uint64
	for i, c := range t.CPUs {
		tried[c.Number] = true
		rose := c.After - c.Before
		if i == 0 || rose < least {
			least = rose
		}
		switch {
		case c.Woke < timer.Sleeps && rose > c.Woke: // interrupted, but it did not run
			starved = append(starved, fmt.Sprint(c.Number))
		case c.Woke < timer.Sleeps && c.Runs != nil && !*c.Runs:
			unrun = append(unrun, fmt.Sprint(c.Number))
		case c.Woke < timer.Sleeps:
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
	case len(unrun) > 0:
		return unknown("too busy to tell: the host did not run CPU " + strings.Join(unrun, " ") + " during the trial")
	case len(silent) > 0 && !t.Listed && f.Kernel.Lacks("CONFIG_ARM_ARCH_TIMER") != "":
		return unknown(f.Kernel.Lacks("CONFIG_ARM_ARCH_TIMER"))
	case len(silent) > 0 && (f.Kernel.Has("nohz_full") || f.Kernel.Has("isolcpus")):
		return unknown("the kernel's command line keeps timers off CPUs: nohz_full= or isolcpus=")
	case len(silent) > 0:
		return fail("no arch_timer interrupt came on CPU "+strings.Join(silent, " "), declaredPPI(t)...)
	}
	return checkView(t, fmt.Sprintf("%s; each got at least %d interrupts in the trial", count(len(t.CPUs), "CPU"), least))
}

// checkView judges which timer interrupts the CPUs. Linux takes the
// virtual one, except at EL2 and where the description names no interrupt of it
// (drivers/clocksource/arm_arch_timer.c, arch_timer_select_ppi).
func checkView(t *timer.Facts, found string) Finding {
	switch {
	case t.View == timer.Virtual:
		return pass("virtual timer: " + found)
	case t.View == timer.UnknownView:
		return unknown("cannot tell whether this was the virtual timer: needs a kernel log that still has its beginning", found)
	case t.EL2:
		return unknown("the guest runs at EL2, where Linux takes the physical timer: the virtual one was not tried", "physical timer: "+found)
	case t.Node != "" && t.Declared() == 0:
		return fail(t.Node+" declares no interrupt of the virtual timer, so the kernel takes the physical one", "physical timer: "+found)
	}
	return unknown("the kernel takes the physical timer: the virtual one was not tried", "physical timer: "+found)
}

// declaredPPI names the interrupt that the description declares, for the person
// who must repair it.
func declaredPPI(t *timer.Facts) []string {
	if t.Declared() == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s declares the virtual timer at interrupt %d", t.Node, t.Declared())}
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
	case c.Still():
		return fail(fmt.Sprintf("the counter stood still during %d reads", c.Count))
	}
	second := float64(c.Nanoseconds) / 1e9 * float64(c.Hz)
	least, most := float64(c.Least)/second, float64(c.Most)/second
	found := []string{
		fmt.Sprintf("CNTFRQ %d Hz", c.Hz),
		fmt.Sprintf("%d reads on %s, %d went back", c.Count, count(int(c.CPUs), "CPU"), c.Backward),
		fmt.Sprintf("rate against the kernel's clock: %.3f to %.3f (1.00 is exact)", least, most),
	}
	slow, fast, known := f.RTC.Rate() // a clock that goes back is no witness
	found = append(found, counterWitness(f))
	switch {
	case c.Backward > 0:
		return fail(fmt.Sprintf("the counter went back %d times", c.Backward), found...)
	// Jiffies are the timer's own interrupts, and right only while none is lost.
	case f.Timer.Clock == "jiffies",
		(most < 1-maxCounterError || least > 1+maxCounterError) && f.Timer.Clock != "" && f.Timer.Clock != "arch_sys_counter":
		return unknown(fmt.Sprintf("the kernel keeps time by %s, and not by the counter: its second is no witness against CNTFRQ", f.Timer.Clock), found...)
	case most < 1-maxCounterError || least > 1+maxCounterError:
		return fail(fmt.Sprintf("the counter runs at %.3f to %.3f times CNTFRQ", least, most), found...)
	case int(c.CPUs) < len(f.CPU.Online):
		return unknown(fmt.Sprintf("the counter was read on %d of %s", c.CPUs, count(len(f.CPU.Online), "CPU")), found...)
	// The kernel's clock is this counter, unless the description gives it
	// another frequency. A real-time clock is independent of it, and may be the
	// wrong one.
	case f.RTC.Counter == "cntvct" && known && slow > 0 && (fast < 1-maxRateError || slow > 1+maxRateError):
		return unknown("the counter and "+f.RTC.Watched+" disagree on how long a second is: cannot tell which is wrong", found...)
	}
	return pass(found...)
}

// kernelCounter is Linux's name of a kernel clock that is the counter itself.
const kernelCounter = "arch_sys_counter"

// counterWitness says what shows that the counter runs at CNTFRQ.
func counterWitness(f *probes.Facts) string {
	slow, fast, known := f.RTC.Rate()
	switch {
	case known && f.RTC.Counter == "cntvct" && slow > 0:
		return fmt.Sprintf("rate against %s: %.2f to %.2f (1.00 is exact)", f.RTC.Watched, 1/fast, 1/slow)
	case f.Timer.Clock != "" && f.Timer.Clock != kernelCounter:
		return "the kernel's clock is " + f.Timer.Clock
	}
	return "no other clock shows whether CNTFRQ is true"
}
