package suite

import (
	"fmt"
	"strings"

	"vmspec/probes"
	"vmspec/probes/efi"
	"vmspec/probes/rtc"
)

// firmware is the chapter "Virtual Firmware".
var firmware = []Requirement{
	{
		ID: "FW-UEFI-BOOT", Title: "The VM boots through UEFI firmware",
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
		Subject: Platform, Kind: Evidence, Untested: ReasonHost,
		Clauses: everywhere(Clause{Recommended, "Virtual Firmware", 2}),
		Fix:     "Start the VM with UEFI firmware at its reset vector, and not through another loader.",
	},
	{
		ID: "FW-UEFI-VERSION", Title: "The firmware implements UEFI 2.4 or newer",
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
		Subject: Platform, Kind: Evidence,
		RestsOn: "FW-UEFI-BOOT",
		Clauses: Clauses{V20: Clause{Should, "Virtual Firmware", 3}},
		Needs:   []string{"efi"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkVersion(efi.Revision{Major: 2, Minor: 60}),
		Fix:   "Update the firmware to one that reports UEFI 2.6 or newer.",
	},
	{
		ID: "FW-ENV-PERSIST", Title: "The firmware's settings survive a power-off",
		Subject: Platform, Kind: Functional, Untested: ReasonTwoBoots,
		Clauses: everywhere(Clause{StronglyRecommended, "Virtual Firmware", 4}),
		Fix:     "Keep the firmware's settings, such as its boot order, with the VM when it is off.",
	},
	{
		ID: "FW-VAR-RUNTIME", Title: "UEFI variables can be set by the running guest",
		Subject: Platform, Kind: Evidence,
		RestsOn: "FW-UEFI-BOOT",
		Clauses: Clauses{
			RFCv2: Clause{StronglyRecommended, "Virtual Firmware", 5},
			V10:   Clause{StronglyRecommended, "Virtual Firmware", 5},
			V20:   Clause{StronglyRecommended, "Virtual Firmware", 5},
		},
		Needs: []string{"efi", "kernel"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkVariables,
		Fix:   "Give the VM a variable store of its own and keep SetVariable working after ExitBootServices.",
		Refs:  []string{"EBBR 2.7"},
	},
	{
		ID: "FW-VAR-PERSIST", Title: "UEFI variables survive a power-off",
		Subject: Platform, Kind: Functional, Untested: ReasonTwoBoots,
		Clauses: everywhere(Clause{StronglyRecommended, "Virtual Firmware", 5}),
		Fix:     "Back the variable store with a file that outlives the VMM's process.",
	},
	{
		ID: "FW-VAR-INSTANCE", Title: "UEFI variables are the VM's own",
		Subject: Platform, Kind: Functional, Untested: ReasonTwoBoots,
		Clauses: everywhere(Clause{Must, "Virtual Firmware", 6}),
		Fix:     "Give each VM a variable store of its own, apart from its disks.",
	},
	{
		ID: "FW-RTC", Title: "The UEFI clock advances one second a second",
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
			return unknown("neither the system table nor the kernel's log shows a revision: " + f.EFI.TablesErr)
		}
		found := fmt.Sprintf("UEFI %s (%s)", f.EFI.Revision, f.EFI.Source)
		if f.EFI.Revision.Less(least) {
			return fail(fmt.Sprintf("UEFI %s is older than %s", f.EFI.Revision, least), found)
		}
		return pass(found)
	}
}

func checkVariables(f *probes.Facts) Finding {
	e := f.EFI
	switch {
	case !e.Booted:
		return fail(noUEFI)
	case e.Runtime == efi.RuntimeDisabled:
		return unknown(runtimeSwitchedOff)
	case e.Runtime == efi.RuntimeOff:
		return fail("the kernel could not use the firmware's runtime services")
	case e.VariableErr != "":
		return unreadable(e.VariableErr)
	case e.Variables == "ro" && f.Kernel.Context != "pid1":
		return unknown("efivarfs is mounted read-only; the administrator may want that")
	case e.Variables == "ro":
		return fail("efivarfs is read-only: the firmware has no SetVariable at run time")
	case e.Variables == "" && f.Kernel.Lacks("CONFIG_EFIVAR_FS") != "":
		return unknown(f.Kernel.Lacks("CONFIG_EFIVAR_FS"))
	// The kernel answers so if the firmware has none (fs/efivarfs/super.c).
	case strings.HasSuffix(e.MountErr, "operation not supported"), strings.HasSuffix(e.MountErr, "no such device"):
		return fail("no variable services at run time: " + e.MountErr)
	case e.MountErr != "":
		return unreadable(e.MountErr)
	case e.Variables == "":
		return unknown("efivarfs is not mounted")
	case creationRefused(e.Trial):
		return fail("a variable could not be created: " + e.Trial.Result("create"))
	}
	return pass(fmt.Sprintf("efivarfs is writable and lists %d variables", e.Names))
}

// creationRefused reports whether creation failed for a reason other than lack
// of space.
func creationRefused(t efi.Trial) bool {
	result := t.Result("create")
	return result != "" && result != "ok" && !isLocalError(result) && !strings.HasPrefix(result, "ENOSPC ")
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

func checkRTC(f *probes.Facts) Finding {
	clock := f.RTC.UEFI()
	switch {
	case !f.EFI.Booted:
		return fail(noUEFI + ", so it has no UEFI clock")
	case f.EFI.Runtime == efi.RuntimeDisabled:
		return unknown(runtimeSwitchedOff)
	case clock == nil && f.Kernel.Lacks("CONFIG_RTC_DRV_EFI") != "":
		return unknown(f.Kernel.Lacks("CONFIG_RTC_DRV_EFI"))
	case clock == nil:
		return fail("the firmware's GetTime does not answer: the kernel has no UEFI clock")
	case f.RTC.Watched != "" && f.RTC.Watched != clock.Device:
		return unknown("another clock was watched: " + f.RTC.Watched)
	case f.RTC.Stuck != nil:
		return fail(fmt.Sprintf("the clock stood still for %.1f s", float64(f.RTC.Stuck.Ticks)/float64(f.RTC.Hz)), clock.Name)
	}
	least, most, ok := f.RTC.Rate()
	found := fmt.Sprintf("%s advances between %.3f and %.3f s a second of %s", clock.Name, least, most, f.RTC.Counter)
	switch {
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
