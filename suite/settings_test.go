package suite

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSettings(t *testing.T) {
	for _, c := range []struct {
		name       string
		parameters map[string]string
		want       Settings
	}{
		{"unknown profile", map[string]string{"profile": "v3"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.profile=v3: the profiles are [rfc-v2 v1.0 v2.0]"}}},
		{"unknown requirement", map[string]string{"only": "PLAT-GIC,PLAT-GIK"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Only: []string{"PLAT-GIC"}, Problems: []string{`vmspec.only=PLAT-GIC,PLAT-GIK: no requirement "PLAT-GIK"`}}},
		{"unknown end", map[string]string{"after": "sleep"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.after=sleep: poweroff, reboot or halt"}}},
		{"long nonce", map[string]string{"nonce": "0123456789abcdef0"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.nonce=0123456789abcdef0: at most 16 letters, digits, dashes and underscores"}}},
		{"nonce with a blank", map[string]string{"nonce": "a b"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.nonce=a b: at most 16 letters, digits, dashes and underscores"}}},
		{"unknown parameter", map[string]string{"color": "1"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.color=1: no such parameter"}}},
		{"frames out of range", map[string]string{"frames": "3"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.frames=3: 0, 1 or 2"}}},
		{"no such way", map[string]string{"capture": "mail"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.capture=mail: port, console or none"}}},
		{"no such need", map[string]string{"needs": "pause,coffee"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Needs: []string{"pause"}, Problems: []string{`vmspec.needs=pause,coffee: no need "coffee": there are hotplug-block, hotplug-net, pause, input`}}},
		{"a series without an end", map[string]string{"series": "x/1"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.series=x/1: a nonce, the boot's number and how many there are, such as x/1/2"}}},
		{"a boot behind its series", map[string]string{"series": "x/3/2"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.series=x/3/2: a nonce, the boot's number and how many there are, such as x/1/2"}}},
		{"a series of no name", map[string]string{"series": "/1/2"},
			Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port", Problems: []string{"vmspec.series=/1/2: a nonce, the boot's number and how many there are, such as x/1/2"}}},
		{"none", nil, Settings{Profile: RFCv2, After: "poweroff", Frames: 2, Capture: "port"}},
		{"all", map[string]string{"profile": "v2.0", "only": "PLAT-GIC,FW-RTC", "skip": "FW-RTC", "after": "halt", "readonly": "", "nonce": "a-Z_9", "frames": "1", "capture": "console", "series": "a-Z_9/1/2", "needs": "hotplug-block,hotplug-net"},
			Settings{Profile: V20, Only: []string{"PLAT-GIC", "FW-RTC"}, Skip: []string{"FW-RTC"}, After: "halt", ReadOnly: true, Nonce: "a-Z_9", Frames: 1, Capture: "console", Series: Series{"a-Z_9", 1, 2}, Needs: []string{"hotplug-block", "hotplug-net"}}},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, ParseSettings(c.parameters)) })
	}
}

func TestSeriesLast(t *testing.T) {
	require.False(t, Series{}.Last(), "without a series nothing is the last")
	require.False(t, Series{"x", 1, 2}.Last())
	require.True(t, Series{"x", 2, 2}.Last())
}

// FuzzParseSeries: a series that is read is what was given.
func FuzzParseSeries(f *testing.F) {
	f.Add("x/1/2")
	f.Add("a-b_C9/99/99")
	f.Add("x/0/2")
	f.Fuzz(func(t *testing.T, value string) {
		s, problem := parseSeries(value)
		require.Equal(t, problem == "", s != Series{})
		if problem == "" {
			require.Equal(t, value, s.String())
		}
	})
}
