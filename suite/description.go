package suite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/acpi"
	"vmspec/probes/efi"
	"vmspec/probes/fdt"
)

// description is the chapter "Hardware Description".
var description = []Requirement{
	{
		ID: "FW-UEFI-SYSTAB", Title: "The UEFI system table leads to the description",
		Asked:    "The UEFI system table leads to the data that describe the hardware.",
		Readings: everyText(by{7}),
		How: "Passes if the configuration table lists a device tree or ACPI 2.0 tables. If it cannot be read, what Linux or " +
			"its EFI stub found there counts. A table with neither fails, and so does a boot without UEFI; if nothing is " +
			"known it is an error.",
		Subject: Platform, Kind: Evidence,
		RestsOn: "FW-UEFI-BOOT",
		Clauses: Clauses{
			RFCv2: Clause{Must, "Hardware Description", 1},
			V10:   Clause{Must, "Hardware Description", 1},
			V20:   Clause{Must, "Hardware Description", 1},
		},
		Needs: []string{"efi", "fdt"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkSystab,
		Fix:   "Let the firmware hand the kernel a valid EFI_SYSTEM_TABLE with its configuration table.",
	},
	{
		ID: "HW-FDT-UEFI", Title: "UEFI hands over a device tree",
		Asked:    "The firmware provides a device tree by UEFI.",
		Readings: Readings{RFCv2: by{18}, V10: by{18}, V20: by{5, 18}},
		How: "Passes if the configuration table lists a device tree and the kernel's is not empty. If the table cannot be " +
			"read, a tree that the EFI stub passed on counts, unless dtb= names another: that is an error. No entry, an empty" +
			" tree or no UEFI fails. A boot loader is named where it shows.",
		Subject: Platform, Kind: Evidence,
		RestsOn: "FW-UEFI-BOOT",
		Clauses: Clauses{
			RFCv2: Clause{Must, "Hardware Description", 2},
			V10:   Clause{Must, "Hardware Description", 2},
			V20:   Clause{Must, "Hardware Description", 2},
		},
		Needs: []string{"efi", "fdt", "kernel"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkTreeByUEFI,
		Fix:   "Install the device tree in the UEFI configuration table under DEVICE_TREE_GUID.",
		Refs:  []string{"EBBR 2.4"},
	},
	{
		ID: "HW-ACPI-UEFI", Title: "UEFI hands over ACPI tables",
		Asked:    "The UEFI configuration table has an entry for ACPI, beside the one for the device tree.",
		Readings: Readings{V20: by{5, 14}},
		How: "Passes if the configuration table, or the kernel's list of it, has ACPI_20_TABLE_GUID. A table without it fails," +
			" and so does a boot without UEFI; one that cannot be read is an error, and so is one that the kernel's list contradicts.",
		Subject: Platform, Kind: Evidence,
		RestsOn: "FW-UEFI-BOOT",
		Clauses: Clauses{V20: Clause{Must, "Hardware Description", 2}},
		Needs:   []string{"efi"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkACPIByUEFI,
		Fix:   "Install the RSDP in the UEFI configuration table under ACPI_20_TABLE_GUID, beside the device tree.",
	},
	{
		ID: "HW-FDT-BOOT", Title: "The device tree is sound and enough to boot by",
		Asked: "Mainline kernels can boot by the device tree.",
		How: "Looks for a root compatible, CPUs and how they start, memory, timer, an interrupt controller, /chosen, a console, " +
			"and PSCI if a CPU's enable-method asks it. What is missing is named and fails, also under ACPI, and so does a " +
			"tree that Linux cannot read.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{
			RFCv2: Clause{Must, "Hardware Description", 2},
			V10:   Clause{Must, "Hardware Description", 2},
			V20:   Clause{Must, "Hardware Description", 3},
		},
		Needs: []string{"fdt", "kernel"},
		Check: checkTree,
		Fix:   "Complete the device tree with what is missing, by the bindings in Linux.",
		Refs:  []string{"EBBR 2.4"},
	},
	{
		ID: "HW-FDT-ALONE", Title: "The kernel runs by the device tree alone",
		Asked: "Mainline kernels run by the device tree and need nothing beside it.",
		How: "Passes if Linux shows no ACPI tables, and its device tree is not empty. Running by ACPI beside an " +
			"empty tree fails; beside a full one, which was not tried, it is skipped. ACPI that the command line chose is an " +
			"error.",
		Subject: Platform, Kind: Functional,
		RestsOn: "HW-FDT-UEFI",
		Clauses: Clauses{
			RFCv2: Clause{Must, "Hardware Description", 2},
			V10:   Clause{Must, "Hardware Description", 2},
		},
		Needs: []string{"fdt", "acpi", "kernel"},
		Check: checkTreeAlone,
		Fix:   "Give the VM a complete device tree and no ACPI tables, with QEMU by -machine acpi=off.",
	},
	{
		ID: "HW-ACPI-BOOT", Title: "The ACPI tables are sound and enough to boot by",
		Asked: "Kernels can boot by the ACPI tables that the VM has.",
		How: "Looks for FADT, MADT, GTDT and DSDT, the flag HW_REDUCED_ACPI, PSCI for several CPUs that are enabled or can be, unless " +
			"they are parked, and the virtual timer's interrupt. What is missing fails, and so does any table of which length or checksum is wrong; what could be read of it is " +
			"judged. Skipped if Linux runs by the device tree.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{RFCv2: informative, V10: informative, V20: Clause{Must, "Hardware Description", 3}},
		Needs:   []string{"acpi"},
		Check:   checkACPI,
		Fix:     "Provide the tables that Linux boots by: FADT, MADT, GTDT and DSDT, with right lengths and checksums.",
		Refs:    []string{"SBBR"},
	},
}

func checkSystab(f *probes.Facts) Finding {
	e := f.EFI
	switch {
	case !e.Booted:
		return fail(noUEFI)
	case e.Describes():
		return pass(fmt.Sprintf("%d configuration tables; one is a hardware description", len(e.Tables)))
	case e.TablesErr == "" && len(e.Tables) == 0:
		return fail("the system table has no configuration table")
	case e.TablesErr == "":
		return fail("the configuration table has neither DEVICE_TREE_GUID nor ACPI_20_TABLE_GUID")
	case slices.ContainsFunc(e.Systab, func(s string) bool { return strings.HasPrefix(s, "ACPI20=") }):
		return pass("the kernel found " + strings.Join(e.Systab, " "))
	case e.Stub && !f.FDT.Empty():
		return pass("the EFI stub found the device tree", describeTree(f.FDT))
	}
	return unreadable(e.TablesErr)
}

// describeTree says in a few words what a device tree holds.
func describeTree(f *fdt.Facts) string {
	switch {
	case !f.Present:
		return "there is no device tree"
	case f.Broken != "":
		return "the device tree is malformed: " + f.Broken
	case f.Empty() && len(f.Top) == 1:
		return fmt.Sprintf("the device tree is empty: only /%s", f.Top[0])
	case f.Empty():
		return fmt.Sprintf("the device tree is empty: %d nodes, no root compatible, no CPU", f.Nodes)
	}
	return fmt.Sprintf("%d nodes, %d bytes, compatible %s", f.Nodes, f.Size, strings.Join(f.Compatible, " "))
}

// startedByGRUB is what GRUB puts first on a kernel's command line
// (grub-core/lib/cmdline.c). It can put a device tree into the configuration table.
const startedByGRUB = "BOOT_IMAGE"

func checkTreeByUEFI(f *probes.Facts) Finding {
	if !f.EFI.Booted {
		return fail(noUEFI + ", so it handed over no device tree")
	}
	giver := "firmware"
	if f.Kernel.Has(startedByGRUB) {
		giver = "firmware or the boot loader GRUB"
	} else if f.Kernel.Context != "pid1" {
		giver = "firmware or a boot loader"
	}
	has, known := f.EFI.Table(efi.DeviceTreeGUID)
	switch {
	case has && f.FDT.Empty():
		return fail("DEVICE_TREE_GUID is in the configuration table, but " + describeTree(f.FDT))
	case has && giver != "firmware":
		return pass("DEVICE_TREE_GUID is in the configuration table, by "+giver, describeTree(f.FDT))
	case has:
		return pass("DEVICE_TREE_GUID is in the configuration table", describeTree(f.FDT))
	case known:
		return fail("no DEVICE_TREE_GUID in the configuration table; " + describeTree(f.FDT))
	case f.FDT.Empty():
		return fail(describeTree(f.FDT))
	case f.EFI.DTBParameter:
		return unknown("the kernel's command line names another device tree: dtb=")
	case !f.EFI.Stub:
		return unknown("the configuration table could not be read, and the EFI stub passed on no device tree: " + f.EFI.TablesErr)
	}
	return pass("the EFI stub passed on a tree from "+giver, describeTree(f.FDT))
}

func checkACPIByUEFI(f *probes.Facts) Finding {
	if !f.EFI.Booted {
		return fail(noUEFI + ", so it handed over no ACPI tables")
	}
	has, known := f.EFI.Table(efi.ACPI20GUID)
	listed := slices.ContainsFunc(f.EFI.Systab, func(entry string) bool { return strings.HasPrefix(entry, "ACPI20=") })
	switch {
	case known && !has && listed:
		return unknown("the witnesses disagree: the kernel lists ACPI 2.0, and the configuration table has no ACPI_20_TABLE_GUID")
	case has || listed:
		return pass("ACPI_20_TABLE_GUID is in the configuration table")
	case known || len(f.EFI.Systab) > 0:
		return fail("no ACPI_20_TABLE_GUID in the configuration table")
	}
	return unreadable(f.EFI.TablesErr)
}

// checkTree lists all that is missing, not only the first part.
func checkTree(f *probes.Facts) Finding {
	t := f.FDT
	if t.Broken == "" && t.Empty() {
		return failSince("HW-FDT-UEFI", describeTree(t))
	}
	var missing []string
	for _, part := range []struct {
		there bool
		name  string
	}{
		{len(t.Compatible) > 0, "root compatible"},
		{t.CPUs > 0, "CPU in /cpus"},
		{t.CPUs < 2 || len(t.NoMethod) == 0 || startsByPSCI(f), "enable-method in " + strings.Join(t.NoMethod, " ")},
		{t.Memory > 0, "memory node with a size"},
		{t.Timer != "", "generic timer node"},
		{len(t.NoPSCI) == 0, "psci node with a method, which the enable-method asks in " + strings.Join(t.NoPSCI, " ")},
		{len(t.Controllers) > 0, "interrupt controller"},
		{t.Chosen, "/chosen"},
		{t.Stdout == "" || t.StdoutNode != "", "enabled node at its stdout-path " + t.Stdout},
		{t.Stdout != "" || len(t.Consoles) > 0, "console: neither a stdout-path nor a node that could be one"},
	} {
		if !part.there {
			missing = append(missing, part.name)
		}
	}
	lacks := "the tree has no " + strings.Join(missing, ", no ")
	switch {
	case t.Broken != "" && len(missing) > 0:
		return failSince("HW-FDT-STRUCTURE", describeTree(t)+"; as far as it could be read, "+lacks)
	case t.Broken != "":
		return failSince("HW-FDT-STRUCTURE", describeTree(t))
	case len(missing) > 0:
		return fail(lacks, describeTree(t))
	}
	console := t.StdoutNode
	if console == "" {
		console = t.Consoles[0]
	}
	return pass(describeTree(t), fmt.Sprintf("%s, console %s", count(t.CPUs, "CPU"), console))
}

// startsByPSCI reports whether the kernel starts CPUs by PSCI without being told by
// an enable-method: a 32-bit one does (arch/arm/kernel/setup.c).
func startsByPSCI(f *probes.Facts) bool { return f.Kernel.Arch == "arm" && f.FDT.PSCI != "" }

func checkTreeAlone(f *probes.Facts) Finding {
	switch {
	case !f.ACPI.Present && !f.FDT.Empty():
		return pass("no ACPI tables in use", describeTree(f.FDT))
	case f.ACPI.Present && f.Kernel.Has("acpi"):
		return unknown("the kernel's command line chooses ACPI: acpi=")
	case f.ACPI.Present && !f.FDT.Empty():
		return skip(reasonByACPI)
	case f.ACPI.Present:
		return fail("the kernel runs by ACPI; "+describeTree(f.FDT), "tables "+strings.Join(f.ACPI.Tables, " "))
	}
	return fail(describeTree(f.FDT))
}

// bootTables are the tables without which Linux cannot boot an ARM machine
// (Documentation/arch/arm64/arm-acpi.rst).
var bootTables = []string{"FACP", "APIC", "GTDT", "DSDT"}

// damagedTables says what is wrong with each. Linux boots by a table whose checksum
// is wrong, but the requirement asks for sound tables.
func damagedTables(a *acpi.Facts) (wrong []string) {
	for _, name := range slices.Sorted(maps.Keys(a.Damaged)) {
		wrong = append(wrong, "the table "+name+" is damaged: "+a.Damaged[name])
	}
	return wrong
}

// firstOf is the first of several errors, so that it is always the same.
func firstOf(errs map[string]string) string { return slices.Min(slices.Collect(maps.Values(errs))) }

func checkACPI(f *probes.Facts) Finding {
	a := f.ACPI
	if !a.Present {
		return skip(reasonByTree)
	}
	wrong := damagedTables(a)
	for _, name := range bootTables {
		if !slices.Contains(a.Tables, name) {
			wrong = append(wrong, "there is no "+name)
		}
	}
	if a.FADT != nil && !a.FADT.HardwareReduced {
		wrong = append(wrong, "the FADT lacks the flag HW_REDUCED_ACPI")
	}
	if a.FADT != nil && !a.FADT.PSCI && a.MADT != nil && a.MADT.ForPSCI() > 0 {
		wrong = append(wrong, "the FADT declares no PSCI, by which CPUs are started")
	}
	if a.GTDT != nil && a.GTDT.Virtual == 0 {
		wrong = append(wrong, "the GTDT has no interrupt for the virtual timer")
	}
	found := "tables " + strings.Join(a.Tables, " ")
	switch {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), found)
	case len(a.Unread) > 0:
		return unreadable(firstOf(a.Unread), found)
	}
	return pass(fmt.Sprintf("ACPI %d.%d", a.FADT.Major, a.FADT.Minor), found)
}
