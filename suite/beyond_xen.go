package suite

import (
	"fmt"
	"strings"

	"vmspec/probes"
	"vmspec/probes/xen"
)

// beyondXen is what Xen's public interfaces promise and a guest can see.
var beyondXen = []Requirement{
	{
		ID: "PLAT-XEN-FEATURES", Title: "Xen offers what an ARM guest relies on",
		Asked: "Linux on Arm relies on Xen to translate its physical addresses.",
		How: "Reads the features that Xen states: auto_translated_physmap must be among them, else it fails. Skipped if this " +
			"is not Xen; features that cannot be read are an error.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"xen"},
		Check: checkXenFeatures,
		Fix:   "Let XENVER_get_features answer with XENFEAT_auto_translated_physmap.",
		Refs:  []string{"xen/include/public/features.h"},
	},
	{
		ID: "PLAT-XEN-GRANTS", Title: "Xen gives the guest a grant table",
		Asked: "Without a grant table a guest shares no memory with backends, and has no PV devices.",
		How: "Looks in the kernel's log for its grant table. A whole log without one fails; a log without its beginning is an " +
			"error. Skipped if this is not Xen.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"xen"},
		Check: checkXenGrants,
		Fix:   "Describe the grant table's region in the hypervisor node's first reg, and let GNTTABOP_setup_table work.",
		Refs:  []string{"Linux bindings arm/xen.txt"},
	},
	{
		ID: "PLAT-XEN-EVENTS", Title: "Xen's events reach the guest",
		Asked: "PV devices and the Xen console depend on events.",
		How: "Counts the events of Xen in /proc/interrupts: some pass. None fails if the kernel has no interrupt for them; " +
			"otherwise perhaps none was sent, which is an error. Skipped if this is not Xen.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"xen"},
		Check: checkXenEvents,
		Fix:   "Raise the interrupt that the hypervisor node describes when an event channel is pending.",
		Refs:  []string{"Linux bindings arm/xen.txt"},
	},
	{
		ID: "PLAT-XEN-FRONTENDS", Title: "Xen PV devices are connected to their backends",
		Asked: "A PV device without its backend holds up the boot and never works.",
		How: "Looks at the state of each PV device that has a driver: one that waits for its backend fails, a closed one is " +
			"not judged. If none is connected, it is an error. Skipped if this is not Xen, or without PV devices.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"xen"},
		Check: checkXenFrontends,
		Fix:   "Start a backend for each device that xenstore shows the guest; its log says why it does not connect.",
		Refs:  []string{"xen/include/public/io/xenbus.h"},
	},
}

// reasonNoXen is a machine-readable reason of a skip: the guest does not run on
// Xen.
const reasonNoXen = "no-xen"

// Xen's feature flags: xen/include/public/features.h.
const (
	translatedPhysmap = 1 << 2 // set for every ARM guest
	smccc             = 1 << 14
)

func checkXenFeatures(f *probes.Facts) Finding {
	x := f.Xen
	switch {
	case x.Type != "xen":
		return skip(reasonNoXen)
	case x.Features == nil:
		return unreadable(x.FeaturesErr)
	}
	found := fmt.Sprintf("Xen %s, features %#x", x.Version, *x.Features)
	if *x.Features&smccc != 0 {
		found += ", SMCCC by HVC"
	}
	if *x.Features&translatedPhysmap == 0 {
		return fail("XENFEAT_auto_translated_physmap (bit 2) is not offered", found)
	}
	return pass(found)
}

func checkXenGrants(f *probes.Facts) Finding {
	x := f.Xen
	switch {
	case x.Type != "xen":
		return skip(reasonNoXen)
	case x.Grants == nil:
		return unreadable(x.GrantsErr)
	case x.Grants.Version != "":
		return pass("grant table of layout " + x.Grants.Version)
	case !x.Grants.Whole:
		return unknown("needs a kernel log that still has its beginning")
	}
	return fail("the kernel found no grant table")
}

func checkXenEvents(f *probes.Facts) Finding {
	x := f.Xen
	switch {
	case x.Type != "xen":
		return skip(reasonNoXen)
	case x.Events == nil:
		return unreadable(x.EventsErr)
	}
	var total uint64
	var users []string
	for _, c := range x.Events.Channels {
		total += c.Count
		users = append(users, fmt.Sprintf("%s %d", c.User, c.Count))
	}
	found := "channels: " + strings.Join(users, ", ")
	if x.Events.Upcall != nil {
		total += *x.Events.Upcall
		found = fmt.Sprintf("upcall %d; %s", *x.Events.Upcall, found)
	}
	switch {
	case total > 0:
		return pass(found)
	case x.Events.Upcall == nil:
		return fail("the kernel has no interrupt for Xen's events", found)
	}
	return unknown("no event came, but perhaps none was sent", found)
}

func checkXenFrontends(f *probes.Facts) Finding {
	x := f.Xen
	switch {
	case x.Type != "xen":
		return skip(reasonNoXen)
	case !x.Bus:
		return unknown("this kernel has no Xen PV bus")
	case len(x.Devices) == 0:
		return skip(ReasonNoDevice)
	}
	var wrong, found, idle []string
	for _, d := range x.Devices {
		switch text := fmt.Sprintf("%s %s", d.Name, d.State); {
		case d.Driver == "" || d.State == "":
			continue
		case d.State == "Connected":
			found = append(found, text)
		case waitsForBackend(d):
			wrong = append(wrong, text)
		default:
			idle = append(idle, text)
		}
	}
	if len(idle) > 0 {
		return conclude(wrong, nil, found, unknown("no Xen device is connected: "+strings.Join(idle, ", ")))
	}
	return conclude(wrong, nil, found, unknown("this kernel has no driver for any of "+count(len(x.Devices), "Xen device")))
}

// waitsForBackend reports whether a frontend has a driver but its backend does
// not answer. Linux waits for that when it loads the driver
// (xenbus_probe_frontend.c, wait_for_devices). A closed device may have been
// unplugged.
func waitsForBackend(d xen.Device) bool {
	return d.State == "Initialising" || d.State == "InitWait" || d.State == "Initialised"
}
