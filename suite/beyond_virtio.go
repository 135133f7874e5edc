package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/virtio"
)

// beyondVirtio is what Virtual I/O Device 1.2 and 1.3 ask of devices on any bus and a
// guest can see.
var beyondVirtio = []Requirement{
	{
		ID: "PLAT-VIRTIO-MODERN", Title: "Every virtio device is of virtio 1.0 or newer",
		Asked: "Not every system drives legacy virtio devices.",
		How: "Looks whether VERSION_1 was negotiated with each device that has a running driver. One without it fails; if no " +
			"driver runs, it is an error. Skipped without virtio devices.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"virtio"},
		Check: checkVirtioModern,
		Fix:   "Offer VIRTIO_F_VERSION_1, in QEMU by virtio-mmio.force-legacy=off, on PCI by disable-modern=off.",
	},
	{
		ID: "PLAT-VIRTIO-STATUS", Title: "Virtio devices keep the status they are given",
		Asked: "A device that loses its status, or asks for a reset, does not work any more.",
		How: "Reads the status of each device that a driver has set running. Lost bits, DEVICE_NEEDS_RESET, or a fault " +
			"of the device that the kernel logged fail; a driver that gave up without one is not judged. If no driver " +
			"runs, it is an error. Skipped without virtio devices.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"virtio"},
		Check: checkVirtioStatus,
		Fix:   "Let the device's status read as the driver wrote it, and set DEVICE_NEEDS_RESET on an error only.",
		Refs:  []string{"VIRTIO 1.2 2.1"},
	},
	{
		ID: "PLAT-VIRTIO-FEATURES", Title: "Virtio features come with what they require",
		Asked: "A feature without the one that it requires misleads drivers.",
		How: "Looks at what Linux negotiated with each device. A feature of network or block devices, or of queues, without " +
			"what it requires fails; if nothing was negotiated, it is an error. Skipped without virtio devices.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"virtio"},
		Check: checkVirtioFeatures,
		Fix:   "Offer no feature without those that it requires, and refuse FEATURES_OK to a driver that accepts it alone.",
		Refs:  []string{"VIRTIO 1.2 2.2", "VIRTIO 1.2 5.1.3.1", "VIRTIO 1.2 5.2.5.2", "VIRTIO 1.2 6"},
	},
}

// driverOK is the status bit that a bound driver sets: Virtual I/O Device 1.2,
// section 2.1.
const driverOK = 4

func checkVirtioModern(f *probes.Facts) Finding {
	if len(f.Virtio) == 0 {
		return skip(ReasonNoDevice)
	}
	var legacy, modern []string
	for _, d := range f.Virtio {
		switch {
		case d.Status&driverOK == 0: // no driver negotiated anything
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

// Bits of the device status: Virtual I/O Device 1.2, section 2.1. Later
// versions may define the other bits.
const (
	acknowledge = 1
	driver      = 2
	featuresOK  = 8
	needsReset  = 64
	failed      = 128
)

func checkVirtioStatus(f *probes.Facts) Finding {
	if len(f.Virtio) == 0 {
		return skip(ReasonNoDevice)
	}
	var wrong, drivers []string
	running := 0
	for _, d := range f.Virtio {
		problem, settled := statusProblem(d)
		switch {
		case d.Refused():
			wrong = append(wrong, refusal(d))
		case problem != "":
			wrong = append(wrong, fmt.Sprintf("%s, %s: status %#x %s", d.Name, d, d.Status, problem))
		}
		if settled {
			running++
			drivers = append(drivers, d.Driver)
		}
	}
	if running == 0 && len(wrong) == 0 {
		return unknown("no virtio device has a driver in this kernel")
	}
	drivers = slices.Compact(slices.Sorted(slices.Values(drivers)))
	found := share(running, len(f.Virtio), "device", "running")
	if running > 0 {
		found = append(found, "driven by "+strings.Join(drivers, " "))
	}
	return conclude(wrong, nil, found, Finding{})
}

// refusal says how a device kept its driver away.
func refusal(d virtio.Device) string {
	return fmt.Sprintf("%s, %s: status %#x: %s", d.Name, d, d.Status, d.Fault)
}

// refused lists the devices of a kind that kept their driver away. So their disk,
// interface or port does not appear.
func refused(f *probes.Facts, id int) (out []string) {
	for _, d := range f.Virtio {
		if d.ID == id && d.Refused() {
			out = append(out, refusal(d))
		}
	}
	return out
}

// untried is the finding where the trial of a kind of device has an error, or no note:
// one that no driver runs is not tried.
func untried(f *probes.Facts, id int, name, err string) Finding {
	driven := func(d virtio.Device) bool { return d.ID == id && d.Status&driverOK != 0 }
	if notCaptured(err) && !slices.ContainsFunc(f.Virtio, driven) {
		return unknown("no driver runs the virtio " + name)
	}
	return unreadable(err)
}

// sinceRefused fails a requirement on disks, interfaces or ports because their
// devices refused the driver.
func sinceRefused(devices []string, found ...string) Finding {
	return failSince("PLAT-VIRTIO-STATUS", "the device refused its driver: "+strings.Join(devices, "; "), found...)
}

// statusProblem judges the status of a device whose driver set DRIVER_OK. A
// driver that did not get so far, or gave up with FAILED, is not the device's
// fault.
func statusProblem(d virtio.Device) (problem string, settled bool) {
	switch {
	case d.Driver != "" && d.Status == 0:
		return "lost the status that its driver set", true
	case d.Status&needsReset != 0:
		return "needs a reset", true
	case d.Status&failed != 0, d.Status&driverOK == 0:
		return "", false
	case d.Status&(acknowledge|driver) != acknowledge|driver:
		return "lost ACKNOWLEDGE or DRIVER", true
	case d.Modern && d.Status&featuresOK == 0:
		return "lost FEATURES_OK", true
	}
	return "", true
}

// A prerequisite is a feature that requires one of some others.
type prerequisite struct {
	bit     int
	name    string
	needs   []int // at least one of these bits
	section string
}

// prerequisites are the features that require others, by device type. Linux's
// drivers accept both sides of each pair. So if one was negotiated alone, the
// device offered it alone.
var prerequisites = map[int][]prerequisite{
	virtio.Net: {
		{7, "GUEST_TSO4", []int{1}, "5.1.3.1"},
		{8, "GUEST_TSO6", []int{1}, "5.1.3.1"},
		{9, "GUEST_ECN", []int{7, 8}, "5.1.3.1"},
		{10, "GUEST_UFO", []int{1}, "5.1.3.1"},
		{11, "HOST_TSO4", []int{0}, "5.1.3.1"},
		{12, "HOST_TSO6", []int{0}, "5.1.3.1"},
		{13, "HOST_ECN", []int{11, 12}, "5.1.3.1"},
		{14, "HOST_UFO", []int{0}, "5.1.3.1"},
		{18, "CTRL_RX", []int{17}, "5.1.3.1"},
		{19, "CTRL_VLAN", []int{17}, "5.1.3.1"},
		{21, "GUEST_ANNOUNCE", []int{17}, "5.1.3.1"},
		{22, "MQ", []int{17}, "5.1.3.1"},
		{23, "CTRL_MAC_ADDR", []int{17}, "5.1.3.1"},
		{52, "VQ_NOTF_COAL", []int{17}, "5.1.3.1"}, // since 1.3
		{53, "NOTF_COAL", []int{17}, "5.1.3.1"},    // since 1.3
		{54, "GUEST_USO4", []int{1}, "5.1.3.1"},    // since 1.3
		{55, "GUEST_USO6", []int{1}, "5.1.3.1"},    // since 1.3
		{56, "HOST_USO", []int{0}, "5.1.3.1"},      // since 1.3
		{60, "RSS", []int{17}, "5.1.3.1"},
	},
	virtio.Block: {
		{11, "CONFIG_WCE", []int{9}, "5.2.5.2"},
	},
}

// lastReserved is the last feature bit that is reserved for queues and
// negotiation; later bits belong to the device types. A legacy device has 32
// feature bits, so it cannot have those after Version1.
const lastReserved = 49

func checkVirtioFeatures(f *probes.Facts) Finding {
	if len(f.Virtio) == 0 {
		return skip(ReasonNoDevice)
	}
	var wrong, found []string
	for _, d := range f.Virtio {
		if d.Features == "" {
			continue // no feature bits were negotiated
		}
		for _, p := range featureProblems(d) {
			wrong = append(wrong, fmt.Sprintf("%s, %s: %s", d.Name, d, p))
		}
		found = append(found, d.Name+" bits "+featureList(d))
	}
	return conclude(wrong, nil, found, unknown("no virtio device has negotiated a feature"))
}

func featureProblems(d virtio.Device) []string {
	var out []string
	for _, p := range prerequisites[d.ID] {
		if d.Has(p.bit) && !slices.ContainsFunc(p.needs, d.Has) {
			out = append(out, fmt.Sprintf("%s (bit %d) without bit %s, %s", p.name, p.bit, bitList(p.needs, " or "), p.section))
		}
	}
	for bit := virtio.Version1 + 1; bit <= lastReserved; bit++ {
		if d.Has(bit) && !d.Modern {
			out = append(out, fmt.Sprintf("bit %d without VERSION_1", bit))
		}
	}
	return out
}

func featureList(d virtio.Device) string {
	var bits []int
	for bit := range len(d.Features) {
		if d.Has(bit) {
			bits = append(bits, bit)
		}
	}
	return bitList(bits, " ")
}

func bitList(bits []int, between string) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(bits), "[]"), " ", between)
}
