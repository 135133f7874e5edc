package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/efi"
	"vmspec/probes/rtc"
)

// firmware is the chapter "Virtual Firmware".
var firmware = []Requirement{
	{
		ID: "FW-UEFI-BOOT", Title: "The VM boots through UEFI firmware",
		Asked: "The VM is UEFI compliant, so that it can start the EFI application on the disk.",
		How: "Passes if Linux was started by UEFI: /sys/firmware/efi has its system table or its word size. Else it fails; " +
			"that is an error where the kernel lacks CONFIG_EFI, or nobody knows.",
		Subject: Platform, Kind: Functional,
		Clauses: Clauses{
			RFCv2: Clause{Must, "Virtual Firmware", 1},
			V10:   Clause{Must, "Virtual Firmware", 1},
			V20:   Clause{Must, "Virtual Firmware", 1},
		},
		Needs: []string{"efi"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkBoot,
		Fix:   "Start the VM with UEFI firmware, such as AAVMF or U-Boot, and let that load the kernel.",
	},
	{
		ID: "FW-UEFI-FIRST", Title: "UEFI firmware is the first software of the VM",
		Asked: "UEFI firmware is the first software that the VM runs, and starts the EFI application.",
		How: "The guest sees that UEFI started it, but not what ran before. The host judges it by the VMM's command line, where " +
			"that says whether firmware or a kernel is started: firmware passes if UEFI started the guest. A kernel fails.",
		Subject: Platform, Kind: Evidence, Untested: ReasonHost,
		Clauses: everywhere(Clause{Recommended, "Virtual Firmware", 2}),
		Fix:     "Start the VM with UEFI firmware at its reset vector, and not through another loader.",
	},
	{
		ID: "FW-UEFI-VERSION", Title: "The firmware implements UEFI 2.4 or newer",
		Asked:    "The firmware complies with UEFI 2.4A or a later version.",
		Readings: Readings{RFCv2: by{2}, V10: by{2}},
		How: "Takes the revision from the system table, else from the kernel's log. One under 2.40 fails, and so does a boot " +
			"without UEFI; a revision that neither shows is an error.",
		Subject: Platform, Kind: Evidence,
		RestsOn: "FW-UEFI-BOOT",
		Clauses: Clauses{
			RFCv2: Clause{Should, "Virtual Firmware", 3},
			V10:   Clause{Should, "Virtual Firmware", 3},
		},
		Needs: []string{"efi"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkVersion(efi.Revision{Major: 2, Minor: 40}), // 2.4 and 2.4A both report 2.40
		Fix:   "Update the firmware to one that reports UEFI 2.4 or newer.",
	},
	{
		ID: "FW-UEFI-VERSION-26", Title: "The firmware implements UEFI 2.6 or newer",
		Asked: "The firmware complies with UEFI 2.6 or a later version.",
		How: "Takes the revision from the system table, else from the kernel's log. One under 2.60 fails, and so does a boot " +
			"without UEFI; a revision that neither shows is an error.",
		Subject: Platform, Kind: Evidence,
		RestsOn: "FW-UEFI-BOOT",
		Clauses: Clauses{V20: Clause{Should, "Virtual Firmware", 3}},
		Needs:   []string{"efi"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkVersion(efi.Revision{Major: 2, Minor: 60}),
		Fix:   "Update the firmware to one that reports UEFI 2.6 or newer.",
	},
	{
		ID: "FW-ENV-PERSIST", Title: "The firmware's settings survive a power-off",
		Asked: "What was set in the firmware, such as the boot order, is still there when the VM starts again.",
		How: "One boot cannot show it. UEFI keeps its settings, such as BootOrder, in non-volatile variables: merged boots that " +
			"show whether these persist (FW-VAR-PERSIST) decide this, too.",
		Subject: Platform, Kind: Evidence, Untested: ReasonTwoBoots,
		Clauses: everywhere(Clause{StronglyRecommended, "Virtual Firmware", 4}),
		Fix:     "Keep the firmware's settings, such as its boot order, with the VM when it is off.",
	},
	{
		ID: "FW-VAR-PERSIST", Title: "UEFI variables survive a power-off",
		Asked: "UEFI variables that the guest sets are still there when the VM starts again.",
		How: "Each boot notes the mark that it finds in a variable of our own, and leaves one. Merged boots decide: passes if " +
			"one found what another left before a power-off; fails if a later boot of the same series did not. A reset is no " +
			"power-off, since memory keeps its content. run --boots 2 does this.",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{StronglyRecommended, "Virtual Firmware", 5}),
		Needs:   []string{"efi", "kernel"},
		Check:   checkMarks,
		Fix:     "Back the variable store with a file that outlives the VMM's process.",
	},
	{
		ID: "FW-VAR-INSTANCE", Title: "UEFI variables are the VM's own",
		Asked:    "A variable store belongs to one VM, and to no other.",
		Readings: everyText(by{3, 4}),
		How: "Two VMs show it: run --boots 2 starts one more with a fresh store and the same image. Fails if that finds what " +
			"an earlier boot left, and passes if it does not. The host also fails it if the firmware wrote variables into a " +
			"disk image that held none before the run.",
		Subject: Platform, Kind: Functional, Untested: ReasonTwoVMs,
		Clauses: everywhere(Clause{Must, "Virtual Firmware", 6}),
		Fix:     "Give each VM a variable store of its own, apart from its disks.",
	},
	{
		ID: "FW-RTC", Title: "The UEFI clock advances one second a second",
		Asked:    "UEFI's runtime services tell the time. Which device feeds the clock is left to the VM and its firmware.",
		Readings: Readings{RFCv2: by{6}},
		How: "Watches the seconds of Linux's UEFI clock against the counter. A clock that is missing, answers with an " +
			"error, stands still or is twice off by more than 5 % fails; within 10 % it passes. A kernel without the " +
			"driver, services that kernel or administrator keep away, and what a busy host can explain, are errors.",
		Subject: Platform, Kind: Functional,
		RestsOn: "FW-UEFI-BOOT",
		Clauses: Clauses{
			RFCv2: Clause{Must, "Virtual Firmware", 1},
			V10:   Clause{Must, "Virtual Firmware", 9},
			V20:   Clause{Must, "Virtual Firmware", 9},
		},
		Needs: []string{"efi", "rtc", "kernel"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkRTC,
		Fix:   "Let the firmware's GetTime read a clock that runs; any device of the VM may feed it.",
		Refs:  []string{"EBBR 2.7"},
	},
}

// runtimeSwitchedOff is the problem where runtime services were not used: they
// cannot be judged.
const runtimeSwitchedOff = "the kernel or its command line switches runtime services off"

// switchedOff says why the kernel uses no runtime services, where that was not the
// firmware's doing; empty if it uses them. The kernel's log decides, then its
// configuration and command line.
func switchedOff(f *probes.Facts) string {
	if f.EFI.Runtime == efi.RuntimeDisabled {
		return runtimeSwitchedOff
	}
	if f.EFI.Runtime != efi.RuntimeUnknown || f.Kernel.Has("efi") && slices.Contains(strings.Split(f.Kernel.Value("efi"), ","), "runtime") {
		return ""
	}
	// Kernels for real time do so since 5.10, by an option of its own since 6.0
	// (drivers/firmware/efi/Kconfig).
	own, known := f.Kernel.Set("CONFIG_EFI_DISABLE_RUNTIME")
	realTime, _ := f.Kernel.Set("CONFIG_PREEMPT_RT")
	switch {
	case own == "y":
		return "this kernel switches runtime services off: CONFIG_EFI_DISABLE_RUNTIME"
	case !known && realTime == "y":
		return "this kernel switches runtime services off: CONFIG_PREEMPT_RT"
	case f.Kernel.Config == "":
		return "cannot tell whether the kernel uses runtime services: needs its configuration, or a log that still has its beginning"
	}
	return ""
}

// noUEFI is the problem of every firmware requirement in a guest that was
// booted without UEFI.
const noUEFI = "the guest was not booted through UEFI"

func checkBoot(f *probes.Facts) Finding {
	if !f.EFI.Booted {
		return fail(noUEFI)
	}
	found := []string{fmt.Sprintf("%d-bit UEFI", f.EFI.PlatformSize)}
	if f.EFI.Revision != nil {
		found = []string{fmt.Sprintf("EFI v%s by %s", f.EFI.Revision, f.EFI.Vendor)}
	}
	return pass(found...)
}

func checkVersion(least efi.Revision) func(*probes.Facts) Finding {
	return func(f *probes.Facts) Finding {
		switch {
		case !f.EFI.Booted:
			return fail(noUEFI)
		case f.EFI.Revision == nil:
			return unknown(strings.TrimSuffix("neither the system table nor the kernel's log shows a revision: "+f.EFI.TablesErr, ": "))
		}
		found := fmt.Sprintf("UEFI %s (%s)", f.EFI.Revision, f.EFI.Source)
		if f.EFI.Revision.Less(least) {
			return fail(fmt.Sprintf("UEFI %s is older than %s", f.EFI.Revision, least), found)
		}
		return pass(found)
	}
}

// Bounds on the rate of a clock, in seconds of the clock for each second of the
// counter. The rate is an interval, because the trial measures between two
// readings. The check fails if the whole interval is off by more than 5 %, more
// than once, and passes if all of it lies within 10 %. Anything between means
// that the host was too busy to tell: a loaded host can cause an error, but no
// failure.
const (
	maxRateError = 0.05
	maxRateDoubt = 0.10
)

// offOnce reports whether a clock was off for a while and then right again. A
// host that sets its own clock can cause that.
func offOnce(r *rtc.Facts) bool {
	times := r.Wrong(maxRateError)
	return 0 < times && times < rtc.WrongLeast
}

const offOnceProblem = "too busy to tell: the clock was off once, but not again"

// clockBlacklists are parameters by which an administrator keeps the UEFI clock
// away.
var clockBlacklists = []string{"initcall_blacklist", "module_blacklist", "modprobe.blacklist"}

// noClock says who is to blame if the kernel has no UEFI clock.
func noClock(f *probes.Facts) Finding {
	off := switchedOff(f)
	for _, name := range clockBlacklists {
		if list := f.Kernel.Value(name); strings.Contains(list, "efi_rtc") || strings.Contains(list, "rtc_efi") || strings.Contains(list, "rtc-efi") {
			off = "the kernel's command line keeps the UEFI clock away: " + name + "=" + list
		}
	}
	switch {
	case f.EFI.Crash != "":
		return fail("the firmware crashed in a runtime service: the kernel has no UEFI clock", f.EFI.Crash)
	case f.Kernel.Lacks("CONFIG_RTC_DRV_EFI") != "":
		return unknown(f.Kernel.Lacks("CONFIG_RTC_DRV_EFI"))
	case off != "":
		return unknown(off)
	case f.Kernel.Context == "program":
		return unknown("the kernel has no UEFI clock; the administrator may have unbound it")
	}
	return fail("the firmware's GetTime does not answer: the kernel has no UEFI clock")
}

func checkRTC(f *probes.Facts) Finding {
	clock := f.RTC.UEFI()
	switch {
	case !f.EFI.Booted:
		return fail(noUEFI + ", so it has no UEFI clock")
	case f.EFI.Runtime == efi.RuntimeDisabled:
		return unknown(runtimeSwitchedOff)
	case clock == nil:
		return noClock(f)
	case f.RTC.Watched != "" && f.RTC.Watched != clock.Device:
		return unknown("another clock was watched: " + f.RTC.Watched)
	case f.RTC.Stuck != nil:
		return fail(fmt.Sprintf("the clock stood still for %.1f s", float64(f.RTC.Stuck.Ticks)/float64(f.RTC.Hz)), clock.Name)
	}
	least, most, ok := f.RTC.Rate()
	found := fmt.Sprintf("%s advances between %.3f and %.3f s a second of %s", clock.Name, least, most, f.RTC.Counter)
	switch {
	case !ok && f.RTC.Answered(clock) != "":
		return fail("the firmware's GetTime answers with an error: "+f.RTC.Answered(clock), appendNonEmpty(nil, f.EFI.Crash)...)
	case !ok && f.RTC.TrialErr != "":
		return unreadable(f.RTC.TrialErr)
	case !ok:
		return unknown("the trial saw fewer than two changes of the clock's second")
	case offOnce(f.RTC):
		return unknown(offOnceProblem, found)
	case most < 1-maxRateError || least > 1+maxRateError:
		return fail(fmt.Sprintf("the clock runs between %.3f and %.3f s a second", least, most), found)
	case least < 1-maxRateDoubt || most > 1+maxRateDoubt:
		return unknown(fmt.Sprintf("too busy to tell: between %.3f and %.3f s a second", least, most))
	}
	return pass(found)
}
