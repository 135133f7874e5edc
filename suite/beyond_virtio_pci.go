package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/pci"
	"vmspec/probes/virtio"
)

// beyondVirtioPCI is what Virtual I/O Device 1.2 asks of devices on PCI.
var beyondVirtioPCI = []Requirement{
	{
		ID: "PLAT-VIRTIO-IDS", Title: "Virtio devices on PCI have the right IDs",
		Asked: "Drivers choose devices by their PCI IDs.",
		How: "Compares the device, subsystem and revision IDs of virtio's PCI functions with the device's type. A wrong one " +
			"fails. Skipped without such functions; a configuration space that cannot be read is an error.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"pci", "virtio"},
		Check: checkVirtioIDs,
		Fix:   "Give a device the ID 0x1040 + type and revision 1, a transitional one revision 0 and its type as subsystem ID.",
		Refs:  []string{"VIRTIO 1.2 4.1.2"},
	},
	{
		ID: "PLAT-VIRTIO-PCI", Title: "Virtio devices on PCI show whole structures",
		Asked: "Drivers find a modern virtio device's registers by its capabilities.",
		How: "Looks for the structures that Virtio asks for, their alignment and length, and whether they lie in their BARs. A" +
			" fault fails; legacy devices are left to PLAT-VIRTIO-MODERN. Skipped without virtio on PCI; what is hidden is an" +
			" error.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"pci"},
		Check: checkVirtioPCI,
		Fix:   "Present the structures common, notify, ISR, device and PCI access as capabilities, aligned and inside their BARs.",
		Refs:  []string{"VIRTIO 1.2 4.1.4"},
	},
}

// firstModern is the first device ID that is not transitional: Virtual I/O
// Device 1.2, section 4.1.2.
const firstModern = 0x1040

// virtioFunctions are the PCI functions with virtio's IDs. Functions with a
// vendor's own IDs are not judged.
func virtioFunctions(f *pci.Facts) []pci.Function {
	return slices.DeleteFunc(slices.Clone(f.Functions), func(fn pci.Function) bool { return !fn.Virtio() })
}

func checkVirtioIDs(f *probes.Facts) Finding {
	var wrong, doubt []string
	functions := virtioFunctions(f.PCI)
	known, transitional := 0, 0
	for _, fn := range functions {
		if fn.Config == nil {
			doubt = append(doubt, fn.Address+": "+fn.ConfigErr)
			continue
		}
		if p := idProblem(fn, f.Virtio); p != "" {
			wrong = append(wrong, fn.Address+": "+p)
		}
		known++
		if fn.Device < firstModern {
			transitional++
		}
	}
	return conclude(wrong, doubt, share(transitional, known, "device", "transitional"), skip(ReasonNoDevice))
}

func idProblem(fn pci.Function, devices []virtio.Device) string {
	kind, what := int(fn.Device)-firstModern, "the device ID"
	switch {
	case kind < 0 && fn.Config.Revision != 0:
		return fmt.Sprintf("transitional device %#x of revision %d, want 0", fn.Device, fn.Config.Revision)
	case kind < 0:
		kind, what = fn.Config.Subsystem, "the subsystem ID"
	case fn.Config.Revision == 0:
		return fmt.Sprintf("device %#x of revision 0, want 1 or higher", fn.Device)
	}
	for _, d := range devices {
		if d.Function == fn.Address && d.ID != kind {
			return fmt.Sprintf("%s is that of type %d, the device is of type %d", what, kind, d.ID)
		}
	}
	if kind == 0 {
		return what + " is that of no type"
	}
	return ""
}

// hasConfiguration are the device types that have a configuration: Virtual I/O
// Device 1.2, sections 5.1 to 5.19.
var hasConfiguration = map[int]bool{
	virtio.Net: true, virtio.Block: true, virtio.Console: true, virtio.Balloon: true,
	8: true, 16: true, 18: true, 19: true, 20: true, 23: true, 24: true, 25: true, 26: true, 27: true,
}

// structureForm is the alignment and the least length of each structure:
// Virtual I/O Device 1.2, section 4.1.4.3 and those after it.
var structureForm = map[string]struct{ align, least uint64 }{
	pci.VirtioCommon: {4, 56}, pci.VirtioNotify: {2, 2}, pci.VirtioISR: {1, 1}, pci.VirtioDevice: {4, 1},
}

func checkVirtioPCI(f *probes.Facts) Finding {
	var wrong, doubt []string
	functions := virtioFunctions(f.PCI)
	modern, legacy := 0, 0
	for _, fn := range functions {
		c := fn.Config
		if c == nil || c.Hidden {
			doubt = append(doubt, fn.Address+": "+fn.ConfigErr)
			continue
		}
		structures := virtioStructures(c)
		if len(structures) == 0 && fn.Device < firstModern {
			legacy++ // left to PLAT-VIRTIO-MODERN
			continue
		}
		for _, p := range structureProblems(fn, structures) {
			wrong = append(wrong, fn.Address+": "+p)
		}
		if fn.ResourceErr != "" {
			doubt = append(doubt, fn.ResourceErr)
		}
		modern++
	}
	return conclude(wrong, doubt, share(modern, len(functions)-legacy, "device", "with structures"), skip(ReasonNoDevice))
}

func virtioStructures(c *pci.Config) []pci.Structure {
	return slices.DeleteFunc(slices.Clone(c.Structures), func(s pci.Structure) bool { return !strings.HasPrefix(s.Kind, "virtio ") })
}

// structureProblems judges the first structure of each kind, which is the one
// that drivers use.
func structureProblems(fn pci.Function, structures []pci.Structure) []string {
	var out []string
	kind := int(fn.Device) - firstModern
	if kind < 0 {
		kind = fn.Config.Subsystem
	}
	for _, want := range []string{pci.VirtioCommon, pci.VirtioNotify, pci.VirtioISR, pci.VirtioDevice, pci.VirtioAccess} {
		at := slices.IndexFunc(structures, func(s pci.Structure) bool { return s.Kind == want })
		switch {
		case at >= 0:
			out = append(out, structureProblem(fn, structures[at])...)
		case want != pci.VirtioDevice || hasConfiguration[kind]:
			out = append(out, "no structure "+want)
		}
	}
	for _, s := range structures {
		if s.Kind == pci.VirtioMemory {
			out = append(out, outsideBAR(fn, s)...)
		}
	}
	return out
}

func structureProblem(fn pci.Function, s pci.Structure) []string {
	if s.Kind == pci.VirtioAccess {
		return nil
	}
	var out []string
	form := structureForm[s.Kind]
	if s.Offset%form.align != 0 {
		out = append(out, fmt.Sprintf("%s at offset %#x, not aligned to %d", s.Kind, s.Offset, form.align))
	}
	if s.Length < form.least {
		out = append(out, fmt.Sprintf("%s of %d bytes, want %d", s.Kind, s.Length, form.least))
	}
	if m := s.Multiplier; m&(m-1) != 0 || m == 1 {
		out = append(out, fmt.Sprintf("notify_off_multiplier %d, want an even power of 2, or 0", m))
	}
	return append(out, outsideBAR(fn, s)...)
}

// outsideBAR says whether a structure reaches outside its BAR. It says nothing
// if the BARs are unknown.
func outsideBAR(fn pci.Function, s pci.Structure) []string {
	if fn.ResourceErr != "" {
		return nil
	}
	at := slices.IndexFunc(fn.BARs, func(b pci.BAR) bool { return b.Index == s.BAR })
	switch {
	case at < 0:
		return []string{fmt.Sprintf("%s in BAR %d, which is not there", s.Kind, s.BAR)}
	case s.Offset > fn.BARs[at].Size || s.Length > fn.BARs[at].Size-s.Offset:
		return []string{fmt.Sprintf("%s at %#x+%#x, BAR %d has %#x bytes", s.Kind, s.Offset, s.Length, s.BAR, fn.BARs[at].Size)}
	}
	return nil
}
