package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/cpu"
)

// platform is the chapter "VM Platform", as far as it is about CPUs, memory,
// devices in general and power. The heading of its list of peripherals says
// must, some items say should: the heading counts.
var platform = []Requirement{
	{
		ID: "PLAT-CPU-ENUM", Title: "The description enumerates the CPUs",
		Asked:    "The guest finds all of the VM's CPUs by the hardware description.",
		Readings: Readings{RFCv2: by{4, 9}, V10: by{4, 9}, V20: by{4}},
		How: "Compares the CPUs that the description enables with those that Linux has, and has online. Other numbers fail; a " +
			"CPU that the MADT calls online capable may be offline or absent, and a disabled one in the tree is a CPU. Limits " +
			"of the kernel or its command line, a busy host, and CPUs that somebody may have switched off are errors.",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{Must, "VM Platform", 1}),
		Needs:   []string{"cpu", "kernel", "acpi", "fdt"},
		Check:   checkCPUs,
		Fix:     "Describe exactly the CPUs that the VM has, and start each by the method it declares.",
	},
	{
		ID: "PLAT-MEM-ENUM", Title: "The description enumerates the memory",
		Asked:    "The guest finds all of the VM's memory by the hardware description.",
		Readings: everyText(by{4, 9}),
		How: "Fails if Linux uses RAM that no memory node of the device tree covers, or lacks RAM that one describes and " +
			"nothing reserves; a limit on memory is an error. Under ACPI without such nodes Linux has what UEFI's map " +
			"shows: it passes if the kernel's log shows the RAM that it began with, else it is an error. ACPI's memory " +
			"devices that the kernel cannot use are named. Hidden addresses are an error.",
		Subject: Platform, Kind: Evidence,
		Clauses: everywhere(Clause{Must, "VM Platform", 1}),
		Needs:   []string{"memory", "acpi", "efi", "fdt", "kernel"},
		Check:   checkMemory,
		Fix:     "Let the memory nodes of the device tree cover all of the VM's RAM, and nothing else; reserve there what the firmware keeps.",
	},
	{
		ID: "PLAT-DEV-ENUM", Title: "Devices are described or on a bus that enumerates",
		Asked:    "The guest finds all devices by the hardware description, or on a bus that enumerates them, such as PCI.",
		Readings: Readings{RFCv2: by{4, 9}, V10: by{4, 9}, V20: by{4}},
		How: "Looks at the platform and AMBA buses of Linux. A device that uses registers and that neither the device tree nor" +
			" ACPI describes fails, unless the driver of a described device made it; one that the command line declares is an " +
			"error. PCI, virtio and Xen devices are counted only. Skipped if there is no device at all; addresses that are " +
			"hidden are an error.",
		Subject: Platform, Kind: Evidence,
		Clauses: everywhere(Clause{Must, "VM Platform", 1}),
		Needs:   []string{"device", "pci", "virtio", "xen", "acpi", "kernel"},
		Check:   checkDevices,
		Fix:     "Describe each device in the device tree, or put it on PCI or the Xen bus.",
	},
	{
		ID: "PLAT-AARCH32", Title: "The VM can be booted in AArch32 at EL1",
		Asked: "Where the physical CPUs have AArch32 at EL1, a VM can be booted in AArch32 as well as in AArch64.",
		How: "A boot of a 32-bit kernel passes. Any other is skipped: a guest in AArch64 cannot see what its CPU has at EL1. " +
			"vmspec merge asks all boots; the host says if its processor has none.",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{Recommended, "VM Platform", 2}),
		Needs:   []string{"kernel"},
		Check:   checkAArch32,
		Fix:     "Where the physical CPU has AArch32 at EL1, let a VM start in it.",
	},
	{
		ID: "PLAT-PSCI", Title: "CPUs and power are controlled by PSCI 0.2 or newer",
		Asked: "The hypervisor implements PSCI 0.2 or newer, by which guests start CPUs, power off and reboot.",
		How: "Takes the version from debugfs or the kernel's log. None, an error code in its place, or one under 0.2 " +
			"fails, and so do CPUs that something else starts, or of which PSCI started none. If neither source can " +
			"tell, it is an error.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{RFCv2: informative, V10: informative, V20: Clause{Must, architectureChapter, 4}},
		Needs:   []string{"psci", "cpu", "kernel"}, Kernel: []string{"CONFIG_ARM_PSCI_FW"},
		Check: checkPSCI,
		Fix:   "Implement PSCI 0.2 or newer and describe it.",
	},
}

// checkAArch32 cannot fail: a VM that cannot be booted in AArch32 shows nothing. The
// suite can be a 32-bit program of a 64-bit kernel.
func checkAArch32(f *probes.Facts) Finding {
	if f.Kernel.Arch != "arm" { // to look into the configuration takes long
		return skip(ReasonAArch32)
	}
	if set, _ := f.Kernel.Set("CONFIG_ARM"); set != "y" {
		return skip(ReasonAArch32)
	}
	return pass("Linux " + f.Kernel.Release + " runs in AArch32")
}

// whyNotDescribed is the requirement that a description without CPUs fails.
func whyNotDescribed(f *probes.Facts) string {
	if f.ACPI.Present {
		return "HW-ACPI-BOOT"
	}
	return "HW-FDT-BOOT"
}

// limitsCPUs are parameters of the kernel that keep CPUs from it, or from coming up.
var limitsCPUs = []string{"maxcpus", "nr_cpus", "nosmp", "nosmt"}

func commandLineLimitsCPUs(f *probes.Facts) bool {
	return slices.ContainsFunc(limitsCPUs, f.Kernel.Has) || strings.Contains(f.Kernel.Value("mitigations"), "nosmt")
}

// checkCPUs counts a CPU that is online capable as declared. Kernels before 6.11 do
// not list it, and in any kernel it may be offline.
func checkCPUs(f *probes.Facts) Finding {
	if f.CPU.DeclaredErr != "" {
		return unreadable(f.CPU.DeclaredErr)
	}
	enabled, capable := f.CPU.Enabled(), f.CPU.OnlineCapable()
	declared, present, down := enabled+capable, len(f.CPU.Present), downCPUs(f)
	found := fmt.Sprintf("%s declared by %s, %d present, %d online", count(declared, "CPU"), f.CPU.Source, present, len(f.CPU.Online))
	if capable > 0 {
		found += fmt.Sprintf("; %d of them need not be: online capable", capable)
	}
	there := present == declared || present == enabled
	forbidden := f.CPU.Ready != nil && len(f.CPU.Ready) < enabled
	switch {
	case declared > 0 && there && down == 0 && !forbidden:
		return pass(found)
	case commandLineLimitsCPUs(f):
		return unknown("the kernel's command line limits the CPUs", found)
	case enabled > f.CPU.Most:
		return unknown(fmt.Sprintf("this kernel supports at most %s", count(f.CPU.Most, "CPU")), found)
	case declared == 0:
		return failSince(whyNotDescribed(f), "the description names no CPU", found)
	case !there && isDamaged(f):
		return failSince(whyNotDescribed(f), fmt.Sprintf("of the damaged %s, %s could be read, Linux has %d", describedBy(f), count(declared, "CPU"), present), found)
	case !there:
		return fail(fmt.Sprintf("the %s enables %s, Linux has %d", describedBy(f), count(declared, "CPU"), present), found)
	}
	return offlineProblem(f, down, found)
}

// downCPUs counts the CPUs that are enabled and offline. Where the kernel does not
// say which are enabled, those that are online capable may be the ones.
func downCPUs(f *probes.Facts) int {
	if f.CPU.Ready == nil && len(f.CPU.Present) == f.CPU.Enabled()+f.CPU.OnlineCapable() {
		return max(0, f.CPU.Enabled()-len(f.CPU.Online))
	}
	return len(f.CPU.Down())
}

// offlineProblem judges CPUs that are there and not online.
func offlineProblem(f *probes.Facts, down int, found string) Finding {
	switch {
	case f.CPU.Offline.Lost():
		return unknown("CPUs are offline, maybe because a trial hung", found)
	case f.Kernel.Context != "pid1":
		return unknown("CPUs are offline; the administrator may want that", found)
	case down == 0:
		return fail(fmt.Sprintf("the %s enables %s, the kernel may start %d", describedBy(f), count(f.CPU.Enabled(), "CPU"), len(f.CPU.Ready)), found)
	case len(f.CPU.Late) >= down: // a busy host can cause that
		return unknown("too busy to tell: the kernel started "+count(len(f.CPU.Late), "CPU")+", but did not wait long enough", found)
	}
	return fail(fmt.Sprintf("%d of %d CPUs did not come up", down, len(f.CPU.Present)), found)
}

// isDamaged reports whether the description of the CPUs is only what could be read.
func isDamaged(f *probes.Facts) bool {
	if f.CPU.Source == "acpi" {
		return f.ACPI.Damaged["APIC"] != ""
	}
	return f.FDT.Broken != ""
}

// describedBy names the description that Linux takes its CPUs and its GIC from.
func describedBy(f *probes.Facts) string {
	if f.CPU.Source == "acpi" {
		return "MADT"
	}
	return "device tree"
}

// checkDevices asks of each device what HW-FDT-COMPLETE and HW-ACPI-COMPLETE ask of
// all registers. The same rule decides whose device it is.
func checkDevices(f *probes.Facts) Finding {
	if f.Device.IomemErr != "" {
		return unreadable(f.Device.IomemErr)
	}
	described := 0
	for _, d := range f.Device.Devices {
		if d.Node != "" {
			described++
		}
	}
	all := described + len(f.PCI.Functions) + len(f.Virtio) + len(f.Xen.Devices)
	t := tally{found: []string{fmt.Sprintf("%s described, %s, %s, %s", count(described, "device"),
		count(len(f.PCI.Functions), "PCI function"), count(len(f.Virtio), "virtio device"), count(len(f.Xen.Devices), "Xen device"))}}
	t.addStrays(f, "neither the device tree nor ACPI describes")
	if all == 0 && len(t.wrong)+len(t.doubt) == 0 {
		return skip(ReasonNoDevice)
	}
	finding := t.conclude(f)
	finding.Follows = "HW-FDT-COMPLETE"
	if f.ACPI.Present {
		finding.Follows = "HW-ACPI-COMPLETE"
	}
	return finding
}

func checkPSCI(f *probes.Facts) Finding {
	major, minor, err := cpu.Number(f.PSCI.Version)
	switch {
	case f.PSCI.Refused != "":
		return fail("PSCI_VERSION answers with the error "+f.PSCI.Refused, f.PSCI.Method)
	case f.PSCI.Version == "" && !f.PSCI.Whole:
		return unknown("needs debugfs, or a kernel log that still has its beginning")
	case f.PSCI.Version == "":
		return fail("the kernel found no PSCI")
	case err != nil:
		return unknown("PSCI " + f.PSCI.Version + " is no version")
	case major == 0 && minor < 2:
		return fail(fmt.Sprintf("PSCI %d.%d is older than 0.2", major, minor))
	}
	return checkStarted(f, strings.TrimSpace("PSCI "+f.PSCI.Version), f.PSCI.Method)
}

// checkStarted judges whether it was PSCI that started the other CPUs.
func checkStarted(f *probes.Facts, found ...string) Finding {
	var others []string
	for _, c := range f.CPU.Declared {
		// HW-FDT-CPUS fails a method that no kernel knows.
		if c.EnableMethod == "spin-table" || strings.Contains(c.EnableMethod, ",") {
			others = append(others, c.Name+" by "+c.EnableMethod)
		}
	}
	switch {
	case len(others) > 0 && f.CPU.Enabled() > 1:
		return fail("CPUs are started by another method: "+strings.Join(others, ", "), found...)
	case f.CPU.DeclaredErr != "" && len(f.CPU.Online) < 2:
		return unreadable(f.CPU.DeclaredErr, found...)
	case f.CPU.Enabled() < 2, len(f.CPU.Online) > 1:
		return pass(found...)
	}
	// PLAT-CPU-ENUM says why no other CPU is online.
	enumerated := Requirement{Check: checkCPUs}
	switch enumerated.checkSafely(f, func(string) error { return nil }).Verdict {
	case Pass:
		return pass(found...)
	case Fail:
		return failSince("PLAT-CPU-ENUM", "PSCI started no other CPU", found...)
	}
	return unknown("no other CPU is online, so none was started by PSCI", found...)
}
