package suite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/disk"
	"vmspec/probes/entropy"
	"vmspec/probes/network"
	"vmspec/probes/virtio"
)

// beyondDevice is whether disks, networks and the entropy device work. The
// texts ask only that they are there.
var beyondDevice = []Requirement{
	{
		ID: "PLAT-BLOCK-READ", Title: "Disks are read from the first to the last block",
		Asked: "A disk that has fewer blocks than it states loses data.",
		How: "Reads the first, the last and two other blocks of each disk. A read that the disk fails, fails, and so " +
			"does a virtio disk that refused its driver. Skipped without a disk; what was not read, or another disk " +
			"that Linux does not show, is an error.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"disk", "virtio", "xen"},
		Check: checkBlockRead,
		Fix:   "Let each disk answer reads of all the blocks that its stated size has.",
	},
	{
		ID: "PLAT-NET-LINK", Title: "A network interface has a carrier when it is up",
		Asked: "A network device is of use only when it is connected.",
		How: "Brings each Ethernet interface up and asks for an address by DHCP, which is told only. One carrier passes, none " +
			"fails; what was not tried is an error. Skipped without an interface, with vmspec.readonly, and in a guest that " +
			"we did not boot.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"network", "virtio", "xen", "kernel"},
		Check: checkNetLink,
		Fix:   "Connect the VM's network device, and let it take and give frames.",
	},
	{
		ID: "PLAT-RNG-BYTES", Title: "The virtio entropy device gives random bytes",
		Asked: "A guest without random bytes waits at boot, or makes weak keys.",
		How: "Reads 32 bytes from /dev/hwrng. If eight or more came and all are equal, it fails. Fewer in time, or another " +
			"source than virtio's, is an error. Skipped without a virtio entropy device.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"entropy", "virtio"},
		Check: checkEntropy,
		Fix:   "Feed the virtio entropy device from a random source, and do not limit its rate to zero.",
	},
}

// devicesOfKind names the virtio devices with this ID, and the Xen devices
// whose name has this prefix.
func devicesOfKind(f *probes.Facts, id int, xen string) []string {
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
		problem, doubt := diskProblem(d)
		switch {
		case problem != "":
			wrong = append(wrong, d.Name+" "+problem)
		case doubt != "":
			silent = append(silent, d.Name+": "+doubt)
		default:
			found = append(found, fmt.Sprintf("%s: %s of %d bytes read, the last at byte %d", d.Name, count(len(d.Trial.Reads), "block"), d.Block, d.Last()))
		}
	}
	lost := refused(f, virtio.Block)
	switch {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), found...)
	case len(lost) > 0:
		return sinceRefused(lost, found...)
	case len(silent) > 0:
		return unreadable(strings.Join(silent, "; "), found...)
	case len(tried) > 0:
		return pass(found...)
	case len(f.Disk) == 0 && len(devicesOfKind(f, virtio.Block, "vbd-")) > 0:
		return unknown("this kernel has no disk for " + strings.Join(devicesOfKind(f, virtio.Block, "vbd-"), ", "))
	}
	return skip(ReasonNoDevice)
}

// diskProblem says which block the disk failed to read. If nothing failed but
// one end of the disk was not read, it says why that is in doubt.
func diskProblem(d disk.Disk) (problem, doubt string) {
	var first, last bool
	for _, r := range d.Trial.Reads {
		at := fmt.Sprintf("at byte %d: %s", r.Offset, r.Result)
		switch {
		case r.Result == "ok":
			first, last = first || r.Offset == 0, last || r.Offset == d.Last()
		case isLocalError(r.Result), strings.HasPrefix(r.Result, "EINVAL "): // the kernel wants a buffer of another alignment
			doubt = at
		default:
			return at, ""
		}
	}
	if first && last {
		return "", doubt
	}
	return "", cmp.Or(d.Trial.OpenErr(), d.Trial.Err, doubt, "the trial did not finish")
}

func checkNetLink(f *probes.Facts) Finding {
	var carried, without, silent []string
	for _, i := range f.Network {
		t := i.Trial
		name := fmt.Sprintf("%s (%s)", i.Name, i.Driver)
		switch {
		case t.Carrier != nil && *t.Carrier:
			carried = append(carried, name+" has a carrier; "+dhcpAnswer(t))
		case t.Carrier != nil:
			without = append(without, "no carrier on "+name)
		default:
			silent = append(silent, i.Name+": "+cmp.Or(t.Err, t.Up, "not tried"))
		}
	}
	nics := devicesOfKind(f, virtio.Net, "vif-")
	lost := refused(f, virtio.Net)
	switch {
	case len(f.Network) == 0 && len(lost) > 0:
		return sinceRefused(lost)
	case len(f.Network) == 0 && len(nics) > 0:
		return unknown("this kernel has no interface for " + strings.Join(nics, ", "))
	case len(f.Network) == 0:
		return skip(ReasonNoDevice)
	case whyNotTried(f) != "":
		return skip(whyNotTried(f))
	case len(carried) > 0: // the operator may leave others unplugged
		return pass(append(carried, without...)...)
	case len(silent) > 0:
		return unreadable(strings.Join(silent, "; "), without...)
	}
	return fail(strings.Join(without, ", "))
}

// dhcpAnswer says how the request for an address ended.
func dhcpAnswer(t network.Trial) string {
	switch {
	case t.Offer != nil:
		return fmt.Sprintf("DHCP answered after %d ms", *t.Offer)
	case t.Ask == "ok":
		return "nobody answered DHCP"
	}
	return "DHCP could not be tried: " + cmp.Or(t.Ask, t.Err)
}

func checkEntropy(f *probes.Facts) Finding {
	e := f.Entropy
	drawn := cmp.Or(e.Drawn, &entropy.Drawn{})
	found := fmt.Sprintf("%d bytes from %s, %s", drawn.Bytes, e.Source, count(int(drawn.Distinct), "different value"))
	switch {
	case !slices.ContainsFunc(f.Virtio, func(d virtio.Device) bool { return d.ID == virtio.Entropy }):
		return skip(ReasonNoDevice)
	case len(refused(f, virtio.Entropy)) > 0 && !strings.HasPrefix(e.Source, "virtio_rng"):
		return sinceRefused(refused(f, virtio.Entropy))
	case e.TrialErr != "":
		return untried(f, virtio.Entropy, "entropy device", e.TrialErr)
	case !strings.HasPrefix(e.Source, "virtio_rng"):
		return unknown("the kernel takes its random bytes from another source: " + e.Source)
	case drawn.Bytes < minEntropyBytes: // the host may limit the rate
		return unknown(fmt.Sprintf("only %s came in time", count(int(drawn.Bytes), "byte")))
	case drawn.Distinct == 1:
		return fail(fmt.Sprintf("all %d bytes are the same", drawn.Bytes))
	}
	return pass(found)
}

// minEntropyBytes is the number of bytes after which equal bytes are a failure:
// the chance that 8 random bytes are equal is 1 in 2^56.
const minEntropyBytes = 8
