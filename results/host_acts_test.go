package results

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// A host that says that it has acted is held against what its guest saw.
func TestObserveActs(t *testing.T) {
	const found = "need hotplug-block nonce=7f3a9c21 timeout=30s: no block device came"
	skipped := Point{Verdict: Skip, Reason: report.HostDidNotAct, Found: found}
	failed := Point{Verdict: Fail, Problem: "the host said that it is done, and the guest saw nothing", Found: found}
	done := Act{Need: "hotplug-block", Nonce: "7f3a9c21", By: "./attach.sh", Done: true, Said: "attached to vm2"}
	change := func(f func(a *Act)) []Act {
		a := done
		f(&a)
		return []Act{a}
	}
	const both = `the host says that it did hotplug-block by "./attach.sh" ("attached to vm2"); the guest: ` + found
	for name, c := range map[string]struct {
		point Point
		acts  []Act
		want  Point
	}{
		"done, and the guest saw nothing": {skipped, []Act{done}, Point{Verdict: Fail, Problem: both}},
		"done, and the guest was told so": {failed, []Act{done}, Point{Verdict: Fail, Problem: failed.Problem + ": " + both}},
		"nobody acted":                    {skipped, nil, skipped},
		"it could not":                    {skipped, change(func(a *Act) { a.Done = false }), skipped},
		"for another request":             {skipped, change(func(a *Act) { a.Nonce = "1" }), skipped},
		"another need":                    {skipped, change(func(a *Act) { a.Need = "unplug-block" }), skipped},
		"a pause": {Point{Verdict: Skip, Reason: report.HostDidNotAct, Found: "need pause nonce=1 timeout=30s: no word of it"}, []Act{{Need: "pause", Nonce: "1", Done: true}},
			Point{Verdict: Skip, Reason: report.HostDidNotAct, Found: "need pause nonce=1 timeout=30s: no word of it"}},
		"not asked":                    {Point{Verdict: Skip, Reason: report.NeedsHotplug}, []Act{done}, Point{Verdict: Skip, Reason: report.NeedsHotplug}},
		"passed":                       {Point{Verdict: Pass, Found: "vda came"}, []Act{done}, Point{Verdict: Pass, Found: "vda came"}},
		"in error":                     {Point{Verdict: Error, Reason: "x", Found: found}, []Act{done}, Point{Verdict: Error, Reason: "x", Found: found}},
		"a finding that names no need": {Point{Verdict: Fail, Problem: "EIO", Found: "vda came"}, []Act{done}, Point{Verdict: Fail, Problem: "EIO", Found: "vda came"}},
	} {
		r := withPoints("a", c.point)
		r.Points[0].ID, c.want.ID = "PLAT-HOTPLUG-BLOCK", "PLAT-HOTPLUG-BLOCK"
		var text bytes.Buffer
		_, err := (&HostRun{Command: []string{"vmm"}, Acts: c.acts}).WriteTo(&text)
		require.NoError(t, err)
		h, err := ReadHostRun(&text)
		require.NoError(t, err, name)
		require.NoError(t, r.Observe(h))
		require.Equal(t, c.want, r.Points[0], name)
		require.Equal(t, c.want.Verdict != c.point.Verdict || c.want.Problem != c.point.Problem, len(r.Observed) > 0, name)
	}
}

// What is typed for a guest by a command counts as if we had typed it.
func TestObserveTypedByCommand(t *testing.T) {
	for done, want := range map[bool]Verdict{true: Fail, false: Skip} {
		r := withPoints("a", Point{ID: "PLAT-CONSOLE-INPUT", Verdict: Skip, Reason: report.NobodyAnswered, Found: "ttyAMA0: " + report.NoInterrupt})
		require.NoError(t, r.Observe(&HostRun{Acts: []Act{{Need: report.NeedInput, Done: done}}}))
		require.Equal(t, want, r.Points[0].Verdict)
	}
}
