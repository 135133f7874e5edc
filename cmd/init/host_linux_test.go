package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/trial"
	"vmspec/results"
	"vmspec/results/report"
	"vmspec/suite"
)

// What the guest asks is what the host reads, and the other way round.
func TestPlugWords(t *testing.T) {
	for _, n := range plugNeeds {
		for _, unplug := range []bool{false, true} {
			asked := trial.Request{Kind: n.kind, Nonce: "7f3a9c21", Unplug: unplug}
			need, ok := report.FindNeed(plugLine(asked))
			require.True(t, ok)
			require.Equal(t, n.need, report.OfferFor(need.Name))
			require.EqualValues(t, hostLimit.Seconds(), need.Timeout)
			for _, done := range []bool{false, true} {
				got, ok := plugAnswer(report.Answer{Done: done, Need: need.Name, Nonce: need.Nonce}.Line())
				require.True(t, ok)
				require.Equal(t, trial.Reply{Request: asked, Done: done}, got)
			}
		}
	}
	for _, line := range []string{"", "done", "done pause nonce=1", "0a1b2c3d"} {
		_, ok := plugAnswer(line)
		require.False(t, ok, line)
	}
}

func TestPauseWords(t *testing.T) {
	need, ok := report.FindNeed(pauseLine("7f3a9c21"))
	require.True(t, ok)
	nonce, done, ok := pauseAnswer(report.Answer{Done: true, Need: need.Name, Nonce: need.Nonce}.Line())
	require.Equal(t, []any{"7f3a9c21", true, true}, []any{nonce, done, ok})
	_, _, ok = pauseAnswer("done hotplug-block nonce=7f3a9c21")
	require.False(t, ok)
}

// The host is asked for what it offers and what is to be judged, and for nothing
// where nothing may change.
func TestHostIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		parameters    string
		kinds         []string
		plugs, pauses bool
	}{
		"nothing is offered": {"", nil, false, false},
		"all is":             {"vmspec.needs=hotplug-block,hotplug-net,pause", []string{"block", "net"}, true, true},
		"one kind":           {"vmspec.needs=hotplug-net", []string{"net"}, true, false},
		"one is left out":    {"vmspec.needs=hotplug-block,hotplug-net vmspec.skip=PLAT-HOTPLUG-NET", []string{"block"}, true, false},
		"nothing may change": {"vmspec.needs=hotplug-block,pause vmspec.readonly", []string{"block"}, false, false},
	} {
		o, _ := foretelling(t, "qemu-virt-gicv2")
		o.notes["parameters"] = []byte(strings.ReplaceAll(c.parameters, " ", "\n") + "\n")
		o.chosen = o.settings()
		require.Equal(t, c.kinds, o.kinds(), name)
		require.Equal(t, c.plugs, plugs(o), name)
		require.Equal(t, c.pauses, pauses(o), name)
		open := o.notYet()
		require.Equal(t, c.plugs && slices.Contains(c.kinds, "block"), slices.Contains(open, "PLAT-HOTPLUG-BLOCK"), name)
		require.Equal(t, c.pauses, slices.Contains(open, "PLAT-CLOCK-PAUSE"), name)
	}
}

// A VM that dies while something is plugged names the trial, and its report stands.
func TestForetellHotplug(t *testing.T) {
	o, printed := foretelling(t, "qemu-virt-devices")
	o.notes["parameters"] = []byte("vmspec.needs=hotplug-block,hotplug-net\n")
	o.chosen = o.settings()
	o.foretell()
	full := suite.JudgeBy(o.chosen, "arm64", o.early.facts).Report()
	r := heardOf(t, printed(), "# vmspec: trial hotplug", plugLine(trial.Request{Kind: "block", Nonce: "1"}))
	require.Equal(t, "in trial hotplug", r.Stopped)
	for _, id := range suite.FindRisk("hotplug").IDs {
		p, _ := r.Point(id)
		require.Equal(t, results.Error, p.Verdict)
		require.Equal(t, "the VM stopped in trial hotplug", p.Problem)
	}
	bus, _ := r.Point("PLAT-HOTPLUG-BUS")
	want, _ := full.Point("PLAT-HOTPLUG-BUS")
	require.Equal(t, want.Verdict, bus.Verdict)
	risk, ok := suite.RiskOf("trial hotplug")
	require.True(t, ok)
	require.Equal(t, "hotplug", risk.Name)
}

// The supervisor waits as long as a trial does in which the host is asked.
func TestHostLimits(t *testing.T) {
	s := &supervisor{scale: 1}
	require.Greater(t, s.limit("trial hotplug"), 2*hostLimit)
	require.Greater(t, s.limit("trial pause"), hostLimit)
	require.Equal(t, 15*time.Second, s.limit("trial disks"))
}
