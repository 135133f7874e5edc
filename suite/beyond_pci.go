package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/gic"
	"vmspec/probes/pci"
	"vmspec/probes/virtio"
)

// beyondPCI is what the PCI specifications ask and a guest can see.
var beyondPCI = []Requirement{
	{
		ID: "PLAT-PCI-CONFIG", Title: "PCI configuration spaces are well formed",
		Asked: "Drivers find what a PCI function can do by its header and its capability lists.",
		How: "Reads each function's configuration space. A header type that does not fit the class, or a list without an end, " +
			"fails. Skipped without PCI; a space that only root can read is an error.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"pci"},
		Check: checkPCIConfig,
		Fix:   "Let the header type fit the class, and each capability list come to its end inside the configuration space.",
		Refs:  []string{"PCIe 6.0 7.5.1", "PCIe 6.0 7.6"},
	},
	{
		ID: "PLAT-PCI-BARS", Title: "BARs lie in their bridges' windows",
		Asked: "A device whose registers lie in no window of its bridges cannot be driven.",
		How: "Looks at where Linux placed each memory BAR, and at MSI-X tables in them. A BAR that has no place, is not " +
			"aligned or lies outside fails; I/O space is not judged. Skipped without BARs; what is hidden is an error.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"pci"},
		Check: checkBARs,
		Fix:   "Give the host bridge windows that hold all BARs, and BARs that are as large as what is in them.",
		Refs:  []string{"PCIe 6.0 7.5.1.2", "PCIe 6.0 7.7.2"},
	},
	{
		ID: "PLAT-PCI-MSI", Title: "PCIe devices interrupt by messages",
		Asked: "Drivers of PCIe devices expect message interrupts; some do not work without.",
		How: "Passes if the description has a GICv2m frame, an ITS, mbi-ranges or another MSI controller, or if " +
			"/proc/interrupts has messages, else fails. Skipped without PCI, or if it declares no GIC; a description that " +
			"cannot be read is an error.",
		Subject: Platform, Kind: Evidence, Clauses: bySBSA(), Readings: asSBSA,
		Needs: []string{"gic", "pci"},
		Check: checkMSI,
		Fix:   "With PCIe give a GICv2 a v2m frame and a GICv3 an ITS.",
		Refs:  []string{"B_GIC_02", "B_GIC_03", "V_L1GI_01"},
	},
	{
		ID: "PLAT-PCI-MSI-COUNT", Title: "Interrupts of PCI devices arrive as messages",
		Asked: "Messages that are declared must also arrive, or drivers hang.",
		How: "Counts the message interrupts of PCI devices. It fails if the driver of a virtio device fell back to INTx, or a " +
			"virtio disk sent none. Else some pass; if perhaps nobody sent one, it is an error. Skipped without PCI, or without " +
			"MSI in the GIC or the devices.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"gic", "kernel", "pci", "virtio"}, Kernel: []string{"CONFIG_PCI_MSI"},
		Check: checkMSICount,
		Fix:   "Connect PCI to the v2m frame or the ITS, in the device tree by msi-map or msi-parent, and deliver each message.",
		Refs:  []string{"V_L1GI_01"},
	},
}

// reasonNoMSI is a machine-readable reason of a skip: the GIC has neither a v2m
// frame nor an ITS.
const reasonNoMSI = "no-msi"

func checkPCIConfig(f *probes.Facts) Finding {
	var wrong, doubt []string
	whole, on := 0, 0
	for _, fn := range f.PCI.Functions {
		c := fn.Config
		switch {
		case c == nil || c.Hidden:
			doubt = append(doubt, fn.Address+": "+fn.ConfigErr)
			continue
		case headerProblem(fn) != "":
			wrong = append(wrong, fn.Address+": "+headerProblem(fn))
		case c.ListErr != "":
			wrong = append(wrong, fn.Address+": "+c.ListErr)
		}
		whole++
		on += c.Capabilities + c.Extended
	}
	return conclude(wrong, doubt, share(whole, len(f.PCI.Functions), "function", fmt.Sprintf("readable, capabilities: %d", on)), skip(ReasonNoDevice))
}

// Class codes: PCI Code and ID Assignment Specification, section 1.7.
const (
	bridgeClass = 0x06   // any bridge
	pciBridge   = 0x0604 // a bridge between PCI buses, with header type 1
)

func headerProblem(fn pci.Function) string {
	switch header, class := fn.Config.Header, fn.Class>>8; {
	case header > 2:
		return fmt.Sprintf("header type %d", header)
	case header == 0 && class == pciBridge, header == 1 && class>>8 != bridgeClass:
		return fmt.Sprintf("header type %d with class %#x", header, fn.Class)
	}
	return ""
}

func checkBARs(f *probes.Facts) Finding {
	var wrong, doubt []string
	bars, claimed := 0, 0
	for _, fn := range f.PCI.Functions {
		if fn.ResourceErr != "" {
			doubt = append(doubt, fn.ResourceErr)
			continue
		}
		for _, b := range fn.BARs {
			bars++
			if b.Claimed {
				claimed++
			}
			if p := barProblem(b, f.PCI.IomemErr == ""); p != "" {
				wrong = append(wrong, fmt.Sprintf("%s BAR %d: %s", fn.Address, b.Index, p))
			}
		}
		for _, p := range tableProblems(fn) {
			wrong = append(wrong, fn.Address+": "+p)
		}
	}
	if f.PCI.IomemErr != "" && len(f.PCI.Functions) > 0 {
		doubt = append(doubt, f.PCI.IomemErr)
	}
	return conclude(wrong, doubt, share(claimed, bars, "BAR", "in windows of memory"), skip(ReasonNoDevice))
}

// barProblem does not judge I/O space: a machine may have none, and drivers
// work without it.
func barProblem(b pci.BAR, claims bool) string {
	switch {
	case b.IO:
		return ""
	case !b.Fixed && b.Size&(b.Size-1) != 0:
		return fmt.Sprintf("%#x bytes, not a power of 2", b.Size)
	case !b.Placed:
		return fmt.Sprintf("no window has room for its %#x bytes", b.Size)
	case !b.Fixed && b.Start%b.Size != 0:
		return fmt.Sprintf("at %#x, not aligned to its %#x bytes", b.Start, b.Size)
	case claims && !b.Claimed:
		return fmt.Sprintf("%#x+%#x is in no window of the bridge above", b.Start, b.Size)
	}
	return ""
}

func tableProblems(fn pci.Function) []string {
	if fn.Config == nil {
		return nil
	}
	var out []string
	for _, s := range fn.Config.Structures {
		if strings.HasPrefix(s.Kind, "MSI-X ") {
			out = append(out, outsideBAR(fn, s)...)
		}
	}
	return out
}

// checkMSI believes what works before what is declared: a hypervisor can have
// interrupts of its own for PCI.
func checkMSI(f *probes.Facts) Finding {
	seen := messageChips(f.PCI.Messages)
	switch {
	case len(f.PCI.Functions) == 0:
		return skip(ReasonNoDevice)
	case f.GIC.MSI != "":
		return pass(f.GIC.MSI + " is declared")
	case len(seen) > 0:
		return pass("in use: "+strings.Join(seen, ", "), "neither a GICv2m frame nor an ITS is declared")
	case f.GIC.Declared.Err != "":
		return unreadable(f.GIC.Declared.Err)
	case f.GIC.Declared.Version == 0:
		return skip(ReasonNoGIC)
	}
	return fail("the VM has PCI, and neither a GICv2m frame nor an ITS is declared", count(len(f.PCI.Functions), "PCI function"))
}

// messageChips names once what delivers messages, without the function at the end
// of the name since Linux 6.11.
func messageChips(messages []gic.Message) (chips []string) {
	for _, m := range messages {
		chip, _, _ := strings.Cut(m.Chip, "-0000:")
		chips = append(chips, chip)
	}
	slices.Sort(chips)
	return slices.Compact(chips)
}

func checkMSICount(f *probes.Facts) Finding {
	var total uint64
	for _, m := range f.PCI.Messages {
		total += m.Count
	}
	users := msiUsers(f)
	found := fmt.Sprintf("%s by %s", count(int(total), "interrupt"), count(len(f.PCI.Messages), "message"))
	switch {
	case len(f.PCI.Functions) == 0:
		return skip(ReasonNoDevice)
	case f.PCI.MessagesErr != "":
		return unreadable(f.PCI.MessagesErr)
	case f.GIC.MSI == "" && len(f.PCI.Messages) == 0 && f.GIC.Declared.Err != "":
		return unreadable(f.GIC.Declared.Err)
	case f.GIC.MSI == "" && len(f.PCI.Messages) == 0:
		return skip(reasonNoMSI)
	case total == 0 && !slices.ContainsFunc(f.PCI.Functions, mayHaveMSI):
		return skip(ReasonNoDevice)
	case len(users) == 0 && total > 0:
		return pass(found, "no virtio device has messages, of which it would be known")
	case len(users) == 0:
		return unknown("no driver in this kernel uses a device that has MSI", found)
	case strings.Contains(f.Kernel.Value("pci"), "nomsi"):
		return unknown("the command line says pci=nomsi", found)
	}
	return judgeMessages(f, users, total, found)
}

// mayHaveMSI reports whether a function has MSI, or whether that is unknown.
func mayHaveMSI(fn pci.Function) bool {
	return fn.Config == nil || fn.Config.Hidden || fn.Config.MSI != ""
}

// msiUsers are the functions of running virtio devices with MSI. The virtio
// driver always asks for it.
func msiUsers(f *probes.Facts) []pci.Function {
	return slices.DeleteFunc(virtioFunctions(f.PCI), func(fn pci.Function) bool {
		d, ok := deviceOf(fn, f.Virtio)
		return !ok || d.Status&driverOK == 0 || fn.Config == nil || fn.Config.MSI == ""
	})
}

func deviceOf(fn pci.Function, devices []virtio.Device) (virtio.Device, bool) {
	at := slices.IndexFunc(devices, func(d virtio.Device) bool { return d.Function == fn.Address })
	if at < 0 {
		return virtio.Device{}, false
	}
	return devices[at], true
}

// judgeMessages judges each device that should have sent messages. A disk must have
// sent one, because Linux reads its partitions. Other devices may be idle.
func judgeMessages(f *probes.Facts, users []pci.Function, total uint64, found string) Finding {
	var wrong []string
	idle, off := 0, 0
	for _, fn := range users {
		d, _ := deviceOf(fn, f.Virtio)
		came, known := messagesOf(d, f.PCI.Messages)
		switch {
		case !fn.Config.Enabled:
			off++
		case came > 0:
		case d.ID == virtio.Block && total == 0:
			wrong = append(wrong, "no message came, not even from the disk "+fn.Address)
		case d.ID == virtio.Block && known:
			wrong = append(wrong, "no message came from the disk "+fn.Address)
		default:
			idle++
		}
	}
	if off > 0 {
		wrong = append(wrong, "the drivers of "+count(off, "device")+" with MSI got no message interrupt and fell back to INTx")
	}
	switch {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), found)
	case total == 0:
		return unknown("no message came, but perhaps no device sent one", found)
	case idle > 0:
		return pass(found, fmt.Sprintf("%d of %s sent none", idle, count(len(users), "virtio device")))
	}
	return pass(found)
}

// messagesOf counts the messages of a device, and tells whether any interrupt is
// known to be its. Linux names their users after it, such as virtio0-req.0.
func messagesOf(d virtio.Device, messages []gic.Message) (came uint64, known bool) {
	for _, m := range messages {
		if slices.ContainsFunc(m.Users, func(user string) bool { return strings.HasPrefix(user, d.Name+"-") }) {
			came, known = came+m.Count, true
		}
	}
	return came, known
}
