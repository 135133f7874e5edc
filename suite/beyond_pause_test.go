package suite

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
)

// pausedBy is a guest that asked for a pause, with what the clocks showed.
func pausedBy(lines string) change {
	return all(add("vmspec/parameters", "vmspec.needs=pause\n"), replace("vmspec/pause", "rtc rtc0\n"+lines))
}

const askedPause = "asked 7f3a9c21 30 ok\n"

var pauseMutants = []mutant{
	{
		name: "a clock that goes on in a pause", guest: busGuest, change: pausedBy(askedPause + "answer done\nbefore 100 100900\nafter 106 106300\n"),
		want: map[string]Verdict{"PLAT-CLOCK-PAUSE": Pass},
	},
	{
		name: "a clock that stands still in a pause", guest: busGuest, change: pausedBy(askedPause + "answer done\nbefore 100 100900\nafter 105 101300\n"),
		want:    fails("PLAT-CLOCK-PAUSE"),
		problem: map[string]string{"PLAT-CLOCK-PAUSE": "the system's clock is 5 s behind rtc0 after a pause"},
	},
	{
		name: "two clocks that stand still in a pause", guest: busGuest, change: pausedBy(askedPause + "answer done\nbefore 100 100900\nafter 101 101300\n"),
		want:    fails("PLAT-CLOCK-PAUSE"),
		problem: map[string]string{"PLAT-CLOCK-PAUSE": "neither clock counted the pause"},
	},
	{
		name: "a clock that was not read after the pause", guest: busGuest, change: pausedBy(askedPause + "answer done\nbefore 100 100900\n"),
		want: map[string]Verdict{"PLAT-CLOCK-PAUSE": Error},
	},
	{
		name: "a pause that was lost", guest: busGuest, change: pausedBy("error hung for 1m0s\n"),
		want: map[string]Verdict{"PLAT-CLOCK-PAUSE": Error}, problem: map[string]string{"PLAT-CLOCK-PAUSE": "hung"},
	},
	{
		name: "no terminal to ask for a pause", guest: busGuest, change: pausedBy("asked 7f3a9c21 30 EIO input/output error\n"),
		want: map[string]Verdict{"PLAT-CLOCK-PAUSE": Error}, problem: map[string]string{"PLAT-CLOCK-PAUSE": "could not be asked: EIO"},
	},
}

func TestPauseSkips(t *testing.T) {
	for name, c := range map[string]struct {
		change        change
		reason, found string
	}{
		"nobody offers":    {replace("vmspec/pause", ""), "needs-host", ""},
		"nobody answered":  {pausedBy(askedPause + "before 1 1\nafter 31 31000\n"), "host-did-not-act", "need pause nonce=7f3a9c21 timeout=30s: no word of it"},
		"the host cannot":  {pausedBy(askedPause + "answer cannot\n"), "host-did-not-act", "the host answered: cannot"},
		"somebody's guest": {all(pausedBy(askedPause), replace("vmspec/context", "program\n")), "needs-own-guest", ""},
	} {
		f := verdicts(Judge(probes.Read(c.change(t, guesttest.Open(t, busGuest)))))["PLAT-CLOCK-PAUSE"]
		require.Equal(t, Skip, f.Verdict, name)
		require.Equal(t, c.reason, f.Problem, name)
		if c.found != "" {
			require.Contains(t, append(f.Found, ""), c.found, name)
		}
	}
}
