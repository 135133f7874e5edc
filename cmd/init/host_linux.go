package main

import (
	"slices"
	"time"

	"vmspec/probes/console"
	"vmspec/probes/hotplug"
	"vmspec/probes/rtc"
	"vmspec/probes/trial"
	"vmspec/results/report"
	"vmspec/suite"
)

// The trials in which the host must help: each is made only if the host offers what
// it needs, by vmspec.needs.

// hostLimit is how long the host may take for one thing. A device that is asked to
// leave has five seconds in which somebody may change his mind (PCI Express Base
// Specification 6.0, 6.7.1.5), and its guest waits them.
const hostLimit = 30 * time.Second

var hostRisks = []risk{
	{"hotplug", new(hotplug.Note), []string{"hotplug"}, plugs, tryHotplug},
	{"pause", new(rtc.PauseNote), []string{"rtc"}, pauses, tryPause},
}

// A plugNeed is what is asked for a device of a kind, and the requirement that rests
// on it.
type plugNeed struct{ kind, need, id string }

var plugNeeds = []plugNeed{
	{hotplug.Block, report.NeedBlock, "PLAT-HOTPLUG-BLOCK"},
	{hotplug.Net, report.NeedNet, "PLAT-HOTPLUG-NET"},
}

// kinds are those of the devices that the host is to plug.
func (o *observation) kinds() (kinds []string) {
	for _, n := range plugNeeds {
		if o.chosen.Offers(n.need) && o.chosen.Chosen(n.id) {
			kinds = append(kinds, n.kind)
		}
	}
	return kinds
}

// restOn are the requirements that rest on a trial in this guest: of devices, those on
// the ones that the host is to plug.
func (o *observation) restOn(name string) []string {
	ids := suite.FindRisk(name).IDs
	if name != "hotplug" {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return !slices.ContainsFunc(plugNeeds, func(n plugNeed) bool { return n.id == id && o.chosen.Offers(n.need) })
	})
}

func plugs(o *observation) bool {
	return o.mayChange() && slices.ContainsFunc(plugNeeds, func(n plugNeed) bool { return o.chosen.Offers(n.need) })
}

func tryHotplug(o *observation) {
	var n hotplug.Note
	o.risky("hotplug", &n, func() error {
		return trial.Plug(o.root, o.asking(), o.kinds(), trial.Host{Request: plugLine, Answer: plugAnswer, Load: o.loadMore, Within: hostLimit}, &n)
	})
}

func plugLine(r trial.Request) string {
	return suite.PlugNeed(r.Kind, r.Nonce, r.Unplug, uint64(hostLimit.Seconds())).Line()
}

// plugAnswer reads the answer to a request for a device.
func plugAnswer(line string) (r trial.Reply, ok bool) {
	a, ok := report.ParseAnswer(line)
	at := slices.IndexFunc(plugNeeds, func(n plugNeed) bool { return n.need == report.OfferFor(a.Need) })
	if !ok || at < 0 {
		return r, false
	}
	return trial.Reply{Request: trial.Request{Kind: plugNeeds[at].kind, Nonce: a.Nonce, Unplug: a.Need != plugNeeds[at].need}, Done: a.Done}, true
}

func pauses(o *observation) bool {
	return o.mayChange() && hasClock(o) && o.chosen.Offers(report.NeedPause)
}

func tryPause(o *observation) {
	var n rtc.PauseNote
	o.risky("pause", &n, func() error {
		return trial.Pause(o.root, o.asking(), pauseLine, pauseAnswer, hostLimit, &n)
	})
}

func pauseLine(nonce string) string {
	return report.Need{Name: report.NeedPause, Nonce: nonce, Timeout: int(hostLimit.Seconds())}.Line()
}

func pauseAnswer(line string) (nonce string, done, ok bool) {
	a, ok := report.ParseAnswer(line)
	return a.Nonce, a.Done, ok && a.Need == report.NeedPause
}

// asking lists the terminals on which the host is asked.
func (o *observation) asking() (names []string) {
	facts, err := console.Read(o.root)
	if err != nil {
		return nil
	}
	return askable(facts)
}

// loadMore loads the drivers of devices that came, as a part of the trial: not as
// steps of their own.
func (o *observation) loadMore() {
	l := newLoader(o.root, func(string) error { return nil })
	if o.modules != nil { // else a worker before has loaded some, which are loaded again in vain
		l.tried, l.loaded, l.left = o.modules.tried, o.modules.loaded, o.modules.left
	}
	l.loadFor(l.enumerated())
}
