package suite

import (
	"fmt"
	"strings"

	"vmspec/probes"
)

// beyondCPU is whether each CPU works, and whether PSCI controls it well.
var beyondCPU = []Requirement{
	{
		ID: "PLAT-CPU-AFFINITY", Title: "A thread runs on each CPU that it is bound to",
		Asked: "What is bound to a CPU must run there, or the guest's schedule and its measurements are wrong.",
		How: "A thread bound to each online CPU says after some sleeps where it runs. Another CPU fails. A CPU that was not " +
			"tried, or a dead timer, is an error.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"timer", "cpu"},
		Check: checkAffinity,
		Fix:   "Let each virtual CPU run what the guest schedules there.",
	},
	{
		ID: "PLAT-CPU-OFFLINE", Title: "Secondary CPUs go offline and come back",
		Asked: "Kernels take CPUs offline to suspend, to reboot by kexec and to save power.",
		How: "Takes the first three secondary CPUs and the last offline and back, one at a time. One that does not go, or does" +
			" not come back, fails; a host that may be too busy is an error. Skipped with one CPU, with vmspec.readonly, and " +
			"in a guest that we did not boot.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"cpu", "kernel"}, Kernel: []string{"CONFIG_HOTPLUG_CPU"},
		Check: checkOffline,
		Fix:   "Let CPU_OFF stop a virtual CPU, AFFINITY_INFO say so, and CPU_ON start it again.",
		Refs:  []string{"PSCI 1.3 5.5", "PSCI 1.3 5.6", "PSCI 1.3 5.7"},
	},
	{
		ID: "PLAT-CPU-ALIKE", Title: "The CPUs' ID registers agree where they should",
		Asked: "A program that found a feature on one CPU is killed where another lacks it.",
		How: "Looks in the kernel's log for ID registers that differ and should not: that fails. Skipped with one CPU and on " +
			"32-bit kernels; a log without its beginning is an error.",
		Subject: Platform, Kind: Evidence, Clauses: bySBSA(), Readings: asSBSA,
		Needs: []string{"cpu", "kernel"},
		Check: checkAlike,
		Fix:   "Give all virtual CPUs the same ID registers, whatever physical CPU each runs on.",
	},
	{
		ID: "PLAT-SMCCC", Title: "The SMC Calling Convention is 1.1 or newer",
		Asked:   "Kernels find the firmware's mitigations and random numbers by SMCCC 1.1, which BSA expects.",
		How:     "Takes the version from debugfs or the kernel's log. None, or 1.0, fails; if neither source can tell, it is an error.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"psci"}, Kernel: []string{"CONFIG_ARM_PSCI_FW"},
		Check: checkSMCCC,
		Fix:   "Implement SMCCC_VERSION and let PSCI_FEATURES say so.",
	},
	{
		ID: "PLAT-PSCI-FEATURES", Title: "PSCI tells which functions it has",
		Asked: "Before a kernel uses PSCI's optional functions, it asks which there are.",
		How: "Reads from debugfs what PSCI answered to Linux. An answer that is neither yes nor no fails, and so does no PSCI." +
			" Skipped before PSCI 1.0; if debugfs does not show the answers, it is an error.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"psci"}, Kernel: []string{"CONFIG_ARM_PSCI_FW"},
		Check: checkPSCIFeatures,
		Fix:   "Let PSCI_FEATURES answer with flags or NOT_SUPPORTED for each function ID.",
		Refs:  []string{"PSCI 1.3 5.14"},
	},
}

// Machine-readable reasons of a skip.
const (
	reasonOneCPU  = "one-cpu"         // nothing to compare, nothing to take offline
	reasonAArch64 = "needs-aarch64"   // only a 64-bit kernel compares ID registers
	reasonOldPSCI = "psci-before-1.0" // it has no PSCI_FEATURES
)

func checkAffinity(f *probes.Facts) Finding {
	ran := map[int]uint64{}
	for _, s := range f.Timer.Shots.CPUs {
		ran[s.Number] = s.Ran
	}
	switch {
	case f.Timer.TrialErr != "":
		return unreadable(f.Timer.TrialErr)
	case f.Timer.Dead:
		return unknown("not tried: the timer is dead")
	case len(ran) == 0:
		return olderCapture("this trial")
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

// gaveUp is how the kernel reports a CPU that did not come up in 5 s after
// CPU_ON (arch/arm64/kernel/smp.c, __cpu_up). A busy host may not have run it. A
// CPU_ON that failed is another error.
const gaveUp = "EIO "

// checkOffline takes its bounds from the kernel, which logs a CPU that
// AFFINITY_INFO does not report off after 0.1 s. A very busy host can cause
// that, so it is an error and no failure.
func checkOffline(f *probes.Facts) Finding {
	o := &f.CPU.Offline
	switch {
	case whyNotTried(f) != "":
		return skip(whyNotTried(f))
	case o.Err != "":
		return unreadable(o.Err)
	case o.Secondaries == nil || *o.Secondaries == 0:
		return skip(reasonOneCPU)
	case len(o.Tried) == 0 && f.Kernel.Lacks("CONFIG_HOTPLUG_CPU") != "":
		return unknown(f.Kernel.Lacks("CONFIG_HOTPLUG_CPU"))
	case len(o.Tried) == 0:
		return unknown("the kernel lets no CPU go offline")
	}
	var wrong, doubt []string
	for _, c := range o.Tried {
		switch {
		case isLocalError(c.Off) || isLocalError(c.On):
			doubt = append(doubt, strings.TrimSpace(fmt.Sprintf("CPU %d: %s %s", c.Number, c.Off, c.On)))
		case strings.HasPrefix(c.On, gaveUp):
			doubt = append(doubt, fmt.Sprintf("too busy to tell: CPU %d did not come back in time: %s", c.Number, c.On))
		case c.Off != "ok":
			wrong = append(wrong, fmt.Sprintf("CPU %d did not go offline: %s", c.Number, c.Off))
		case c.On == "":
			doubt = append(doubt, "the trial did not finish")
		case c.On != "ok":
			wrong = append(wrong, fmt.Sprintf("CPU %d did not come back: %s", c.Number, c.On))
		case c.Ran != nil && *c.Ran != uint64(c.Number):
			wrong = append(wrong, fmt.Sprintf("CPU %d came back, and its thread ran on CPU %d", c.Number, *c.Ran))
		}
	}
	if len(wrong) == 0 {
		doubt = append(doubt, o.Log...)
	}
	return conclude(wrong, doubt, share(len(o.Tried), int(*o.Secondaries), "secondary CPU", "tried"), Finding{})
}

// checkAlike relies on the kernel. It compares the ID registers of each CPU
// with those of the first, and knows which fields may differ, such as the model
// in a machine with two kinds of cores.
func checkAlike(f *probes.Facts) Finding {
	i := &f.CPU.Identity
	found := count(len(f.CPU.Online), "CPU") + " of " + strings.Join(i.Models, ", ")
	switch {
	case len(f.CPU.Online) == 1:
		return skip(reasonOneCPU)
	case f.Kernel.Arch == "arm":
		return skip(reasonAArch64)
	case i.Err != "":
		return unreadable(i.Err)
	case len(i.Variations) > 0:
		return fail(i.Variations[0], found)
	case !i.Whole:
		return unknown("needs a kernel log that still has its beginning", found)
	}
	return pass(found)
}

func checkSMCCC(f *probes.Facts) Finding {
	switch {
	case f.PSCI.SMCCC == "" && !f.PSCI.Whole:
		return unknown("needs debugfs, or a kernel log that still has its beginning")
	case f.PSCI.SMCCC == "":
		return fail("the kernel found no SMC Calling Convention")
	case f.PSCI.SMCCC == "1.0":
		return fail("SMCCC 1.0; BSA expects 1.1 (not part of this specification)")
	}
	return pass("SMCCC " + f.PSCI.SMCCC)
}

func checkPSCIFeatures(f *probes.Facts) Finding {
	p := f.PSCI
	found := append([]string{strings.TrimSpace("PSCI " + p.Version + " " + p.Method)}, p.Functions...)
	switch {
	case p.Version == "" && !p.Whole:
		return unknown("needs debugfs, or a kernel log that still has its beginning")
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
