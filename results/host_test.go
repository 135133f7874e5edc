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
	held := Judged{Verdict: Fail, Text: store, Fix: "remove it"}
	none := Judged{Verdict: Pass, Text: "none in 3 files"}
	open := Point{Verdict: Skip, Reason: "needs-two-boots"}
	left := Point{Verdict: Skip, Reason: "needs-host", Found: store}
	failed := Point{Verdict: Fail, Problem: "before the boot: " + store, Fix: "remove it"}
	passed := Point{Verdict: Pass, Found: "before the boot: none in 3 files"}
	for name, c := range map[string]struct {
		guest           Point
		host            *Judged
		image, platform Point
	}{
		"left to the host, none":    {left, &none, passed, Point{Verdict: Fail, Problem: "the firmware wrote into the image: " + store}},
		"left to the host, held":    {left, &held, failed, open},
		"left to the host, unknown": {left, nil, left, open},
		"left to the host, hostile": {left, &Judged{Verdict: "maybe", Text: "x"}, left, open},
		"none, none":                {Point{Verdict: Pass, Found: "none"}, &none, Point{Verdict: Pass, Found: "none"}, open},
		"none, held":                {Point{Verdict: Pass, Found: "none"}, &held, failed, open},
		"another firmware's, none":  {Point{Verdict: Fail, Problem: store}, &none, Point{Verdict: Fail, Problem: store}, open},
		"no ESP, held":              {Point{Verdict: Skip, Reason: "no-esp"}, &held, failed, open},
		"in error, none":            {Point{Verdict: Error, Reason: "EIO", Problem: "EIO"}, &none, passed, open},
		"not asked, held":           {Point{Verdict: Skip, Reason: "vmspec.skip"}, &held, Point{Verdict: Skip, Reason: "vmspec.skip"}, open},
	} {
		report := withPoints("", c.guest, open)
		report.Points[0].ID, c.image.ID = "IMG-NO-VARIABLES", "IMG-NO-VARIABLES"
		report.Points[1].ID, c.platform.ID = "FW-VAR-INSTANCE", "FW-VAR-INSTANCE"
		var h HostRun
		if c.host != nil {
			h.Image = map[string]Judged{"IMG-NO-VARIABLES": *c.host}
		}
		guest := report.Points[0]
		require.NoError(t, report.Observe(&h), name)
		require.Equal(t, []Point{c.image, c.platform}, report.Points, name)
		require.Equal(t, guest != c.image, len(report.Observed) > 0, name)
	}
}

// Firmware repairs a disk before its guest looks, so the file's fault counts; and
// a guest that saw no image had one.
func TestObserveImage(t *testing.T) {
	h := HostRun{Image: map[string]Judged{"IMG-GPT": {Fail, "no header at LBA 1", "restore it"}, "IMG-ESP-FAT32": {Verdict: Pass, Text: "FAT32"},
		"IMG-EFI-APP": {Verdict: Error, Text: "EIO"}, "IMG-REMOVABLE": {Verdict: Skip, Text: "needs-boot"}, "PLAT-GIC": {Fail, "x", ""}}}
	must := func(id string, v Verdict, reason string) Point {
		return Point{ID: id, Level: "must", Verdict: v, Reason: reason}
	}
	for _, reason := range []string{"needs-image", "guessed-disk", "no-gpt"} {
		got := withPoints("", must("PLAT-GIC", Pass, ""), must("IMG-GPT", Pass, ""), must("IMG-ESP-FAT32", Skip, reason),
			must("IMG-EFI-APP", Skip, reason), must("IMG-REMOVABLE", Skip, reason))
		require.NoError(t, got.Observe(&h))
		require.Equal(t, Pass, got.Points[0].Verdict)
		require.Equal(t, "before the boot: no header at LBA 1", got.Points[1].Problem)
		require.Equal(t, "restore it", got.Points[1].Fix)
		require.Equal(t, Pass, got.Points[2].Verdict)
		require.Equal(t, Skip, got.Points[3].Verdict)
		require.Equal(t, Skip, got.Points[4].Verdict)
		require.Contains(t, got.Parties(), report.Party("image"), reason)
		conclusion, tally := got.ConcludeOn("image")
		require.Equal(t, NotConformant, conclusion, reason)
		require.Equal(t, 1, tally.Failed)
		require.Len(t, got.Observed, 2)
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
	whole := HostRun{Nonce: "a", Command: []string{"qemu", "-m", "1"}, Status: -1, Signal: "TERM", Killed: true, Off: true, Seconds: 2.5,
		Image: map[string]Judged{"IMG-GPT": {Fail, "none", "make one"}}, Rebooted: true, Reset: ResetCameBack, Series: startedAs(1, "0", "1")}
	var text bytes.Buffer
	_, err := whole.WriteTo(&text)
	require.NoError(t, err)
	again, err := ReadHostRun(&text)
	require.NoError(t, err)
	require.Equal(t, &whole, again)
	older, err := ReadHostRun(strings.NewReader(`{"command":["a"],"variables":{"verdict":"pass","text":"none"}}`))
	require.NoError(t, err)
	require.Equal(t, &HostRun{Command: []string{"a"}, Image: map[string]Judged{"IMG-NO-VARIABLES": {Verdict: Pass, Text: "none"}}}, older)
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
	f.Add(`{"command":["a"],"image":{"IMG-GPT":{"verdict":"fail","text":"x","fix":"y"}}}`)
	f.Add(`{"command":["a"],"reset":"hung","series":{"nonce":"s","boot":1,"of":2,"store":{"file":"x","before":"0","after":"1"},"ended":true,"logs":["a","b"]}}`)
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
