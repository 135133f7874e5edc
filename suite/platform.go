package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/console"
	"vmspec/probes/gic"
	"vmspec/probes/timer"
	"vmspec/probes/virtio"
)

// platform is the chapter "VM Platform". Its list of mandatory peripherals is
// headed by a must and worded "should" in places; the heading counts.
var platform = []Requirement{
	{
		ID: "PLAT-CPU-ENUM", Title: "The description enumerates the CPUs",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{Must, "VM Platform", 1}),
		Needs:   []string{"cpu", "kernel"},
		Check:   checkCPUs,
		Fix:     "Describe exactly the CPUs that the VM has, and start each by the method it declares.",
	},
	{
		ID: "PLAT-MEM-ENUM", Title: "The description enumerates the memory",
		Subject: Platform, Kind: Evidence,
		Clauses: everywhere(Clause{Must, "VM Platform", 1}),
		Needs:   []string{"memory", "acpi", "efi", "fdt"},
		Check:   checkMemory,
		Fix:     "Let the memory nodes of the device tree cover all of the VM's RAM.",
	},
	{
		ID: "PLAT-DEV-ENUM", Title: "Devices are described or on a bus that enumerates",
		Subject: Platform, Kind: Evidence,
		Clauses: everywhere(Clause{Must, "VM Platform", 1}),
		Needs:   []string{"device", "pci", "virtio", "xen"},
		Check:   checkDevices,
		Fix:     "Describe each device in the device tree, or put it on PCI or the Xen bus.",
	},
	{
		ID: "PLAT-AARCH32", Title: "The VM can be booted in AArch32 at EL1",
		Subject: Platform, Kind: Functional, Untested: ReasonAArch32,
		Clauses: everywhere(Clause{Recommended, "VM Platform", 2}),
		Fix:     "Where the physical CPU has AArch32 at EL1, let a VM start in it.",
	},
	{
		ID: "PLAT-CONSOLE", Title: "The console is a PL011, virtio or Xen PV console",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{
			RFCv2: Clause{Must, "VM Platform", 4},
			V10:   Clause{Must, "VM Platform", 4},
		},
		Needs:  []string{"console", "virtio", "xen"},
		Kernel: []string{"CONFIG_SERIAL_AMBA_PL011", "CONFIG_VIRTIO_CONSOLE", "CONFIG_HVC_XEN"},
		Check:  checkConsole,
		Fix:    "Give the VM a PL011, a virtio-console or the Xen PV console; an SBSA UART or a 16550 is none of them.",
	},
	{
		ID: "PLAT-CONSOLE-SBSA", Title: "The console is at least an SBSA UART",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{V20: Clause{Must, "VM Platform", 4}},
		Needs:   []string{"console"}, Kernel: []string{"CONFIG_SERIAL_AMBA_PL011"},
		Check: checkSBSA,
		Fix:   "Give the VM an SBSA UART or a PL011.",
		Refs:  []string{"B_PER_05"},
	},
	{
		ID: "PLAT-GIC", Title: "The interrupt controller is a GICv2 or newer",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{
			RFCv2: Clause{Must, "VM Platform", 5},
			V10:   Clause{Must, "VM Platform", 5},
			V20:   Clause{Must, "VM Platform", 5},
		},
		Needs: []string{"gic", "cpu"},
		Check: checkGIC,
		Fix:   "Give the VM a GICv2 or newer and describe it as what it is.",
		Refs:  []string{"B_GIC_01"},
	},
	{
		ID: "PLAT-GIC-CPUS", Title: "The GIC can serve all of the VM's CPUs",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{
			RFCv2: Clause{Must, "VM Platform", 5},
			V10:   Clause{Must, "VM Platform", 5},
		},
		Needs: []string{"gic", "cpu"},
		Check: checkGICCPUs,
		Fix:   "With more than 8 CPUs give the VM a GICv3.",
		Refs:  []string{"B_PE_02"},
	},
	{
		ID: "PLAT-GIC-COMPATIBLE", Title: "A GICv3 host offers a GICv2 as well",
		Subject: Platform, Kind: Evidence, Untested: ReasonHost,
		Clauses: Clauses{V20: Clause{Recommended, "VM Platform", 8}},
		Fix:     "Offer a virtual GICv2 where the host's GICv3 can be operated as one.",
	},
	{
		ID: "PLAT-TIMER", Title: "The generic timer interrupts every CPU",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{Must, "VM Platform", 6}),
		Needs:   []string{"timer", "cpu", "kernel"},
		Check:   checkTimer,
		Fix:     "Deliver the virtual timer's interrupt to every CPU at the PPI that the description declares.",
		Refs:    []string{"B_TIME_01", "B_PPI_01", "V_L1TM_01", "V_L1PP_00"},
	},
	{
		ID: "PLAT-COUNTER", Title: "The counter never goes back and runs at CNTFRQ",
		Subject: Platform, Kind: Functional,
		Clauses: everywhere(Clause{Must, "VM Platform", 6}),
		Needs:   []string{"timer", "rtc"},
		Check:   checkCounter,
		Fix:     "Let CNTVCT_EL0 count steadily at the frequency that CNTFRQ_EL0 states, the same on every CPU.",
		Refs:    []string{"B_TIME_04", "V_L1TM_03", "V_L1TM_04"},
	},
	{
		ID: "PLAT-PSCI", Title: "CPUs and power are controlled by PSCI 0.2 or newer",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{RFCv2: informative, V10: informative, V20: Clause{Must, "ARM Server Architecture", 1}},
		Needs:   []string{"psci"}, Kernel: []string{"CONFIG_ARM_PSCI_FW"},
		Check: checkPSCI,
		Fix:   "Implement PSCI 0.2 or newer and describe it.",
	},
	{
		ID: "PLAT-HOTPLUG-BUS", Title: "The VM has a hotpluggable bus",
		Subject: Platform, Kind: Evidence,
		Clauses: everywhere(Clause{StronglyRecommended, "VM Platform", 7}),
		Needs:   []string{"pci", "xen", "virtio", "kernel"}, Kernel: []string{"CONFIG_HOTPLUG_PCI_PCIE"},
		Check: checkHotplug,
		Fix:   "Add a PCIe port whose slot is hotplug capable, with QEMU by -device pcie-root-port.",
	},
	{
		ID: "PLAT-HOTPLUG-BLOCK", Title: "A block device can be plugged and pulled",
		Subject: Platform, Kind: Functional, Untested: ReasonHotplug,
		Clauses: everywhere(Clause{StronglyRecommended, "VM Platform", 7}),
		Fix:     "Let the guest see a block device that is added to the hotpluggable bus, and its removal.",
	},
	{
		ID: "PLAT-HOTPLUG-NET", Title: "A network device can be plugged and pulled",
		Subject: Platform, Kind: Functional, Untested: ReasonHotplug,
		Clauses: everywhere(Clause{StronglyRecommended, "VM Platform", 7}),
		Fix:     "Let the guest see a network device that is added to the hotpluggable bus, and its removal.",
	},
}

// everywhere is a clause that all profiles have in the same place.
func everywhere(c Clause) Clauses {
	return Clauses{RFCv2: c, V10: c, V20: c}
}

func checkCPUs(f *probes.Facts) Finding {
	if f.CPU.DeclaredErr != "" {
		return unknown(f.CPU.DeclaredErr)
	}
	declared := f.CPU.Enabled()
	present, online := len(f.CPU.Present), len(f.CPU.Online)
	found := fmt.Sprintf("%s declared by %s, %d present, %d online", count(declared, "CPU"), f.CPU.Source, present, online)
	switch {
	case declared > 0 && declared == present && online == present:
		return pass(found)
	case f.Kernel.Has("maxcpus") || f.Kernel.Has("nr_cpus") || f.Kernel.Has("nosmp"):
		return unknown("the kernel's command line limits the CPUs", found)
	case declared > f.CPU.Most:
		return unknown(fmt.Sprintf("this kernel can have %s", count(f.CPU.Most, "CPU")), found)
	case declared == 0:
		return fail("the description names no CPU", found)
	case declared != present:
		return fail(fmt.Sprintf("%d CPUs are declared, %d present", declared, present), found)
	case f.CPU.Offline.Lost():
		return unknown("CPUs are offline, maybe since a trial that was lost", found)
	case f.Kernel.Context != "pid1":
		return unknown("CPUs are offline, maybe by the administrator's wish", found)
	}
	return fail(fmt.Sprintf("%d of %d CPUs did not come up", present-online, present), found)
}

func checkMemory(f *probes.Facts) Finding {
	m := f.Memory
	if m.RAMErr != "" {
		return unknown(m.RAMErr)
	}
	ram := fmt.Sprintf("%d MiB of RAM", m.RAM.Total()>>20)
	switch {
	case len(m.RAM) == 0:
		return unknown("/proc/iomem shows no System RAM")
	case m.DescribedErr != "":
		return unknown(m.DescribedErr)
	case f.ACPI.Present && f.EFI.Booted && len(m.Described) == 0:
		return pass(ram + ", enumerated by UEFI's memory map")
	case len(m.Described) == 0:
		return fail("no memory node in the device tree", ram)
	}
	for _, piece := range m.RAM {
		if !m.Described.Covers(piece.Start, piece.Size) {
			return fail(fmt.Sprintf("RAM at %s is not described", piece), ram)
		}
	}
	return pass(fmt.Sprintf("%s, %d MiB described by fdt", ram, m.Described.Total()>>20))
}

func checkDevices(f *probes.Facts) Finding {
	if f.Device.IomemErr != "" {
		return unknown(f.Device.IomemErr)
	}
	described := 0
	var stray []string
	for _, d := range f.Device.Devices {
		switch {
		case d.Node != "":
			described++
		case d.MMIO:
			stray = append(stray, d.Name)
		}
	}
	found := fmt.Sprintf("%s described, %s, %s, %s", count(described, "device"),
		count(len(f.PCI.Functions), "PCI function"), count(len(f.Virtio), "virtio device"), count(len(f.Xen.Devices), "Xen device"))
	switch {
	case len(stray) > 0:
		return fail("described by nothing: "+strings.Join(stray, " "), found)
	case described+len(f.PCI.Functions)+len(f.Virtio)+len(f.Xen.Devices) == 0:
		return skip(ReasonNoDevice)
	}
	return pass(found)
}

func checkConsole(f *probes.Facts) Finding {
	var kinds, others []string
	for _, t := range f.Console.Terminals {
		if strings.HasPrefix(t.Name, "hvc") && t.Name != "hvc0" {
			continue // Linux makes all eight as soon as there is one
		}
		if kind := consoleKind(f, t); kind != "" {
			kinds = append(kinds, t.Name+" is "+kind)
		} else {
			others = append(others, t.Name+" is "+strings.TrimSpace(t.UART+" "+t.Device))
		}
	}
	switch {
	case len(kinds) > 0:
		return pass(kinds...)
	case f.Console.Hidden != "":
		return unknown(f.Console.Hidden, others...)
	case len(others) == 0:
		return fail("there is no console device")
	}
	return fail("none of the console devices is a PL011, virtio or Xen PV console", others...)
}

// checkSBSA looks for a UART that is at least what SBSA asks of one. The full
// PL011 is more than that.
func checkSBSA(f *probes.Facts) Finding {
	var others []string
	for _, t := range f.Console.Terminals {
		if strings.HasPrefix(t.UART, "PL011") || strings.HasPrefix(t.UART, "SBSA") {
			return pass(fmt.Sprintf("%s is the %s %s", t.Name, t.UART, t.Device))
		}
		if strings.HasPrefix(t.Name, "tty") {
			others = append(others, t.Name+" is "+strings.TrimSpace(t.UART+" "+t.Device))
		}
	}
	if f.Console.Hidden != "" {
		return unknown(f.Console.Hidden, others...)
	}
	return fail("there is neither an SBSA UART nor a PL011", others...)
}

// consoleKind says which of the three kinds a terminal is; empty for none.
func consoleKind(f *probes.Facts, t console.Terminal) string {
	switch {
	case strings.HasPrefix(t.Name, "hvc") && f.Xen.Type == "xen":
		return "a Xen PV console"
	case strings.HasPrefix(t.Name, "hvc"):
		bound := func(d virtio.Device) bool { return d.ID == virtio.Console && d.Driver == "virtio_console" }
		if i := slices.IndexFunc(f.Virtio, bound); i >= 0 {
			return "a " + f.Virtio[i].String()
		}
		return ""
	case strings.HasPrefix(t.UART, "PL011"), slices.Contains(t.Node, "arm,pl011"):
		return "the PL011 " + t.Device
	// Under ACPI Linux drives a full PL011 as an SBSA UART; its hardware ID
	// tells the two apart (drivers/tty/serial/amba-pl011.c).
	case strings.HasPrefix(t.Device, "ARMH0011"):
		return "the PL011 " + t.Device
	}
	return ""
}

func checkGIC(f *probes.Facts) Finding {
	var found, silent []string
	for _, w := range witnesses(f) {
		switch {
		case w.Err != "":
			silent = append(silent, w.Err)
		case w.Version > 0:
			found = append(found, w.Source)
		}
	}
	w := gicWitness(f)
	switch {
	case w.Version == 0 && len(silent) > 0:
		return unknown(strings.Join(silent, "; "))
	case w.Version == 0:
		return fail("no GIC: interrupts come from " + strings.Join(f.GIC.Chips, " "))
	case w.OrOlder && f.GIC.Logged.Version == 0:
		return unknown("a GICv1 would look the same to what could be read", found...)
	case !agree(f):
		return unknown("the witnesses disagree", found...)
	case w.Version < 2:
		return fail(fmt.Sprintf("GICv%d is older than GICv2", w.Version), found...)
	}
	return pass(append([]string{fmt.Sprintf("GICv%d with %s", w.Version, count(len(f.CPU.Online), "CPU"))}, found...)...)
}

func witnesses(f *probes.Facts) []gic.Witness {
	return []gic.Witness{f.GIC.Declared, f.GIC.Running, f.GIC.Logged}
}

// gicWitness is the best of those that name a version: what is declared, else
// what runs, else what was logged. It has version 0 if none does.
func gicWitness(f *probes.Facts) gic.Witness {
	for _, w := range witnesses(f) {
		if w.Version > 0 {
			return w
		}
	}
	return gic.Witness{}
}

// agree tells whether the witnesses can all be true.
func agree(f *probes.Facts) bool {
	best := gicWitness(f)
	for _, w := range witnesses(f) {
		older := w.OrOlder && best.Version < w.Version
		// Linux drives a GICv4 as the GICv3 that it also is.
		if w.Version > 0 && w.Version != best.Version && !older && !(best.Version == 4 && w.Version == 3) {
			return false
		}
	}
	return true
}

// gicv2Most is how many CPUs a GICv2 can serve: GICv2 Architecture
// Specification, IHI 0048B, section 1.1.
const gicv2Most = 8

func checkGICCPUs(f *probes.Facts) Finding {
	version := gicWitness(f).Version
	if version == 0 {
		return unknown("the GIC's version is unknown")
	}
	cpus := max(f.CPU.Enabled(), len(f.CPU.Present))
	found := fmt.Sprintf("GICv%d with %s", version, count(cpus, "CPU"))
	if version < 3 && cpus > gicv2Most {
		return fail(fmt.Sprintf("a GICv%d serves %d CPUs at most, the VM has %d", version, gicv2Most, cpus), found)
	}
	return pass(found)
}

func checkTimer(f *probes.Facts) Finding {
	t := f.Timer
	if t.Dead {
		return fail("the timer does not interrupt: a busy wait saw no arch_timer interrupt on any CPU", ppis(t)...)
	}
	if t.TrialErr != "" {
		return unknown(t.TrialErr)
	}
	var asleep, starved, silent []string
	tried := map[int]bool{}
	var least uint64
	for i, c := range t.CPUs {
		tried[c.Number] = true
		rose := c.After - c.Before
		if i == 0 || rose < least {
			least = rose
		}
		switch {
		case c.Woke == 0 && rose > 0: // interrupted, and yet not run
			starved = append(starved, fmt.Sprint(c.Number))
		case c.Woke == 0:
			asleep = append(asleep, fmt.Sprint(c.Number))
		case rose == 0:
			silent = append(silent, fmt.Sprint(c.Number))
		}
	}
	for _, cpu := range f.CPU.Online {
		if !tried[cpu] {
			return unknown(fmt.Sprintf("the trial did not run on CPU %d", cpu))
		}
	}
	switch {
	case len(asleep) > 0:
		return fail("a sleep did not end on CPU "+strings.Join(asleep, " "), ppis(t)...)
	case len(starved) > 0:
		return unknown("too busy to tell: the timer interrupts CPU " + strings.Join(starved, " ") + ", but a sleep did not end there")
	case len(silent) > 0 && !t.Listed && f.Kernel.Lacks("CONFIG_ARM_ARCH_TIMER") != "":
		return unknown(f.Kernel.Lacks("CONFIG_ARM_ARCH_TIMER"))
	case len(silent) > 0 && (f.Kernel.Has("nohz_full") || f.Kernel.Has("isolcpus")):
		return unknown("the kernel's command line keeps timers off CPUs: nohz_full= or isolcpus=")
	case len(silent) > 0:
		return fail("no arch_timer interrupt came on CPU "+strings.Join(silent, " "), ppis(t)...)
	}
	return pass(fmt.Sprintf("%s, at least %d interrupts on each in the trial", count(len(t.CPUs), "CPU"), least))
}

// ppis names the interrupts that the tree declares, for who must mend them.
func ppis(t *timer.Facts) []string {
	if len(t.PPIs) < 3 {
		return nil
	}
	return []string{fmt.Sprintf("%s declares the virtual timer at interrupt %d", t.Node, t.PPIs[2])}
}

// counterOff is by how much the counter may run faster or slower than CNTFRQ
// says. The reading is bracketed, so a busy host widens the bounds and a
// steady counter still lies within them.
const counterOff = 0.01

func checkCounter(f *probes.Facts) Finding {
	c := f.Timer.Counter
	switch {
	case f.Timer.Frequency != nil && *f.Timer.Frequency == 0:
		return fail("CNTFRQ is 0")
	case c == nil:
		return unknown(f.Timer.CounterErr)
	}
	second := float64(c.Nanoseconds) / 1e9 * float64(c.Hz)
	least, most := float64(c.Least)/second, float64(c.Most)/second
	found := []string{
		fmt.Sprintf("CNTFRQ %d Hz", c.Hz),
		fmt.Sprintf("%d reads on %s, %d went back", c.Reads, count(int(c.CPUs), "CPU"), c.Backward),
		fmt.Sprintf("%.3f to %.3f of that rate by the kernel's clock", least, most),
	}
	slow, fast, known := f.RTC.Rate()
	if known = known && f.RTC.Counter == "cntvct" && slow > 0; known {
		found = append(found, fmt.Sprintf("%.2f to %.2f by %s", 1/fast, 1/slow, f.RTC.Watched))
	}
	switch {
	case c.Backward > 0:
		return fail(fmt.Sprintf("the counter went back %d times", c.Backward), found...)
	case most < 1-counterOff || least > 1+counterOff:
		return fail(fmt.Sprintf("the counter runs at %.3f to %.3f times CNTFRQ", least, most), found...)
	// The kernel's clock is the counter itself, unless the description gives
	// it another frequency; a real-time clock is a witness of its own.
	case known && (fast < 1-rateOff || slow > 1+rateOff):
		return unknown("the counter and "+f.RTC.Watched+" disagree on how long a second is", found...)
	}
	return pass(found...)
}

func checkPSCI(f *probes.Facts) Finding {
	switch {
	case f.PSCI.Version == "" && !f.PSCI.Whole:
		return unknown("neither debugfs nor the beginning of the kernel's log could be read")
	case f.PSCI.Version == "":
		return fail("the kernel found no PSCI")
	case f.PSCI.Version == "0.1":
		return fail("PSCI 0.1 is older than 0.2")
	}
	return pass("PSCI "+f.PSCI.Version, f.PSCI.Method)
}

func checkHotplug(f *probes.Facts) Finding {
	if n := len(f.Xen.Devices); f.Xen.Type == "xen" && n > 0 {
		return pass("the Xen PV bus with " + count(n, "device"))
	}
	for _, s := range f.PCI.Slots {
		if s.Power {
			return pass("PCI slot " + s.Name + " with a hotplug driver")
		}
	}
	var idle, hidden []string
	for _, fn := range f.PCI.Functions {
		switch {
		case fn.ConfigErr != "":
			hidden = append(hidden, fn.Address+": "+fn.ConfigErr)
		case fn.Port != nil && fn.Port.HotPlugCapable && fn.Serving:
			return pass("PCIe port " + fn.Address + " with a hotplug capable slot")
		case fn.Port != nil && fn.Port.HotPlugCapable:
			idle = append(idle, fn.Address)
		}
	}
	found := count(len(f.PCI.Functions), "PCI function") + ", " + count(len(f.Virtio), "virtio device")
	switch {
	case len(hidden) > 0:
		return unknown(strings.Join(hidden, "; "), found)
	case f.Xen.Type == "xen":
		return unknown("no Xen PV device shows that its bus is served", found)
	case f.Kernel.Has("pcie_ports"):
		return unknown("the kernel's command line says how to treat PCIe ports: pcie_ports=", found)
	case len(idle) > 0:
		return fail("the platform keeps hotplug to itself at PCIe port "+strings.Join(idle, " "), found)
	}
	return fail("no PCIe port has a hotplug capable slot, and this is not Xen", found)
}
