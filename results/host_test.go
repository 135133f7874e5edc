package results

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

func withPoints(nonce string, points ...Point) *Report {
	return &Report{Report: report.Report{Head: report.Head{Nonce: nonce}, Points: points}}
}

func TestObserve(t *testing.T) {
	for name, test := range map[string]struct {
		run  HostRun
		want Verdict
		text string
	}{
		"it ended":           {HostRun{Off: true}, Pass, "the VM ended when its guest powered off"},
		"with a status":      {HostRun{Off: true, Status: 1}, Pass, "the VM ended when its guest powered off"},
		"it did not end":     {HostRun{Off: true, Killed: true, Lasted: true}, Fail, "the guest powered off, and the VM did not end"},
		"by a signal":        {HostRun{Off: true, Status: -1, Signal: "SEGV"}, Fail, "the guest powered off, and the VMM was killed by signal SEGV"},
		"its wrapper did":    {HostRun{Off: true, Status: -1, Signal: "KILL", Left: true}, Skip, ""},
		"in the background":  {HostRun{Off: true, Left: true}, Pass, "the VM ended when its guest powered off"},
		"it remained":        {HostRun{Off: true, Remained: true}, Skip, ""},
		"with a signal":      {HostRun{Off: true, Status: -1, Signal: "KILL", Remained: true}, Skip, ""},
		"interrupted":        {HostRun{Off: true, Killed: true}, Skip, ""},
		"no word of the end": {HostRun{}, Skip, ""},
		"and had to end":     {HostRun{Killed: true, Lasted: true}, Skip, ""},
	} {
		report := withPoints("a",
			Point{ID: "PLAT-PSCI-OFF", Verdict: Skip, Reason: "needs-host"},
			Point{ID: "FW-UEFI-FIRST", Verdict: Skip, Reason: "needs-host"})
		require.NoError(t, report.Observe(&test.run), name)
		p := report.Points[0]
		require.Equal(t, test.want, p.Verdict, name)
		require.Equal(t, test.text, p.Found+p.Problem, name)
		require.Equal(t, test.want == Skip, p.Reason != "", name)
		require.Equal(t, Skip, report.Points[1].Verdict, name)
		if test.want == Skip {
			require.Empty(t, report.Observed, name)
			continue
		}
		require.Equal(t, []string{"PLAT-PSCI-OFF " + string(test.want) + ": " + test.text}, report.Observed, name)
	}
}

// That nothing was read is a fault of the console only if somebody typed, and the
// guest got no interrupt: a VMM may hand on nothing of what it is given.
func TestObserveInput(t *testing.T) {
	quiet := "ttyAMA0: " + report.NoInterrupt
	for name, test := range map[string]struct {
		run    HostRun
		reason string
		found  string
		want   Verdict
	}{
		"typed, and no interrupt": {HostRun{Typed: 1}, "nobody-answered", quiet, Fail},
		"typed, and interrupts":   {HostRun{Typed: 1}, "nobody-answered", "", Skip},
		"nobody typed":            {HostRun{}, "nobody-answered", quiet, Skip},
		"not tried":               {HostRun{Typed: 1}, "vmspec.readonly", quiet, Skip},
		"no console":              {HostRun{Typed: 1}, "no-device", "", Skip},
	} {
		r := withPoints("a", Point{ID: "PLAT-CONSOLE-INPUT", Verdict: Skip, Reason: test.reason, Found: test.found})
		require.NoError(t, r.Observe(&test.run), name)
		require.Equal(t, test.want, r.Points[0].Verdict, name)
		if test.want == Fail {
			require.Equal(t, "the host typed what the guest asked for, and nothing came: "+quiet, r.Points[0].Problem, name)
		}
	}
	r := withPoints("a", Point{ID: "PLAT-CONSOLE-INPUT", Verdict: Pass, Found: "ttyAMA0 read what was typed"})
	require.NoError(t, r.Observe(&HostRun{Typed: 1}))
	require.Equal(t, Pass, r.Points[0].Verdict)
}

func TestObserveLeavesOthersAlone(t *testing.T) {
	report := withPoints("a", Point{ID: "PLAT-PSCI-OFF", Verdict: Skip})
	err := report.Observe(&HostRun{Nonce: "b", Off: true})
	require.ErrorIs(t, err, ErrOtherRun)
	require.EqualError(t, err, "the record is of another run: with the nonce b, not a")
	require.Equal(t, Skip, report.Points[0].Verdict)
	report.Points[0].Verdict = Error
	require.NoError(t, report.Observe(&HostRun{Nonce: "a", Off: true}))
	require.Equal(t, Error, report.Points[0].Verdict)
}

// The image answers for what it held before the boot, the platform for what its
// firmware wrote into it.
func TestObserveVariables(t *testing.T) {
	const store = `UEFI variables in \ubootefi.var of partition 1`
	guest := map[string]Point{
		"left to the host":   {Verdict: Skip, Reason: "needs-host", Found: store},
		"none":               {Verdict: Pass, Found: "none in 3 files"},
		"another firmware's": {Verdict: Fail, Problem: store},
		"no ESP":             {Verdict: Skip, Reason: "no-esp"},
		"not asked":          {Verdict: Skip, Reason: "vmspec.skip"},
	}
	host := map[string]*Judged{
		"none":    {Pass, "none in 3 files"},
		"held":    {Fail, store},
		"unknown": nil,
		"hostile": {"maybe", "x"},
	}
	judged := map[string][2]Point{ // the image, the platform
		"left to the host, none": {{Verdict: Pass, Found: "before the boot: none in 3 files"}, {Verdict: Fail, Problem: "the firmware wrote into the image: " + store}},
		"left to the host, held": {{Verdict: Fail, Problem: "before the boot: " + store}, {Verdict: Skip, Reason: "needs-two-boots"}},
	}
	for saw, image := range guest {
		for held, variables := range host {
			name := saw + ", " + held
			want, told := judged[name]
			if !told {
				want = [2]Point{image, {Verdict: Skip, Reason: "needs-two-boots"}}
			}
			report := withPoints("", image, Point{ID: "FW-VAR-INSTANCE", Verdict: Skip, Reason: "needs-two-boots"})
			report.Points[0].ID, want[0].ID, want[1].ID = "IMG-NO-VARIABLES", "IMG-NO-VARIABLES", "FW-VAR-INSTANCE"
			require.NoError(t, report.Observe(&HostRun{Variables: variables}), name)
			require.Equal(t, want[:], report.Points, name)
			require.Equal(t, told, len(report.Observed) > 0, name)
		}
	}
}

// What somebody wanted left out stays so.
func TestObserveNotAsked(t *testing.T) {
	report := withPoints("", Point{ID: "PLAT-PSCI-OFF", Verdict: Skip, Reason: "vmspec.skip"})
	require.NoError(t, report.Observe(&HostRun{Off: true}))
	require.Equal(t, Skip, report.Points[0].Verdict)
	require.Empty(t, report.Observed)
}

func TestReadHostRun(t *testing.T) {
	whole := HostRun{Nonce: "a", Command: []string{"qemu", "-m", "1"}, Status: -1, Signal: "TERM", Killed: true, Off: true, Seconds: 2.5, Variables: &Judged{Pass, "none"}}
	var text bytes.Buffer
	_, err := whole.WriteTo(&text)
	require.NoError(t, err)
	again, err := ReadHostRun(&text)
	require.NoError(t, err)
	require.Equal(t, &whole, again)
	for name, test := range map[string]struct{ text, err string }{
		"empty":      {"", "EOF"},
		"no JSON":    {"TAP version 13\n", "invalid character 'T'"},
		"cut":        {`{"command":["a"`, "unexpected EOF"},
		"more":       {`{"command":["a"]}{}`, "more follows it"},
		"a field":    {`{"command":["a"],"x":1}`, `unknown field "x"`},
		"no command": {`{"status":0}`, "it names no command"},
	} {
		_, err := ReadHostRun(strings.NewReader(test.text))
		require.ErrorContains(t, err, "not the record of a run: ", name)
		require.ErrorContains(t, err, test.err, name)
	}
}

func TestPowersOff(t *testing.T) {
	require.True(t, PowersOff("[    3.403307] reboot: Power down"))
	require.False(t, PowersOff("[    3.403307] reboot: Restarting system"))
}

// Whatever a record holds, it is one run's or an error.
func FuzzReadHostRun(f *testing.F) {
	f.Add(`{"nonce":"a","command":["a"],"status":0,"killed":false,"lasted":false,"off":true,"seconds":1}`)
	f.Add(`{"command":["a"],"variables":{"verdict":"fail","text":"x"}}`)
	f.Add(`{"command":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ReadHostRun(strings.NewReader(text))
		if err == nil {
			require.NotEmpty(t, h.Command)
			return
		}
		require.ErrorContains(t, err, "not the record of a run")
	})
}
