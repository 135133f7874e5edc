package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/acpi"
)

// architecture is the chapter "ARM Server Architecture", which version 2.0 alone
// has: what it takes over from SBSA and SBBR, and PSCI, as far as that is not among
// what the platform owes by any text.
var architecture = []Requirement{
	{
		ID: "FW-EL1", Title: "The VM's software starts at EL1, without EL2",
		Asked:    "Virtual firmware is booted in EL1, since EL2 is the hypervisor's and no software in the VM has it.",
		Readings: Readings{V20: by{17}},
		How: "Takes from the kernel's log at which level, or in which mode of AArch32, its CPUs were started, else whether " +
			"KVM found EL2. EL2 fails, and so do several levels. A log that says neither is an error. Firmware hands over the " +
			"level at which it was booted.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{RFCv2: informative, V10: informative, V20: Clause{Should, architectureChapter, 2}},
		Needs:   []string{"cpu"},
		Check:   checkLevel,
		Fix:     "Boot the VM's firmware at EL1; offer EL2 only to a guest that is asked to run VMs itself.",
		Refs:    []string{"SBBR"},
	},
	{
		ID: "HW-ACPI-SBBR", Title: "The ACPI tables that SBBR requires are there",
		Asked: "The VM has the ACPI data that the Server Base Boot Requirements ask for.",
		How: "Looks for the tables that SBBR 1.0 lists: XSDT, FADT, DSDT, MADT, GTDT, DBG2 and SPCR, and MCFG if there is PCI. " +
			"One that is missing or damaged fails, and so do tables older than ACPI 5.1, and a DBG2 or SPCR without a " +
			"port. Skipped if Linux runs by the device tree and cannot see them.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{RFCv2: informative, V10: informative, V20: Clause{Must, architectureChapter, 3}},
		Needs:   []string{"acpi", "pci"},
		Check:   checkSBBR,
		Fix:     "Provide each table that SBBR requires, with the console's port in SPCR and DBG2, and list it in an XSDT.",
		Refs:    []string{"SBBR"},
	},
	{
		ID: "PLAT-PSCI-OFF", Title: "The VM ends when its guest powers off",
		Asked: "A guest shuts its VM down by PSCI. Whoever runs VMs waits for them to end after that.",
		How: "The guest cannot tell. The host passes it if the VM ended after the kernel's last message, and fails it if the " +
			"VM went on or a signal killed the VMM.",
		Subject: Platform, Kind: Functional, Untested: ReasonHost,
		Clauses: Clauses{RFCv2: informative, V10: informative, V20: Clause{Must, architectureChapter, 4}},
		Fix:     "Let PSCI's SYSTEM_OFF end the VM and its VMM.",
		Refs:    []string{"PSCI 1.3 5.10"},
	},
	{
		ID: "PLAT-PSCI-RESET", Title: "The VM boots again when its guest reboots",
		Asked: "A guest reboots by PSCI, and its VM starts again.",
		How: "One boot cannot tell. The host judges it by a boot that ended in a reboot (vmspec.after=reboot): whether the " +
			"VM came back.",
		Subject: Platform, Kind: Functional, Untested: ReasonReboot,
		Clauses: Clauses{RFCv2: informative, V10: informative, V20: Clause{Must, architectureChapter, 4}},
		Fix:     "Let PSCI's SYSTEM_RESET start the VM again, in the same VMM.",
		Refs:    []string{"PSCI 1.3 5.11"},
	},
}

const architectureChapter = "ARM Server Architecture"

// bySBSA is for what SBSA or SBBR ask and a guest can see: version 2.0 strongly
// suggests to follow them, and no other text asks it.
func bySBSA() Clauses {
	return Clauses{RFCv2: informative, V10: informative, V20: Clause{StronglyRecommended, architectureChapter, 1}}
}

// asSBSA is the reading by which that is asked.
var asSBSA = Readings{V20: by{16}}

func checkLevel(f *probes.Facts) Finding {
	l := &f.CPU.Level
	switch {
	case l.Err != "":
		return unreadable(l.Err)
	case l.Started == "EL1":
		return pass("EL1", l.Said)
	case l.Started == "EL2":
		return fail("the kernel was started at EL2, so the VM has it", l.Said)
	case l.Started != "":
		return fail("the CPUs were started at different levels", l.Said)
	case !l.Whole:
		return unknown("needs a kernel log that still has its beginning")
	}
	return unknown("the kernel does not say at which level it was started")
}

// sbbrTables are those that SBBR 1.0 requires of every machine (DEN0044B, section
// 4.2.1), by Linux's names, but for the XSDT, which lists them.
var sbbrTables = []string{"FACP", "DSDT", "APIC", "GTDT", "DBG2", "SPCR"}

func checkSBBR(f *probes.Facts) Finding {
	a := f.ACPI
	if !a.Present {
		return skip(reasonByTree)
	}
	required := sbbrTables
	if len(f.PCI.Functions) > 0 {
		required = append(slices.Clone(required), "MCFG")
	}
	var wrong []string
	follows := "HW-ACPI-BOOT" // of nothing but what that fails, too
	for _, name := range required {
		problem := ""
		switch {
		case !slices.Contains(a.Tables, name):
			problem = "there is no " + name
		case a.Damaged[name] != "":
			problem = "the table " + name + " is damaged: " + a.Damaged[name]
		default:
			continue
		}
		if wrong = append(wrong, problem); !slices.Contains(bootTables, name) && a.Damaged[name] == "" {
			follows = ""
		}
	}
	if more := sbbrContent(a); len(more) > 0 {
		wrong, follows = append(wrong, more...), ""
	}
	found := append(appendNonEmpty(nil, a.Root.Table), "tables "+strings.Join(a.Tables, " "))
	switch {
	case len(wrong) > 0:
		return Finding{Verdict: Fail, Problem: strings.Join(wrong, "; "), Found: found, Follows: follows}
	case len(a.Unread) > 0:
		return unreadable(firstOf(a.Unread), found...)
	case a.Root.Table == "":
		return unknown("cannot tell whether an XSDT lists the tables: needs a kernel log that still has its beginning", found...)
	}
	return pass(found...)
}

// sbbrContent says what is wrong with tables that are there and sound.
func sbbrContent(a *acpi.Facts) (wrong []string) {
	for _, part := range []struct {
		wrong   bool
		problem string
	}{
		{a.Root.Table == "RSDT", "an RSDT lists the tables, and no XSDT"},
		{a.Root.Table == "XSDT" && a.Root.Revision < 2, fmt.Sprintf("the RSDP is of revision %d, and 2 has an XSDT", a.Root.Revision)},
		{a.FADT != nil && (a.FADT.Major < 5 || a.FADT.Major == 5 && a.FADT.Minor < 1), "the FADT is older than ACPI 5.1, the first for Arm"},
		{a.SPCR != nil && a.SPCR.Address == 0, "the SPCR has no port"},
		{a.DBG2 != nil && len(a.DBG2.Serial) == 0, "the DBG2 has no serial port"},
	} {
		if part.wrong {
			wrong = append(wrong, part.problem)
		}
	}
	return wrong
}
