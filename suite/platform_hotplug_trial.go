package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/hotplug"
	"vmspec/results/report"
)

// plugNeeds are what a guest asks for a device of each kind, and for its end.
var plugNeeds = map[string]struct{ plug, unplug, noun string }{
	hotplug.Block: {report.NeedBlock, report.UnplugBlock, "block device"},
	hotplug.Net:   {report.NeedNet, report.UnplugNet, "network device"},
}

// PlugNeed is the request for a device of a kind, or for its end.
func PlugNeed(kind, nonce string, unplug bool, seconds uint64) report.Need {
	n := report.Need{Name: plugNeeds[kind].plug, Nonce: nonce, Timeout: int(seconds)}
	if unplug {
		n.Name = plugNeeds[kind].unplug
	}
	return n
}

// checkPlug looks at the device that the host was asked for. Whether the host has
// acted is known to the host: it fails what the guest skips here.
func checkPlug(kind string) func(f *probes.Facts) Finding {
	return func(f *probes.Facts) Finding {
		offers, _ := parseNeeds(f.Kernel.Parameters["needs"])
		d := f.Hotplug.Of(kind)
		switch {
		case whyNotTried(f) != "":
			return skip(whyNotTried(f))
		case !slices.Contains(offers, plugNeeds[kind].plug):
			return skip(ReasonHotplug)
		case f.Hotplug.TrialErr != "":
			return unreadable(f.Hotplug.TrialErr)
		case d == nil:
			return unknown("the host was not asked")
		case d.Asked != "ok":
			return unknown("the host could not be asked: " + d.Asked)
		case d.Came == nil:
			return notCame(f, d)
		}
		return hasCame(d)
	}
}

// notCame judges that no device came.
func notCame(f *probes.Facts, d *hotplug.Device) Finding {
	found := []string{fmt.Sprintf("%s: no %s came", PlugNeed(d.Kind, d.Nonce, false, d.Seconds), plugNeeds[d.Kind].noun)}
	found = appendNonEmpty(found, answered(d.Plug))
	for _, o := range d.Others {
		found = append(found, fmt.Sprintf("%s came, driver %s", o.Place, o.Driver))
	}
	bus := hotplugBus.judge(f, func(string) error { return nil })
	strange := slices.IndexFunc(d.Others, func(o hotplug.Other) bool { return o.Driver == "none" })
	switch {
	case bus.Verdict == Error:
		return unknown(bus.Problem, found...)
	case bus.Verdict == Fail:
		return fail("there is no bus to plug it on", found...)
	case strange >= 0:
		return unknown(d.Others[strange].Place+" came, and no driver of this kernel took it", found...)
	case d.Plug == "done":
		return fail("the host said that it is done, and the guest saw nothing", found...)
	}
	return Finding{Verdict: Skip, Problem: ReasonNoAct, Found: found}
}

func answered(word string) string {
	if word == "" {
		return ""
	}
	return "the host answered: " + word
}

// hasCame judges a device that came.
func hasCame(d *hotplug.Device) Finding {
	found := []string{fmt.Sprintf("%s came at %s after %d ms", d.Came.Name, d.Came.Place, d.Came.After)}
	look := lookedAtDisk
	if d.Kind == hotplug.Net {
		look = lookedAtLink
	}
	wrong, doubt, seen := look(d)
	found = append(found, seen...)
	stays := d.Gone == nil
	if stays {
		found = append(found, fmt.Sprintf("%s: %s stayed", PlugNeed(d.Kind, d.Nonce, true, d.Seconds), d.Came.Name))
		found = appendNonEmpty(found, answered(d.Unplug))
	} else {
		found = append(found, fmt.Sprintf("gone %d ms after that was asked", *d.Gone))
	}
	if stays && d.Unplug == "done" {
		wrong = append(wrong, "the host said that it is unplugged, and the guest sees it still")
	}
	switch {
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), found...)
	case len(doubt) > 0:
		return unknown(doubt[0], found...)
	case stays:
		return Finding{Verdict: Skip, Problem: ReasonNoAct, Found: found}
	}
	return pass(found...)
}

// markFaults are what is wrong with a disk by its first and last block.
var markFaults = map[string]string{
	hotplug.MarkHalf:   "only one end of the disk is that of the disk that the host plugged",
	hotplug.MarkOthers: "the disk was made for another request",
}

func lookedAtDisk(d *hotplug.Device) (wrong, doubt, seen []string) {
	for _, r := range d.Reads {
		switch {
		case isLocalError(r.Result):
			doubt = append(doubt, fmt.Sprintf("read byte %d: %s", r.Offset, r.Result))
		case r.Result != "ok":
			wrong = append(wrong, fmt.Sprintf("read byte %d: %s", r.Offset, r.Result))
		}
	}
	wrong = appendNonEmpty(wrong, markFaults[d.Mark])
	switch {
	case len(d.Reads) == 0:
		doubt = append(doubt, "its blocks are of a size that was not read")
	case len(wrong)+len(doubt) == 0 && d.Mark == hotplug.MarkOurs:
		seen = append(seen, "its first and last block are those of the disk that the host plugged")
	case len(wrong)+len(doubt) == 0:
		seen = append(seen, "its first and last block were read")
	}
	return wrong, doubt, seen
}

func lookedAtLink(d *hotplug.Device) (wrong, doubt, seen []string) {
	switch {
	case isLocalError(d.Up):
		doubt = append(doubt, "bring it up: "+d.Up)
	case d.Up != "ok":
		wrong = append(wrong, "bring it up: "+d.Up)
	case d.Carrier != nil && *d.Carrier:
		seen = append(seen, "it has a link")
	default:
		seen = append(seen, "it has no link")
	}
	if d.Address != "unicast" {
		wrong = append(wrong, "its address is no interface's: "+d.Address)
	}
	return wrong, doubt, seen
}
