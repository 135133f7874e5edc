package suite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/disk"
	"vmspec/probes/efi"
	"vmspec/probes/network"
	"vmspec/probes/virtio"
)

// exchange is what goes to and fro between a guest and its devices and
// firmware when somebody tries. The texts ask that these are there; that they
// work is told, and not asked.
var exchange = []Requirement{
	{
		ID: "FW-VAR-WRITE", Title: "A UEFI variable is made, extended and deleted",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"efi", "kernel"}, Kernel: []string{"CONFIG_EFI", "CONFIG_EFIVAR_FS"},
		Check: checkVariableWrite,
		Fix:   "Let SetVariable at run time create, append to and delete a variable, and GetVariable give it back.",
		Refs:  []string{"EBBR 2.7"},
	},
	{
		ID: "PLAT-BLOCK-READ", Title: "Disks are read from the first to the last block",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"disk", "virtio", "xen"},
		Check: checkBlockRead,
		Fix:   "Let each disk answer reads of all the blocks that its stated size has.",
	},
	{
		ID: "PLAT-NET-LINK", Title: "A network interface has a carrier when it is up",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"network", "virtio", "xen", "kernel"},
		Check: checkNetLink,
		Fix:   "Connect the VM's network device, and let it take and give frames.",
	},
	{
		ID: "PLAT-RNG-BYTES", Title: "The virtio entropy device gives random bytes",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"entropy", "virtio"},
		Check: checkEntropy,
		Fix:   "Feed the virtio entropy device from a source that is random and not limited to nothing.",
	},
	{
		ID: "PLAT-CONSOLE-INPUT", Title: "What is typed on a console reaches the guest",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"console", "kernel"},
		Check: checkInput,
		Fix:   "Let the console device take input at the pace at which its interrupts are served, and lose none of it.",
	},
	{
		ID: "PLAT-VIRTIO-PORT", Title: "The ports of a virtio console can be opened",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"console", "virtio", "kernel"},
		Check: checkPorts,
		Fix:   "Let each port that the virtio console announces be opened by the guest.",
	},
}

// untried is why the suite did not try what changes something: a reason of a
// skip, empty where it could.
func untried(f *probes.Facts) string {
	value, given := f.Kernel.Parameters["readonly"]
	switch {
	case f.Kernel.Context == "program":
		return ReasonOwnGuest
	case given && isOn(value):
		return ReasonReadOnly
	}
	return ""
}

// ownErrors begin the results that are the kernel's doing or ours, and say
// nothing of what is behind it.
var ownErrors = []string{"EBUSY", "EEXIST", "EINTR", "EMFILE", "ENOMEM", "EPERM"}

func isOurs(result string) bool {
	name, _, _ := strings.Cut(result, " ")
	return slices.Contains(ownErrors, name)
}

// refused tells whether the firmware did not create the trial's variable for
// another reason than a full store.
func refused(t efi.Trial) bool {
	result := t.Result("create")
	return result != "" && result != "ok" && !isOurs(result) && !strings.HasPrefix(result, "ENOSPC ")
}

func checkVariableWrite(f *probes.Facts) Finding {
	e, t := f.EFI, f.EFI.Trial
	switch {
	case !e.Booted:
		return skip(ReasonNoUEFI)
	case untried(f) != "":
		return skip(untried(f))
	case e.Runtime == efi.RuntimeDisabled:
		return unknown(switchedOff)
	}
	var found []string
	if t.Space != nil {
		found = []string{fmt.Sprintf("%d of %d KiB free", t.Space.Free>>10, t.Space.Total>>10)}
	}
	for _, s := range t.Steps {
		switch {
		case s.Result == "ok":
		case isOurs(s.Result):
			return unknown(s.Name+": "+s.Result, found...)
		default:
			return fail(s.Name+": "+s.Result, found...)
		}
	}
	switch {
	case t.Err != "":
		return unknown(t.Err, found...)
	case t.Result("delete") == "":
		return unknown("the trial did not come to its end", found...)
	}
	return pass(append([]string{"created, extended, deleted"}, found...)...)
}

// ofKind names the virtio devices of a kind and the Xen devices whose name so
// begins.
func ofKind(f *probes.Facts, id int, xen string) []string {
	var out []string
	for _, d := range f.Virtio {
		if d.ID == id {
			out = append(out, d.String())
		}
	}
	for _, d := range f.Xen.Devices {
		if strings.HasPrefix(d.Name, xen) {
			out = append(out, "Xen "+d.Name)
		}
	}
	return out
}

func checkBlockRead(f *probes.Facts) Finding {
	var wrong, silent, found []string
	tried := slices.DeleteFunc(slices.Clone(f.Disk), func(d disk.Disk) bool { return d.Removable || d.Size == 0 })
	for _, d := range tried {
		problem, doubt := problemOf(d)
		switch {
		case problem != "":
			wrong = append(wrong, d.Name+" "+problem)
		case doubt != "":
			silent = append(silent, d.Name+": "+doubt)
		default:
			found = append(found, fmt.Sprintf("%s read by %s of %d bytes, the last at %d", d.Name, count(len(d.Reads), "block"), d.Block, d.Size-d.Block))
		}
	}
	switch {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), found...)
	case len(silent) > 0:
		return unknown(strings.Join(silent, "; "), found...)
	case len(tried) > 0:
		return pass(found...)
	case len(f.Disk) == 0 && len(ofKind(f, virtio.Block, "vbd-")) > 0:
		return unknown("this kernel made no disk of " + strings.Join(ofKind(f, virtio.Block, "vbd-"), ", "))
	}
	return skip(ReasonNoDevice)
}

// problemOf says which block of a disk could not be read by the disk's fault,
// or why it is not known whether both ends can be.
func problemOf(d disk.Disk) (problem, doubt string) {
	var first, last bool
	for _, r := range d.Reads {
		at := fmt.Sprintf("at byte %d: %s", r.Offset, r.Result)
		switch {
		case r.Result == "ok":
			first, last = first || r.Offset == 0, last || r.Offset == d.Size-d.Block
		case isOurs(r.Result), strings.HasPrefix(r.Result, "EINVAL "): // the kernel's way to ask for another memory
			doubt = at
		default:
			return at, ""
		}
	}
	if first && last {
		return "", doubt
	}
	return "", cmp.Or(d.OpenErr, d.TrialErr, doubt, "the trial did not come to its end")
}

func checkNetLink(f *probes.Facts) Finding {
	var carried, without, silent []string
	for _, i := range f.Network {
		t := i.Trial
		name := fmt.Sprintf("%s (%s)", i.Name, i.Driver)
		switch {
		case t.Carrier != nil && *t.Carrier:
			carried = append(carried, name+" has a carrier, "+answer(t))
		case t.Carrier != nil:
			without = append(without, "no carrier on "+name)
		default:
			silent = append(silent, i.Name+": "+cmp.Or(t.Err, t.Up, "not tried"))
		}
	}
	nics := ofKind(f, virtio.Net, "vif-")
	switch {
	case len(f.Network) == 0 && len(nics) > 0:
		return unknown("this kernel made no interface of " + strings.Join(nics, ", "))
	case len(f.Network) == 0:
		return skip(ReasonNoDevice)
	case untried(f) != "":
		return skip(untried(f))
	case len(carried) > 0: // that others are not plugged in is the operator's choice
		return pass(append(carried, without...)...)
	case len(silent) > 0:
		return unknown(strings.Join(silent, "; "), without...)
	}
	return fail(strings.Join(without, ", "))
}

// answer says what came of asking for an address.
func answer(t network.Trial) string {
	switch {
	case t.Offer != nil:
		return fmt.Sprintf("and DHCP an answer after %d ms", *t.Offer)
	case t.Ask == "ok":
		return "and nobody answered DHCP"
	}
	return "and DHCP could not be tried: " + cmp.Or(t.Ask, t.Err)
}

func checkEntropy(f *probes.Facts) Finding {
	e := f.Entropy
	found := fmt.Sprintf("%d bytes of %s have %s", e.Bytes, e.Source, count(int(e.Distinct), "value"))
	switch {
	case !slices.ContainsFunc(f.Virtio, func(d virtio.Device) bool { return d.ID == virtio.Entropy }):
		return skip(ReasonNoDevice)
	case e.TrialErr != "":
		return unknown(e.TrialErr)
	case !strings.HasPrefix(e.Source, "virtio_rng"):
		return unknown("the kernel takes its random bytes from another source: " + e.Source)
	case e.Bytes < leastBytes: // its host may limit it
		return unknown(fmt.Sprintf("no more than %s came in time", count(int(e.Bytes), "byte")))
	case e.Distinct == 1:
		return fail(fmt.Sprintf("all %d bytes are the same", e.Bytes))
	}
	return pass(found)
}

// leastBytes is how many bytes must come before their sameness tells
// something: by chance 8 are alike once in 2^56 times.
const leastBytes = 8

// checkInput looks for the words that somebody was asked to type. A terminal's
// own answers to firmware, or a person's slip, are no fault of the console's.
func checkInput(f *probes.Facts) Finding {
	c := f.Console
	var came, wrong, other, silent []string
	for _, i := range c.Inputs {
		line := strings.TrimRight(i.Typed, "\r\n")
		switch {
		case i.Asked != "ok":
			silent = append(silent, i.Terminal+": "+i.Asked)
		case line == i.Word:
			came = append(came, i.Terminal+" took what was typed")
		case len(line) < len(i.Typed) && resembles(line, i.Word):
			wrong = append(wrong, fmt.Sprintf("%s read %q for %s", i.Terminal, line, i.Word))
		case i.Typed != "":
			other = append(other, fmt.Sprintf("%s read %q, not %s", i.Terminal, i.Typed, i.Word))
		}
	}
	switch {
	case untried(f) != "":
		return skip(untried(f))
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), came...)
	case len(came) > 0:
		return pass(came...)
	case len(other) > 0:
		return unknown(strings.Join(other, "; "))
	case c.InputErr != "":
		return unknown(c.InputErr)
	case len(c.Inputs) == 0:
		return skip(ReasonNoDevice)
	case len(silent) == len(c.Inputs):
		return unknown(strings.Join(silent, "; "))
	}
	return skip(ReasonNobody)
}

// resembles tells whether a whole line is a word of which characters were lost
// or altered, up to half of them.
func resembles(line, word string) bool {
	if len(line) > len(word) || 2*len(line) < len(word) {
		return false
	}
	same, rest := 0, word
	for i := range line {
		if line[i] == word[i] {
			same++
		}
		_, behind, found := strings.Cut(rest, line[i:i+1])
		if rest = behind; !found && len(line) < len(word) {
			return false
		}
	}
	return len(line) < len(word) || 2*same >= len(word)
}

// checkPorts leaves out the ports that are terminals: Linux lists them with
// the others, and answers ENXIO to who opens them but as hvc
// (drivers/char/virtio_console.c, port_fops_open).
func checkPorts(f *probes.Facts) Finding {
	c := f.Console
	var opened, wrong, silent []string
	for _, p := range c.Ports {
		switch {
		case strings.HasPrefix(p.Result, "ENXIO "):
		case p.Result == "ok":
			opened = append(opened, p.Name)
		case isOurs(p.Result):
			silent = append(silent, p.Name+": "+p.Result)
		default:
			wrong = append(wrong, p.Name+": "+p.Result)
		}
	}
	switch {
	case !slices.ContainsFunc(f.Virtio, func(d virtio.Device) bool { return d.ID == virtio.Console }):
		return skip(ReasonNoDevice)
	case untried(f) != "":
		return skip(untried(f))
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), opened...)
	case c.PortsErr != "":
		return unknown(c.PortsErr)
	case len(silent) > 0:
		return unknown(strings.Join(silent, "; "), opened...)
	case len(opened) == 0: // a console alone
		return skip(ReasonNoDevice)
	}
	return pass(strings.Join(opened, " ") + " opened")
}
