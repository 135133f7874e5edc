package suite

import (
	"fmt"
	"strings"
)

// devices is what the devices' own specifications ask and a guest can see:
// Virtual I/O Device 1.2 and 1.3, PCI, and Xen's interfaces. Told only.
var devices = []Requirement{
	{
		ID: "PLAT-VIRTIO-STATUS", Title: "Virtio devices keep the status they are given",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"virtio"},
		Check: checkVirtioStatus,
		Fix:   "Let the device's status read as the driver wrote it, and set DEVICE_NEEDS_RESET on an error only.",
		Refs:  []string{"VIRTIO 1.2 2.1"},
	},
	{
		ID: "PLAT-VIRTIO-FEATURES", Title: "Virtio features come with what they require",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"virtio"},
		Check: checkVirtioFeatures,
		Fix:   "Offer no feature without those that it requires, and refuse FEATURES_OK to a driver that accepts it alone.",
		Refs:  []string{"VIRTIO 1.2 2.2", "VIRTIO 1.2 5.1.3.1", "VIRTIO 1.2 5.2.5.2", "VIRTIO 1.2 6"},
	},
	{
		ID: "PLAT-VIRTIO-IDS", Title: "Virtio devices on PCI have the right IDs",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"pci", "virtio"},
		Check: checkVirtioIDs,
		Fix:   "Give a device the ID 0x1040 + type and revision 1, a transitional one revision 0 and its type as subsystem ID.",
		Refs:  []string{"VIRTIO 1.2 4.1.2"},
	},
	{
		ID: "PLAT-VIRTIO-PCI", Title: "Virtio devices on PCI show whole structures",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"pci"},
		Check: checkVirtioPCI,
		Fix:   "Present the structures common, notify, ISR, device and PCI access as capabilities, aligned and inside their BARs.",
		Refs:  []string{"VIRTIO 1.2 4.1.4"},
	},
	{
		ID: "PLAT-PCI-CONFIG", Title: "PCI configuration spaces are well formed",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"pci"},
		Check: checkPCIConfig,
		Fix:   "Let the header type fit the class, and each capability list come to its end inside the configuration space.",
		Refs:  []string{"PCIe 6.0 7.5.1", "PCIe 6.0 7.6"},
	},
	{
		ID: "PLAT-PCI-BARS", Title: "BARs lie in their bridges' windows",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"pci"},
		Check: checkBARs,
		Fix:   "Give the host bridge windows that hold all BARs, and BARs that are as large as what is in them.",
		Refs:  []string{"PCIe 6.0 7.5.1.2", "PCIe 6.0 7.7.2"},
	},
	{
		ID: "PLAT-PCI-MSI-COUNT", Title: "Interrupts of PCI devices arrive as messages",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"gic", "kernel", "pci", "virtio"}, Kernel: []string{"CONFIG_PCI_MSI"},
		Check: checkMSICount,
		Fix:   "Connect PCI to the v2m frame or the ITS, in the device tree by msi-map or msi-parent, and deliver each message.",
		Refs:  []string{"V_L1GI_01"},
	},
	{
		ID: "PLAT-XEN-FEATURES", Title: "Xen offers what an ARM guest relies on",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"xen"},
		Check: checkXenFeatures,
		Fix:   "Let XENVER_get_features answer with XENFEAT_auto_translated_physmap.",
		Refs:  []string{"xen/include/public/features.h"},
	},
	{
		ID: "PLAT-XEN-GRANTS", Title: "Xen gives the guest a grant table",
		Subject: Platform, Kind: Evidence, Clauses: toldEverywhere(),
		Needs: []string{"xen"},
		Check: checkXenGrants,
		Fix:   "Describe the grant table's region in the hypervisor node's first reg, and let GNTTABOP_setup_table work.",
		Refs:  []string{"Linux bindings arm/xen.txt"},
	},
	{
		ID: "PLAT-XEN-EVENTS", Title: "Xen's events reach the guest",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"xen"},
		Check: checkXenEvents,
		Fix:   "Raise the interrupt that the hypervisor node describes when an event channel is pending.",
		Refs:  []string{"Linux bindings arm/xen.txt"},
	},
	{
		ID: "PLAT-XEN-FRONTENDS", Title: "Xen PV devices are connected to their backends",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"xen"},
		Check: checkXenFrontends,
		Fix:   "Start a backend for each device that xenstore shows the guest; its log says why it does not connect.",
		Refs:  []string{"xen/include/public/io/xenbus.h"},
	},
}

// Machine-readable reasons of a skip.
const (
	reasonNoXen = "no-xen"
	reasonNoMSI = "no-msi" // the GIC has neither a v2m frame nor an ITS
)

// conclude fails if anything is wrong, cannot tell if anything is in doubt, and
// has nothing to judge if nothing was found. All functions are in doubt for the
// same reason, so one is told.
func conclude(wrong, doubt, found []string, nothing Finding) Finding {
	switch {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), found...)
	case len(doubt) > 0:
		return unknown(doubt[0], found...)
	case len(found) == 0:
		return nothing
	}
	return pass(found...)
}

// share says how many of all there are: "7 of 8 devices running". Nothing is
// said of none.
func share(n, all int, noun, what string) []string {
	if all == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of %s %s", n, count(all, noun), what)}
}
