package suite

import (
	"fmt"
	"strings"
	"time"

	"vmspec/probes"
	"vmspec/probes/memory"
	"vmspec/probes/timer"
)

// trials is what a VM's CPUs, timers, clock and memory do when it is tried.
// The texts ask that these are there; how well they work is told, and not
// asked. Each bound says what load of the host it tolerates: where only a busy
// host could explain what was seen, the verdict is error.
var trials = []Requirement{
	{
		ID: "PLAT-TIMER-WAKE", Title: "A one-shot timer wakes each idle CPU",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"timer", "cpu"},
		Check: checkWake,
		Fix:   "Wake a virtual CPU that waits for an interrupt when its timer expires, though no other device interrupts.",
		Refs:  []string{"B_TIME_05"},
	},
	{
		ID: "PLAT-COUNTER-FORWARD", Title: "The counter never goes back on one CPU",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"timer"},
		Check: checkMonotonic,
		Fix:   "Let CNTVCT_EL0 never decrease, also when the virtual CPU moves to another physical one.",
		Refs:  []string{"B_TIME_04"},
	},
	{
		ID: "PLAT-COUNTER-AGREES", Title: "The counter agrees between CPUs",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"timer", "cpu"},
		Check: checkAgreement,
		Fix:   "Give all virtual CPUs the same CNTVOFF_EL2, on physical CPUs whose counters agree.",
		Refs:  []string{"B_TIME_04"},
	},
	{
		ID: "PLAT-COUNTER-PACE", Title: "The counter keeps pace with the clock",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"rtc"},
		Check: checkPace,
		Fix:   "Let the counter run at the frequency that CNTFRQ_EL0 states, and the real-time clock at one second a second.",
	},
	{
		ID: "PLAT-CLOCK-DATE", Title: "The real-time clock shows a plausible date",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"rtc"},
		Check: checkDate,
		Fix:   "Start the VM's real-time clock at the host's time.",
	},
	{
		ID: "PLAT-CPU-AFFINITY", Title: "A thread runs on each CPU that it is bound to",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"timer", "cpu"},
		Check: checkAffinity,
		Fix:   "Let each virtual CPU run what the guest schedules there.",
	},
	{
		ID: "PLAT-CPU-OFFLINE", Title: "Secondary CPUs go offline and come back",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"cpu", "kernel"}, Kernel: []string{"CONFIG_HOTPLUG_CPU"},
		Check: checkOffline,
		Fix:   "Let CPU_OFF stop a virtual CPU, AFFINITY_INFO say so, and CPU_ON start it again.",
		Refs:  []string{"PSCI 1.3 5.5", "PSCI 1.3 5.6", "PSCI 1.3 5.7"},
	},
	{
		ID: "PLAT-CPU-ALIKE", Title: "The CPUs' ID registers agree where they should",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"cpu", "kernel"},
		Check: checkAlike,
		Fix:   "Give all virtual CPUs the same ID registers, whatever physical CPU each runs on.",
	},
	{
		ID: "PLAT-MEM-TOUCH", Title: "Memory of each range holds what is written",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"memory"},
		Check: checkTouch,
		Fix:   "Back all memory that the description names with RAM.",
	},
	{
		ID: "PLAT-PSCI-FEATURES", Title: "PSCI tells which functions it has",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"psci"}, Kernel: []string{"CONFIG_ARM_PSCI_FW"},
		Check: checkPSCIFeatures,
		Fix:   "Let PSCI_FEATURES answer with flags or NOT_SUPPORTED for each function ID.",
		Refs:  []string{"PSCI 1.3 5.14"},
	},
}

// notCaptured is the problem of a guest that was captured before a trial was
// thought of.
const notCaptured = "not captured: the guest is older than this trial"

// A one-shot may be late by a second, and by as long as fifty times the work
// that was measured on the same host in the same moment: a few milliseconds on
// a quiet one. The best of five counts. So a host must keep the CPU waiting for
// more than a second five times over before a good timer looks like one whose
// interrupt came too late or not at all.
const (
	lateMost  = 1.0 // seconds
	lateScale = 50
)

func checkWake(f *probes.Facts) Finding {
	t := f.Timer
	switch {
	case t.Dead:
		return unknown("not tried: the timer is dead")
	case t.TrialErr != "":
		return unknown(t.TrialErr)
	case len(t.Shots.CPUs) == 0 && len(t.CPUs) > 0 && t.Shots.Hz == 0:
		return unknown(notCaptured)
	case t.Shots.Hz == 0:
		return unknown("the trial did not come to its end")
	}
	most := lateMost + lateScale*float64(t.Shots.Baseline)/float64(t.Shots.Hz)
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
	found := fmt.Sprintf("%s woken, at most %.1f ms late; at most %s of others there", count(len(t.Shots.CPUs), "CPU"), 1e3*worst, count(int(others), "interrupt"))
	switch {
	case len(asleep) > 0:
		return fail("no one-shot woke CPU " + strings.Join(asleep, " "))
	case len(late) > 0:
		return fail(fmt.Sprintf("every one-shot was more than %.1f s late on CPU %s", most, strings.Join(late, " ")), found)
	case len(busy) > 0:
		return unknown("too busy to tell: no one-shot came to its end on CPU "+strings.Join(busy, " "), found)
	}
	return pass(found)
}

func checkAffinity(f *probes.Facts) Finding {
	ran := map[int]uint64{}
	for _, s := range f.Timer.Shots.CPUs {
		ran[s.Number] = s.Ran
	}
	switch {
	case f.Timer.TrialErr != "":
		return unknown(f.Timer.TrialErr)
	case f.Timer.Dead:
		return unknown("not tried: the timer is dead")
	case len(ran) == 0:
		return unknown(notCaptured)
	}
	for _, cpu := range f.CPU.Online {
		switch on, tried := ran[cpu]; {
		case !tried:
			return unknown(fmt.Sprintf("the trial did not run on CPU %d", cpu))
		case on != uint64(cpu):
			return fail(fmt.Sprintf("a thread bound to CPU %d ran on CPU %d", cpu, on))
		}
	}
	return pass(count(len(ran), "CPU"))
}

// checkOffline has no bound of its own: a CPU is lost when the kernel gives it
// up, five seconds after CPU_ON (arch/arm64/kernel/smp.c, __cpu_up), and says
// that one may not be off after 0.1 s of asking AFFINITY_INFO, of which a busy
// host takes a part only if it does not run a CPU at all that has to go.
func checkOffline(f *probes.Facts) Finding {
	o := &f.CPU.Offline
	switch {
	case untried(f) != "":
		return skip(untried(f))
	case o.Err != "":
		return unknown(o.Err)
	case o.Secondaries == 0:
		return skip(reasonOneCPU)
	case len(o.Tried) == 0 && f.Kernel.Lacks("CONFIG_HOTPLUG_CPU") != "":
		return unknown(f.Kernel.Lacks("CONFIG_HOTPLUG_CPU"))
	case len(o.Tried) == 0:
		return unknown("the kernel lets no CPU go offline")
	}
	var wrong, doubt []string
	for _, c := range o.Tried {
		switch {
		case isOurs(c.Off) || isOurs(c.On):
			doubt = append(doubt, strings.TrimSpace(fmt.Sprintf("CPU %d: %s %s", c.Number, c.Off, c.On)))
		case c.Off != "ok":
			wrong = append(wrong, fmt.Sprintf("CPU %d did not go offline: %s", c.Number, c.Off))
		case c.On == "":
			doubt = append(doubt, "the trial did not come to its end")
		case c.On != "ok":
			wrong = append(wrong, fmt.Sprintf("CPU %d did not come back: %s", c.Number, c.On))
		case c.Ran != nil && *c.Ran != uint64(c.Number):
			wrong = append(wrong, fmt.Sprintf("CPU %d came back, and its thread ran on CPU %d", c.Number, *c.Ran))
		}
	}
	if len(wrong) == 0 {
		doubt = append(doubt, o.Log...)
	}
	return conclude(wrong, doubt, share(len(o.Tried), int(o.Secondaries), "secondary CPU", "tried"), Finding{})
}

// checkAlike rests on the kernel, which compares the ID registers of each CPU
// that comes up with those of the first, field by field: some may differ, as
// the model's do where cores of two kinds are in one machine.
func checkAlike(f *probes.Facts) Finding {
	i := &f.CPU.Identity
	found := count(len(f.CPU.Online), "CPU") + " of " + strings.Join(i.Models, ", ")
	switch {
	case len(f.CPU.Online) == 1:
		return skip(reasonOneCPU)
	case f.Kernel.Arch == "arm":
		return skip(reasonAArch64)
	case i.Err != "":
		return unknown(i.Err)
	case len(i.Variations) > 0:
		return fail(i.Variations[0], found)
	case !i.Whole:
		return unknown("the beginning of the kernel's log is lost", found)
	}
	return pass(found)
}

// rangeShare is the part of all RAM that a range must have to be looked for: of
// a smaller one all may be in use, and the trial takes only what is free.
const rangeShare = 8

// checkTouch has no bound: pages that a busy host swaps come back as they were.
func checkTouch(f *probes.Facts) Finding {
	t, ranges := &f.Memory.Touch, f.Memory.Described
	if len(ranges) == 0 {
		ranges = joined(f.Memory.RAM)
	}
	var missed []string
	reached, all := 0, 0
	for _, r := range ranges {
		switch {
		case r.Size < ranges.Total()/rangeShare:
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
		return unknown(t.Err)
	case t.Touched == 0:
		return unknown("no memory is free")
	case len(t.Pieces) == 0:
		return unknown("the kernel does not tell where pages lie", found...)
	case len(missed) > 0:
		return unknown("no page was free at "+strings.Join(missed, " "), found...)
	}
	return pass(found...)
}

// joined are ranges without the small gaps of what firmware keeps in them.
func joined(ranges memory.Ranges) (out memory.Ranges) {
	for _, r := range ranges {
		if last := len(out) - 1; last >= 0 && r.Start-out[last].End() < ranges.Total()/rangeShare {
			out[last].Size = r.Start + r.Size - out[last].Start
			continue
		}
		out = append(out, r)
	}
	return out
}

func checkPSCIFeatures(f *probes.Facts) Finding {
	p := f.PSCI
	found := append([]string{strings.TrimSpace("PSCI " + p.Version + " " + p.Method)}, p.Functions...)
	switch {
	case p.Version == "" && !p.Whole:
		return unknown("neither debugfs nor the beginning of the kernel's log could be read")
	case p.Version == "":
		return fail("the kernel found no PSCI")
	case strings.HasPrefix(p.Version, "0."):
		return skip(reasonOldPSCI)
	case len(p.Unclear) > 0:
		return fail(p.Unclear[0], found...)
	case !p.Asked:
		return unknown("debugfs does not show what PSCI answered", found...)
	}
	return pass(found...)
}

// unread is why nothing is known of the counter; empty if something is.
func unread(a *timer.Agreement) string {
	switch {
	case a.Err != "":
		return a.Err
	case a.Counter != "cntvct":
		return "programs cannot read the counter in this guest"
	case a.Hz == 0 || a.Alone.Count == 0:
		return "the trial did not come to its end"
	}
	return ""
}

// checkMonotonic tolerates no step back, and any load: a reading that comes
// late is a greater one.
func checkMonotonic(f *probes.Facts) Finding {
	a := &f.Timer.Agreement
	if why := unread(a); why != "" {
		return unknown(why)
	}
	found := fmt.Sprintf("%d reads on one CPU, %d went back", a.Alone.Count, a.Alone.Backward)
	if a.Alone.Backward > 0 {
		return fail(fmt.Sprintf("the counter went back by up to %s", count(int(a.Alone.Worst), "tick")), found)
	}
	return pass(found)
}

// handoversLeast are the hand-overs of two CPUs that tell something: each is a
// look at both counters within a microsecond or so. Fewer come about where the
// host does not let two virtual CPUs run at once, which is nobody's fault. A
// step back has no tolerance: no load makes a counter decrease.
const handoversLeast = 100

func checkAgreement(f *probes.Facts) Finding {
	a := &f.Timer.Agreement
	switch why := unread(a); {
	case why != "":
		return unknown(why)
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
		case p.Count < handoversLeast:
			busy = append(busy, fmt.Sprintf("%d and %d", p.A, p.B))
		}
	}
	found := fmt.Sprintf("%d hand-overs between %s", total, count(len(f.CPU.Online), "CPU"))
	switch {
	case len(behind) > 0:
		return fail(strings.Join(behind, "; "), found)
	case len(busy) > 0:
		return unknown("too busy to tell: few hand-overs came about between CPUs "+strings.Join(busy, ", "), found)
	case len(a.Pairs) != len(f.CPU.Online)-1:
		return unknown("the trial did not come to its end", found)
	}
	return pass(found)
}

// Machine-readable reasons of a skip.
const (
	reasonOneCPU  = "one-cpu"         // nothing to compare, or to do without
	reasonNoClock = "no-rtc"          // the kernel has no real-time clock
	reasonAArch64 = "needs-aarch64"   // a kernel that compares ID registers
	reasonOldPSCI = "psci-before-1.0" // it cannot be asked
)

// checkPace has the bounds and the doubt of the UEFI clock's check.
func checkPace(f *probes.Facts) Finding {
	r := f.RTC
	switch {
	case len(r.Clocks) == 0:
		return skip(reasonNoClock)
	case r.Counter == "monotonic":
		return unknown("programs cannot read the counter in this guest")
	case r.Stuck != nil && r.Hz > 0:
		return unknown(fmt.Sprintf("%s stood still for %.1f s: it tells nothing of the counter", r.Watched, float64(r.Stuck.Ticks)/float64(r.Hz)))
	}
	least, most, ok := r.Rate()
	found := fmt.Sprintf("%s advances between %.3f and %.3f s a second", r.Watched, least, most)
	switch {
	case !ok && r.TrialErr != "":
		return unknown(r.TrialErr)
	case !ok:
		return unknown("fewer than two seconds' edges were seen")
	case most < 1-rateOff || least > 1+rateOff:
		return fail("the counter and "+r.Watched+" disagree on how long a second is", found)
	case least < 1-rateDoubt || most > 1+rateDoubt:
		return unknown("too busy to tell", found)
	}
	return pass(found)
}

// No VM ran this suite before 2024, and none is to run it in 2100.
const (
	dateFirst = 1704067200 // 2024-01-01T00:00:00Z
	dateLast  = 4102444800 // 2100-01-01T00:00:00Z
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
		return unknown(r.TrialErr)
	default:
		return unknown("the clock's seconds were not seen")
	}
	year, month, day := time.Unix(seconds, 0).UTC().Date()
	found := fmt.Sprintf("%s says %d-%02d-%02d", r.Watched, year, month, day)
	if seconds < dateFirst || seconds >= dateLast {
		return fail(found)
	}
	return pass(found)
}
