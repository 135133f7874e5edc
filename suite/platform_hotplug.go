package suite

import (
	"strings"

	"vmspec/probes"
	"vmspec/probes/hotplug"
)

// hotplugBus is a requirement on which others rest.
var hotplugBus = Requirement{
	ID: "PLAT-HOTPLUG-BUS", Title: "The VM has a hotpluggable bus",
	Asked: "The VM has a bus on which disks and network devices can be plugged, such as PCIe or the Xen PV bus.",
	How: "Passes with a Xen PV device, a VMBus, a PCI slot with a hotplug driver, or a PCIe port that pciehp " +
		"serves. Else it fails. An error if not root, with pcie_ports=, on Xen without PV devices, or in a kernel " +
		"without the driver.",
	Subject: Platform, Kind: Evidence,
	Clauses: everywhere(Clause{StronglyRecommended, "VM Platform", 7}),
	Needs:   []string{"pci", "xen", "vmbus", "virtio", "acpi", "kernel"}, Kernel: []string{"CONFIG_HOTPLUG_PCI_PCIE"},
	Check: checkHotplug,
	Fix:   "Add a PCIe port whose slot is hotplug capable, with QEMU by -device pcie-root-port.",
}

// platformHotplug is what the chapter asks of hotplug.
var platformHotplug = []Requirement{
	hotplugBus,
	{
		ID: "PLAT-HOTPLUG-BLOCK", Title: "A block device can be plugged and pulled",
		Asked: "A disk can be added to the running VM and taken out again.",
		How: "With vmspec.needs=hotplug-block, asks the host for a disk on the console, reads its first and last block, and " +
			"asks for its removal. Fails if it cannot be read, or if the host says that it has acted and the guest sees " +
			"nothing. Skipped if the host did not act or offers nothing, with vmspec.readonly, and in a guest that we did not boot.",
		Subject: Platform, Kind: Functional, RestsOn: hotplugBus.ID,
		Clauses: everywhere(Clause{StronglyRecommended, "VM Platform", 7}),
		Needs:   []string{"kernel", "hotplug"},
		Check:   checkPlug(hotplug.Block),
		Fix:     "Let the guest see a block device that is added to the hotpluggable bus, and its removal.",
	},
	{
		ID: "PLAT-HOTPLUG-NET", Title: "A network device can be plugged and pulled",
		Asked: "A network device can be added to the running VM and taken out again.",
		How: "With vmspec.needs=hotplug-net, asks the host for a network device on the console, brings it up, and asks for its " +
			"removal. Fails if it does not come up, has no address of its own, or if the host says that it has acted and the " +
			"guest sees nothing. Skipped as PLAT-HOTPLUG-BLOCK is.",
		Subject: Platform, Kind: Functional, RestsOn: hotplugBus.ID,
		Clauses: everywhere(Clause{StronglyRecommended, "VM Platform", 7}),
		Needs:   []string{"kernel", "hotplug"},
		Check:   checkPlug(hotplug.Net),
		Fix:     "Let the guest see a network device that is added to the hotpluggable bus, and its removal.",
	},
}

// checkHotplug knows the buses on which Linux sees devices come and go. The text
// names two of them; it says that suitable ones include these.
func checkHotplug(f *probes.Facts) Finding {
	if n := len(f.Xen.Devices); f.Xen.Type == "xen" && n > 0 {
		return pass("the Xen PV bus with " + count(n, "device"))
	}
	if f.VMBus.Bus {
		return pass(strings.Join(append([]string{"the VMBus of Hyper-V"}, share(len(f.VMBus.Devices), len(f.VMBus.Devices), "device", "offered")...), ", "))
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
		return unknown("attach one Xen PV disk or network device, so that the Xen bus can be judged", found)
	case f.VMBus.Described != "":
		return unknown("this kernel does not serve the VMBus at "+f.VMBus.Described, found)
	case f.Kernel.Has("pcie_ports"):
		return unknown("the kernel's command line overrides the services of PCIe ports: pcie_ports=", found)
	case len(idle) > 0 && f.ACPI.Present:
		return fail("ACPI _OSC denies the OS native PCIe hotplug at port "+strings.Join(idle, " "), found)
	case len(idle) > 0:
		return fail("Linux serves no hotplug at PCIe port "+strings.Join(idle, " "), found)
	}
	return fail("no PCIe port has a hotplug capable slot, and there is neither a Xen PV bus nor a VMBus", found)
}
