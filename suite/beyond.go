package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
)

// beyond is what the texts do not ask and people want to know: told, and
// never counted against anybody. The rules of other documents that ask it are
// named beside each.
var beyond = []Requirement{
	{
		ID: "HW-ACPI-BOOT", Title: "The ACPI tables are sound and enough to boot by",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{RFCv2: informative, V10: informative, V20: Clause{Must, "Hardware Description", 3}},
		Needs:   []string{"acpi"},
		Check:   checkACPI,
		Fix:     "Provide the tables that Linux boots by: FADT, MADT, GTDT and DSDT, with right lengths and checksums.",
		Refs:    []string{"SBBR"},
	},
	{
		ID: "HW-STDOUT", Title: "The description names the console",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"acpi", "fdt"},
		Check: checkStdout,
		Fix:   "Name the console in /chosen/stdout-path, or under ACPI in the SPCR, so that a kernel needs no console=.",
		Refs:  []string{"EBBR 2.4", "SBBR"},
	},
	{
		ID: "PLAT-COUNTER-RATE", Title: "The counter runs at 10 MHz or more",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"timer"},
		Check: checkCounterRate,
		Fix:   "Let the counter run at 10 MHz or more, and CNTFRQ say so.",
		Refs:  []string{"B_TIME_02", "V_L1TM_02"},
	},
	{
		ID: "PLAT-PCI-MSI", Title: "PCIe devices interrupt by messages",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"gic", "pci"},
		Check: checkMSI,
		Fix:   "With PCIe give a GICv2 a v2m frame and a GICv3 an ITS.",
		Refs:  []string{"B_GIC_02", "B_GIC_03", "V_L1GI_01"},
	},
	{
		ID: "PLAT-VIRTIO-MODERN", Title: "Every virtio device is of virtio 1.0 or newer",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"virtio"},
		Check: checkVirtioModern,
		Fix:   "Offer VIRTIO_F_VERSION_1, in QEMU by virtio-mmio.force-legacy=off, on PCI by disable-modern=off.",
	},
	{
		ID: "PLAT-SMCCC", Title: "The SMC Calling Convention is 1.1 or newer",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"psci"}, Kernel: []string{"CONFIG_ARM_PSCI_FW"},
		Check: checkSMCCC,
		Fix:   "Implement SMCCC_VERSION and let PSCI_FEATURES say so.",
	},
	{
		ID: "PLAT-PSCI-OFF", Title: "The VM ends when its guest powers off",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(), Untested: ReasonHost,
		Fix:  "Let PSCI's SYSTEM_OFF end the VM and its VMM.",
		Refs: []string{"PSCI 1.3 5.10"},
	},
	{
		ID: "PLAT-TPM", Title: "The TPM is of version 2.0 with a SHA-256 bank",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"tpm"},
		Check: checkTPM,
		Fix:   "Give the VM a TPM 2.0 and allocate its SHA-256 PCR bank.",
	},
	{
		ID: "FW-SMBIOS", Title: "The firmware has SMBIOS 3.0 tables or newer",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"smbios"},
		Check: checkSMBIOS,
		Fix:   "Install SMBIOS tables with a 64-bit entry point under SMBIOS3_TABLE_GUID.",
		Refs:  []string{"SBBR"},
	},
}

// informative is the clause of what is told and not asked.
var informative = Clause{Level: Info}

// toldEverywhere is for what is only told.
func toldEverywhere() Clauses { return everywhere(informative) }

// bootTables are what Linux cannot boot an ARM machine without
// (Documentation/arch/arm64/arm-acpi.rst).
var bootTables = []string{"FACP", "APIC", "GTDT", "DSDT"}

func checkACPI(f *probes.Facts) Finding {
	a := f.ACPI
	if !a.Present {
		return skip(ReasonNoACPI)
	}
	for _, name := range bootTables {
		if problem, damaged := a.Damaged[name]; damaged {
			return unknown(fmt.Sprintf("read table %s: %s", name, problem))
		}
	}
	var wrong []string
	for _, name := range bootTables {
		if !slices.Contains(a.Tables, name) {
			wrong = append(wrong, "there is no "+name)
		}
	}
	if a.FADT != nil && !a.FADT.HardwareReduced {
		wrong = append(wrong, "the FADT does not say that the hardware is reduced")
	}
	if a.FADT != nil && !a.FADT.PSCI && a.MADT != nil && len(a.MADT.CPUs) > 1 {
		wrong = append(wrong, "the FADT names no PSCI to start CPUs by")
	}
	if a.GTDT != nil && a.GTDT.Virtual == 0 {
		wrong = append(wrong, "the GTDT names no interrupt of the virtual timer")
	}
	found := "tables " + strings.Join(a.Tables, " ")
	if len(wrong) > 0 {
		return fail(strings.Join(wrong, "; "), found)
	}
	return pass(fmt.Sprintf("ACPI %d.%d", a.FADT.Major, a.FADT.Minor), found)
}

func checkStdout(f *probes.Facts) Finding {
	if f.ACPI.Present {
		problem, damaged := f.ACPI.Damaged["SPCR"]
		switch {
		case damaged:
			return unknown("read table SPCR: " + problem)
		case f.ACPI.SPCR == nil:
			return fail("there is no SPCR", f.ACPI.Console())
		}
		return pass(f.ACPI.Console())
	}
	switch {
	case f.FDT.Empty():
		return skip(ReasonNoTree)
	case f.FDT.Stdout == "":
		return fail("/chosen has no stdout-path")
	case f.FDT.StdoutNode == "":
		return fail("no enabled node at stdout-path " + f.FDT.Stdout)
	}
	return pass("stdout-path " + f.FDT.StdoutNode)
}

// counterLeast is BSA's rule B_TIME_02, in Hz.
const counterLeast = 10_000_000

func checkCounterRate(f *probes.Facts) Finding {
	switch {
	case f.Timer.Frequency == nil:
		return unknown(f.Timer.CounterErr)
	case *f.Timer.Frequency == 0:
		return unknown("CNTFRQ does not say at how many Hz the counter runs")
	}
	found := fmt.Sprintf("CNTFRQ %d Hz", *f.Timer.Frequency)
	if *f.Timer.Frequency < counterLeast {
		return fail(fmt.Sprintf("the counter runs at %d Hz, under 10 MHz", *f.Timer.Frequency), found)
	}
	return pass(found)
}

func checkMSI(f *probes.Facts) Finding {
	switch {
	case len(f.PCI.Functions) == 0:
		return skip(ReasonNoDevice)
	case f.GIC.MSI != "":
		return pass(f.GIC.MSI + " is declared")
	case f.GIC.Declared.Err != "":
		return unknown(f.GIC.Declared.Err)
	case f.GIC.Declared.Version == 0:
		return skip(ReasonNoGIC)
	}
	return fail("the VM has PCI, and neither a GICv2m frame nor an ITS is declared", count(len(f.PCI.Functions), "PCI function"))
}

// driverOK is the bit of a device's status that a bound driver sets: Virtual
// I/O Device 1.2, section 2.1.
const driverOK = 4

func checkVirtioModern(f *probes.Facts) Finding {
	if len(f.Virtio) == 0 {
		return skip(ReasonNoDevice)
	}
	var legacy, modern []string
	for _, d := range f.Virtio {
		switch {
		case d.Status&driverOK == 0: // nothing was negotiated
		case d.Modern:
			modern = append(modern, d.String())
		default:
			legacy = append(legacy, d.String())
		}
	}
	switch {
	case len(legacy) > 0:
		return fail("legacy: "+strings.Join(legacy, ", "), modern...)
	case len(modern) == 0:
		return unknown("no virtio device has a driver in this kernel")
	}
	return pass(modern...)
}

func checkSMCCC(f *probes.Facts) Finding {
	switch {
	case f.PSCI.SMCCC == "" && !f.PSCI.Whole:
		return unknown("neither debugfs nor the beginning of the kernel's log could be read")
	case f.PSCI.SMCCC == "":
		return fail("the kernel found no SMC Calling Convention")
	case f.PSCI.SMCCC == "1.0":
		return fail("SMCCC 1.0 is older than 1.1")
	}
	return pass("SMCCC " + f.PSCI.SMCCC)
}

func checkTPM(f *probes.Facts) Finding {
	t := f.TPM
	switch {
	case !t.Present:
		return skip(ReasonNoDevice)
	case t.Version != "" && t.Version != "2.0":
		return fail("the TPM is of version " + t.Version)
	case t.TrialErr != "":
		return unknown(t.TrialErr)
	}
	found := fmt.Sprintf("TPM %s by %s, banks %s, %d bytes of event log", t.Family, t.Manufacturer, strings.Join(t.Active(), " "), t.EventLog)
	if !slices.Contains(t.Active(), "sha256") {
		return fail("the SHA-256 bank is off", found)
	}
	return pass(found)
}

func checkSMBIOS(f *probes.Facts) Finding {
	s := f.SMBIOS
	switch {
	case !s.Present:
		return skip(ReasonNoDevice)
	case s.TablesErr != "":
		return unknown(s.TablesErr)
	case s.Version == "":
		return unknown("the tables are hidden from other users than root")
	}
	found := fmt.Sprintf("SMBIOS %s of %s, %s", s.Version, s.SystemVendor, s.BIOSVendor)
	if s.Entry != 64 {
		return fail("the entry point is a 32-bit one, of before SMBIOS 3.0", found)
	}
	return pass(found)
}
