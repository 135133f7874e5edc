package suite

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes"
	"vmspec/probes/acpi"
	"vmspec/probes/device"
	"vmspec/probes/fdt"
	"vmspec/results/report"
)

// descriptionComplete is what the chapter asks of the whole description: it has
// every device of the VM. Each check compares what is described with what Linux
// uses.
var descriptionComplete = []Requirement{
	{
		ID: "HW-FDT-COMPLETE", Title: "The device tree describes the entire VM",
		Asked:    "The device tree leaves nothing of the VM out.",
		Readings: everyText(by{12}),
		How: "Registers and interrupts that Linux uses fail if no node, and no window of a bus such as PCI or VMBus, has them, " +
			"and so do described devices that do not answer, miss what they refer to, or reject their description. Others " +
			"without a driver are told, or errors if the kernel does not say why. Skipped under ACPI; in a guest that we did " +
			"not boot, all is an error.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{
			RFCv2: Clause{Must, "Hardware Description", 2},
			V10:   Clause{Must, "Hardware Description", 2},
			V20:   Clause{Must, "Hardware Description", 3},
		},
		Needs: []string{"fdt", "acpi", "device", "kernel"},
		Check: checkTreeComplete,
		Fix:   "Describe in the device tree every device that no bus enumerates, and none that is not there.",
		Refs:  []string{"EBBR 2.4"},
	},
	{
		ID: "HW-ACPI-COMPLETE", Title: "The ACPI tables describe the entire VM",
		Asked:    "The ACPI tables leave nothing of the VM out.",
		Readings: Readings{V20: by{12}},
		How: "Compares the namespace, and what the tables say of GIC, PSCI, timer, serial port and PCI, with what Linux uses. " +
			"A difference fails; a driver that failed may be an error. Skipped if Linux runs by the device tree; in a guest " +
			"that we did not boot, all is an error.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{V20: Clause{Must, "Hardware Description", 3}},
		Needs:   []string{"acpi", "device", "kernel", "psci", "gic"},
		Check:   checkACPIComplete,
		Fix:     "Describe in the ACPI namespace every device that no bus enumerates, and let the tables agree with it.",
	},
}

// Machine-readable reasons of a skip.
const (
	reasonByACPI = report.OtherDescription + ": Linux runs by ACPI"
	reasonByTree = report.OtherDescription + ": Linux runs by the device tree"
)

// undescribed are prefixes of names in /proc/iomem. Linux learns the place of
// these regions from neither the device tree nor ACPI.
var undescribed = []string{
	"BOOTFB",              // drivers/firmware/sysfb_simplefb.c, from UEFI's GOP
	"Crash kernel",        // kernel/crash_core.c
	"Kernel ",             // arch/arm64/kernel/setup.c
	"Persistent Memory",   // drivers/nvdimm, also by a virtio-pmem device's configuration
	"Soft Reserved",       // drivers/firmware/efi, from UEFI's memory map
	"Xen scratch",         // drivers/xen/unpopulated-alloc.c
	"dax",                 // drivers/dax
	"efi-framebuffer.",    // drivers/firmware/sysfb.c, from UEFI's GOP
	"efifb",               // drivers/video/fbdev/efifb.c, likewise
	"namespace",           // drivers/nvdimm
	"ramoops",             // fs/pstore/ram.c, RAM that the command line names
	"simple-framebuffer.", // drivers/firmware/sysfb_simplefb.c, from UEFI's GOP
}

// madeByDrivers is the suffix of devices that a driver creates for its own
// parts: PLATFORM_DEVID_AUTO in drivers/base/platform.c.
const madeByDrivers = ".auto"

// needsNoDescription reports whether a region or device needs no description. A
// name such as virtio3 is memory that is placed by the configuration of a
// virtio device (drivers/virtio/virtio_mem.c). In contrast, virtio-mmio.3 comes
// from the command line of the kernel.
func needsNoDescription(name string) bool {
	number, virtio := strings.CutPrefix(name, "virtio")
	_, err := strconv.ParseUint(number, 10, 32)
	return virtio && err == nil || strings.HasSuffix(name, madeByDrivers) ||
		slices.ContainsFunc(undescribed, func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// A tally collects what is wrong with a description, what is in doubt, and what
// was found.
type tally struct{ wrong, doubt, found []string }

// conclude judges the tally. In a guest that we did not boot, findings become
// errors: its administrator may have unbound a driver or loaded modules.
func (t *tally) conclude(f *probes.Facts) Finding {
	if f.Kernel.Context != "pid1" {
		t.doubt, t.wrong = append(t.wrong, t.doubt...), nil
	}
	return conclude(t.wrong, t.doubt, t.found, skip(ReasonNoDevice))
}

func (t *tally) info(what string, names []string) {
	if len(names) > 0 {
		t.found = append(t.found, what+": "+strings.Join(names, " "))
	}
}

// cannotSee is the finding if the devices could not be read, and nil if they
// could.
func cannotSee(f *probes.Facts) *Finding {
	if problem := f.Device.BindingErr + f.Device.IomemErr; problem != "" {
		u := unreadable(problem)
		return &u
	}
	return nil
}

// checkTreeComplete compares the device tree with what Linux uses, in both
// directions. It needs a guest that runs by the tree.
func checkTreeComplete(f *probes.Facts) Finding {
	switch {
	case f.ACPI.Present:
		return skip(reasonByACPI)
	case f.FDT.Empty():
		return skip(ReasonNoTree)
	}
	if u := cannotSee(f); u != nil {
		return *u
	}
	var t tally
	t.addBinding(f)
	b := f.Device.Binding
	for _, u := range b.Registers {
		t.addUse(f, u, "no node of the device tree describes")
	}
	for _, u := range b.Interrupts {
		if !strings.HasPrefix(u.By, "ARM-FFA") { // found by a firmware call: drivers/firmware/arm_ffa
			t.wrong = append(t.wrong, u.By+" uses interrupt "+u.At+", which no node of the device tree describes")
		}
	}
	finding := t.conclude(f)
	if f.FDT.Broken != "" { // what could be read is not all
		finding.Follows = "HW-FDT-BOOT"
	}
	return finding
}

// addUse adds registers that nothing describes. Those of a device that the kernel's
// command line declares are the VM's or the user's: nobody can tell.
func (t *tally) addUse(f *probes.Facts, u device.Use, what string) {
	name, _, _ := strings.Cut(u.By, " ")
	switch {
	case needsNoDescription(u.By) || isHelper(f, name):
	case strings.HasPrefix(name, "virtio-mmio.") && f.Kernel.Has("virtio_mmio.device"):
		t.doubt = append(t.doubt, "the kernel's command line declares "+name+" at "+u.At+": virtio_mmio.device=")
	default:
		t.wrong = append(t.wrong, u.By+" uses "+u.At+", which "+what)
	}
}

// isHelper reports whether the driver of a described device made the device.
func isHelper(f *probes.Facts, name string) bool {
	return slices.ContainsFunc(f.Device.Devices, func(d device.Device) bool { return d.Name == name && d.Under != "" })
}

// addStrays adds devices with registers that nothing describes. Under the device
// tree, registers are described if a node or the window of a bus has them, whatever
// the device is called.
func (t *tally) addStrays(f *probes.Facts, what string) {
	for i := range f.Device.Devices {
		d := &f.Device.Devices[i]
		if d.At != "" && d.Node == "" && (f.ACPI.Present || f.Device.Binding == nil || isStray(d, f.Device.Binding.Registers)) {
			t.addUse(f, device.Use{At: d.At, By: d.Name}, what)
		}
	}
}

func isStray(d *device.Device, strays []device.Use) bool {
	return slices.ContainsFunc(strays, func(u device.Use) bool {
		return slices.Contains(strings.Fields(u.By), d.Name) || slices.Contains(strings.Split(d.At, ", "), u.At)
	})
}

// addBinding adds which described devices have a driver, and why others have
// none.
func (t *tally) addBinding(f *probes.Facts) {
	b := f.Device.Binding
	t.found = append(t.found, "drivers bound to "+count(b.Bound, "described device")+"; "+count(b.Slots, "virtio-mmio slot")+" empty")
	var idle []string
	for i := range b.Unbound {
		n := &b.Unbound[i]
		if !n.Deferred && n.Errno == 0 && !n.Sure && n.Missing == "" {
			if idle = append(idle, n.Path); b.DeferredErr != "" {
				t.doubt = append(t.doubt, "no driver is bound to "+n.Path+", and it is unknown why: "+b.DeferredErr)
			}
			continue
		}
		if problem, wrong := unboundProblem(n, f.Kernel.Arch); wrong {
			t.wrong = append(t.wrong, problem)
		} else {
			t.doubt = append(t.doubt, problem)
		}
	}
	if len(b.MaybeNoDriver) > 0 {
		t.doubt = append(t.doubt, "no driver is bound to "+strings.Join(b.MaybeNoDriver, " ")+", and the kernel's lists of drivers are not there")
	}
	t.info("no driver bound to", idle)
	t.info("no device driver known for", b.NoDriverKnown)
}

// misdescribed are the errors of a driver that rejects its description: ENOENT,
// EINVAL and ENODATA. Other errors, such as ENOMEM, may be the fault of the
// kernel.
var misdescribed = []int{2, 22, 61}

// unboundProblem says why a device has no driver bound to it, and whether its
// description is to blame. A device that waits for another may only need a
// driver that this kernel lacks. A 32-bit kernel also answers EINVAL for
// registers beyond 4 GiB.
func unboundProblem(n *device.Node, arch string) (problem string, wrong bool) {
	switch {
	case n.Missing == device.NoID:
		return n.Path + ": its PrimeCell ID registers read as no known device; is there a device at that address?", true
	case n.Missing == device.NoPrimecell:
		return n.Path + " is not compatible with arm,primecell, without which its driver " + n.Driver + " does not find it", true
	case n.Missing != "":
		return n.Path + " waits for " + n.Missing, true
	case n.Deferred:
		return n.Path + " waits for another device: " + n.Reason, false
	case n.Errno != 0:
		return n.Path + ": its driver failed with error " + strconv.Itoa(n.Errno), arch == "arm64" && slices.Contains(misdescribed, n.Errno)
	}
	return n.Path + " is described, but its driver " + n.Driver + " is not bound to it", true
}

// checkACPIComplete compares the ACPI tables with what Linux uses. The CPUs in
// the MADT are left to PLAT-CPU-ENUM.
func checkACPIComplete(f *probes.Facts) Finding {
	if !f.ACPI.Present {
		return skip(reasonByTree)
	}
	if u := cannotSee(f); u != nil {
		return *u
	}
	var t tally
	t.addBinding(f)
	t.addStrays(f, "no ACPI device describes")
	var others []string
	for _, u := range f.Device.Binding.Registers {
		others = append(others, u.By)
	}
	t.info("regions that belong to no device", others)
	t.compareTables(f)
	return t.conclude(f)
}

// virtualEL2 is the interrupt of the virtual timer of EL2, which the GTDT has
// since revision 3: BSA 1.0, section 3.8.1.
const virtualEL2 = 28

// serialTypes are the port types in the SPCR that the driver of the SBSA UART
// serves.
var serialTypes = []string{"PL011", "SBSA UART", "SBSA 2.x UART"}

// compareTables compares each table with what the kernel uses. Missing and
// damaged tables are left to HW-ACPI-BOOT.
func (t *tally) compareTables(f *probes.Facts) {
	a, b := f.ACPI, f.Device.Binding
	madt, fadt := cmp.Or(a.MADT, &acpi.MADT{}), cmp.Or(a.FADT, &acpi.FADT{PSCI: true})
	for _, part := range []struct {
		wrong   bool
		problem string
	}{
		{madt.GICVersion != 0 && f.GIC.Running.Version != 0 && (madt.GICVersion < 3) != (f.GIC.Running.Version < 3), fmt.Sprintf("Linux runs a GICv%d, the MADT declares a GICv%d", f.GIC.Running.Version, madt.GICVersion)},
		{!fadt.PSCI && f.PSCI.Version != "", "Linux uses PSCI, which the FADT does not declare"},
		{a.GTDT != nil && !timerNamed(a.GTDT, b.Timer), "Linux uses timer interrupt " + strconv.Itoa(int(b.Timer)) + ", which the GTDT does not list"},
		{a.SPCR != nil && disjoint(serialRange(a.SPCR), b.Serial), "Linux uses no serial port at the address in the SPCR"},
		{a.MCFG != nil && disjoint(ecamRanges(a.MCFG), b.ECAM), "Linux uses no PCI configuration space that the MCFG lists"},
	} {
		if part.wrong {
			t.wrong = append(t.wrong, part.problem)
		}
	}
}

// timerNamed reports whether the GTDT lists the interrupt. Which timer Linux
// uses depends on its exception level.
func timerNamed(g *acpi.GTDT, used uint32) bool {
	return slices.Contains([]uint32{0, virtualEL2, g.Secure, g.Physical, g.Virtual, g.Hypervisor}, used)
}

// serialRange is the address in the SPCR, if its port is one for the driver of
// the SBSA UART.
func serialRange(s *acpi.SPCR) []fdt.Range {
	if s.Address == 0 || !slices.Contains(serialTypes, s.Type) {
		return nil
	}
	return []fdt.Range{{Start: s.Address, Size: 1}}
}

// ecamRanges are the PCI configuration spaces that the MCFG lists: 1 MiB for
// each bus, from bus 0 on. A host bridge that can be hot-plugged is not in the
// MCFG but in the namespace.
func ecamRanges(m *acpi.MCFG) []fdt.Range {
	var out []fdt.Range
	for _, s := range m.Spaces {
		out = append(out, fdt.Range{Start: s.Base + uint64(s.First)<<20, Size: uint64(s.Last-s.First+1) << 20})
	}
	return out
}

// disjoint reports whether both have ranges and no range of one overlaps one of
// the other.
func disjoint(a, b []fdt.Range) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Start < y.End() && y.Start < x.End() {
				return false
			}
		}
	}
	return len(a) > 0 && len(b) > 0
}
