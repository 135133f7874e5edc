package results

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestObserve(t *testing.T) {
	for name, test := range map[string]struct {
		run  HostRun
		want Verdict
		text string
	}{
		"it ended":           {HostRun{Off: true}, Pass, "the VM ended when its guest powered off"},
		"with a status":      {HostRun{Off: true, Status: 1}, Pass, "the VM ended when its guest powered off"},
		"it did not end":     {HostRun{Off: true, Killed: true, Lasted: true}, Fail, "the guest powered off, and the VM did not end"},
		"interrupted":        {HostRun{Off: true, Killed: true}, Skip, ""},
		"no word of the end": {HostRun{}, Skip, ""},
		"and had to end":     {HostRun{Killed: true, Lasted: true}, Skip, ""},
	} {
		report := Report{Nonce: "a", Points: []Point{
			{ID: "PLAT-PSCI-OFF", Verdict: Skip, Reason: "needs-host"},
			{ID: "FW-UEFI-FIRST", Verdict: Skip, Reason: "needs-host"},
		}}
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

func TestObserveLeavesOthersAlone(t *testing.T) {
	report := Report{Nonce: "a", Points: []Point{{ID: "PLAT-PSCI-OFF", Verdict: Skip}}}
	err := report.Observe(&HostRun{Nonce: "b", Off: true})
	require.ErrorIs(t, err, ErrOtherRun)
	require.EqualError(t, err, "the record is of another run: with the nonce b, not a")
	require.Equal(t, Skip, report.Points[0].Verdict)
	report.Points[0].Verdict = Error
	require.NoError(t, report.Observe(&HostRun{Nonce: "a", Off: true}))
	require.Equal(t, Error, report.Points[0].Verdict)
}

func TestReadHostRun(t *testing.T) {
	whole := HostRun{Nonce: "a", Command: []string{"qemu", "-m", "1"}, Status: -1, Killed: true, Off: true, Seconds: 2.5}
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
