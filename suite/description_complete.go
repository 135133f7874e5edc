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
)

// descriptionComplete is what the chapter asks beyond booting: that the
// description has the entire VM.
var descriptionComplete = []Requirement{
	{
		ID: "HW-FDT-COMPLETE", Title: "The device tree describes the entire VM",
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
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{V20: Clause{Must, "Hardware Description", 3}},
		Needs:   []string{"acpi", "device", "kernel", "psci", "gic"},
		Check:   checkACPIComplete,
		Fix:     "Describe in the ACPI namespace every device that no bus enumerates, and let the tables agree with it.",
	},
}

// Reasons of a skip: Linux runs by the other description.
const (
	reasonByACPI = "other-description: Linux runs by ACPI"
	reasonByTree = "other-description: Linux runs by the device tree"
)

// own begin the names of regions of /proc/iomem whose place Linux has from
// neither the device tree nor ACPI.
var own = []string{
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

// madeByDrivers ends the names of devices that a driver makes as parts of its
// own: PLATFORM_DEVID_AUTO in drivers/base/platform.c.
const madeByDrivers = ".auto"

// isOwn also knows memory that a virtio device's configuration places
// (drivers/virtio/virtio_mem.c): virtio3, where virtio-mmio.3 is a device that
// the kernel's command line has.
func isOwn(name string) bool {
	number, virtio := strings.CutPrefix(name, "virtio")
	_, err := strconv.ParseUint(number, 10, 32)
	return virtio && err == nil || strings.HasSuffix(name, madeByDrivers) ||
		slices.ContainsFunc(own, func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// A tally is what is wrong with a description, what is in doubt, and what was
// found.
type tally struct{ wrong, doubt, found []string }

// conclude takes what is wrong for doubtful where somebody else booted the
// guest: there a driver can be unbound by hand, and a module of his do as it
// likes.
func (t *tally) conclude(f *probes.Facts) Finding {
	if f.Kernel.Context != "pid1" {
		t.doubt, t.wrong = append(t.wrong, t.doubt...), nil
	}
	return conclude(t.wrong, t.doubt, t.found, skip(ReasonNoDevice))
}

func (t *tally) tell(what string, names []string) {
	if len(names) > 0 {
		t.found = append(t.found, what+": "+strings.Join(names, " "))
	}
}

// unseen says why the devices cannot be judged; nil if they can.
func unseen(f *probes.Facts) *Finding {
	if problem := f.Device.BindingErr + f.Device.IomemErr; problem != "" {
		u := unreadable(problem)
		return &u
	}
	return nil
}

// checkTreeComplete holds against the tree what Linux drives, and the other way
// round. Only where Linux runs by the tree does it tell of it.
func checkTreeComplete(f *probes.Facts) Finding {
	switch {
	case f.ACPI.Present:
		return skip(reasonByACPI)
	case f.FDT.Empty():
		return skip(ReasonNoTree)
	}
	if u := unseen(f); u != nil {
		return *u
	}
	var t tally
	t.bound(f)
	b := f.Device.Binding
	for _, u := range b.Registers {
		if !isOwn(u.By) {
			t.wrong = append(t.wrong, u.By+" uses "+u.At+", which no node of the device tree describes")
		}
	}
	for _, u := range b.Interrupts {
		if !strings.HasPrefix(u.By, "ARM-FFA") { // drivers/firmware/arm_ffa: by a call to the firmware
			t.wrong = append(t.wrong, u.By+" uses interrupt "+u.At+", which no node of the device tree describes")
		}
	}
	return t.conclude(f)
}

// bound tells what became of the described devices.
func (t *tally) bound(f *probes.Facts) {
	b := f.Device.Binding
	t.found = append(t.found, "drivers bound to "+count(b.Bound, "described device")+"; "+count(b.Slots, "virtio-mmio slot")+" empty")
	var idle []string
	for i := range b.Unbound {
		n := &b.Unbound[i]
		if !n.Deferred && n.Errno == 0 && !n.Sure {
			idle = append(idle, n.Path)
			continue
		}
		if problem, wrong := unboundProblem(n, f.Kernel.Arch); wrong {
			t.wrong = append(t.wrong, problem)
		} else {
			t.doubt = append(t.doubt, problem)
		}
	}
	t.tell("no driver bound to", idle)
	t.tell("no device driver known for", b.Strangers)
}

// misdescribed are errors with which a driver refuses what it reads in the
// description: ENOENT, EINVAL and ENODATA. Others can be the kernel's own, such
// as ENOMEM.
var misdescribed = []int{2, 22, 61}

// unboundProblem says why a device that Linux has a driver for is not driven,
// and whether that is for what the description says. What is waited for may
// need a driver that this kernel lacks. On 32 bits EINVAL is also said of
// registers beyond 4 GiB.
func unboundProblem(n *device.Node, arch string) (problem string, wrong bool) {
	switch {
	case n.Missing == device.NoID:
		return n.Path + ": its PrimeCell ID registers read as no known device; is there a device at that address?", true
	case n.Missing != "":
		return n.Path + " waits for " + n.Missing, true
	case n.Deferred:
		return n.Path + " waits for another device: " + n.Reason, false
	case n.Errno != 0:
		return n.Path + ": its driver failed with error " + strconv.Itoa(n.Errno), arch == "arm64" && slices.Contains(misdescribed, n.Errno)
	}
	return n.Path + " is described, but its driver " + n.Driver + " is not bound to it", true
}

// checkACPIComplete holds against the tables what Linux drives. That the MADT
// has all CPUs is PLAT-CPU-ENUM's to judge.
func checkACPIComplete(f *probes.Facts) Finding {
	if !f.ACPI.Present {
		return skip(reasonByTree)
	}
	if u := unseen(f); u != nil {
		return *u
	}
	var t tally
	t.bound(f)
	for i := range f.Device.Devices {
		if d := &f.Device.Devices[i]; d.At != "" && d.Node == "" && !isOwn(d.Name) {
			t.wrong = append(t.wrong, d.Name+" uses "+d.At+", which no ACPI device describes")
		}
	}
	var others []string
	for _, u := range f.Device.Binding.Registers {
		others = append(others, u.By)
	}
	t.tell("regions that belong to no device", others)
	t.tables(f)
	return t.conclude(f)
}

// virtualEL2 is the interrupt of EL2's virtual timer, which the GTDT names from
// revision 3 on: BSA 1.0, section 3.8.1.
const virtualEL2 = 28

// serialTypes are SPCR's kinds of port that the SBSA UART's driver takes.
var serialTypes = []string{"PL011", "SBSA UART", "SBSA 2.x UART"}

// tables holds each table against what the kernel uses. That one is not there,
// or damaged, is HW-ACPI-BOOT's to judge.
func (t *tally) tables(f *probes.Facts) {
	a, b := f.ACPI, f.Device.Binding
	madt, fadt := cmp.Or(a.MADT, &acpi.MADT{}), cmp.Or(a.FADT, &acpi.FADT{PSCI: true})
	for _, part := range []struct {
		wrong   bool
		problem string
	}{
		{madt.GICVersion != 0 && f.GIC.Running.Version != 0 && (madt.GICVersion < 3) != (f.GIC.Running.Version < 3), fmt.Sprintf("Linux runs a GICv%d, the MADT declares a GICv%d", f.GIC.Running.Version, madt.GICVersion)},
		{!fadt.PSCI && f.PSCI.Version != "", "Linux uses PSCI, which the FADT does not declare"},
		{a.GTDT != nil && !timerNamed(a.GTDT, b.Timer), "Linux uses timer interrupt " + strconv.Itoa(int(b.Timer)) + ", which the GTDT does not list"},
		{a.SPCR != nil && apart(port(a.SPCR), b.Serial), "Linux uses no serial port at the address in the SPCR"},
		{a.MCFG != nil && apart(spaces(a.MCFG), b.ECAM), "Linux uses no PCI configuration space that the MCFG lists"},
	} {
		if part.wrong {
			t.wrong = append(t.wrong, part.problem)
		}
	}
}

// timerNamed tells whether the GTDT has the interrupt. Which of the timers Linux
// takes depends on the exception level that it runs at.
func timerNamed(g *acpi.GTDT, used uint32) bool {
	return slices.Contains([]uint32{0, virtualEL2, g.Secure, g.Physical, g.Virtual, g.Hypervisor}, used)
}

// port is where the SPCR has a port of the SBSA UART's driver.
func port(s *acpi.SPCR) []fdt.Range {
	if s.Address == 0 || !slices.Contains(serialTypes, s.Type) {
		return nil
	}
	return []fdt.Range{{Start: s.Address, Size: 1}}
}

// spaces are where the MCFG has buses, each of 1 MiB from that of bus 0 on. A
// bridge that can be plugged has its place in the namespace instead.
func spaces(m *acpi.MCFG) []fdt.Range {
	var out []fdt.Range
	for _, s := range m.Spaces {
		out = append(out, fdt.Range{Start: s.Base + uint64(s.First)<<20, Size: uint64(s.Last-s.First+1) << 20})
	}
	return out
}

// apart tells whether both have ranges, and none of one touches one of the other.
func apart(a, b []fdt.Range) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Start < y.End() && y.Start < x.End() {
				return false
			}
		}
	}
	return len(a) > 0 && len(b) > 0
}
