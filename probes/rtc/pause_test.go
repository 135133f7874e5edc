package rtc_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/rtc"
)

func TestReadPause(t *testing.T) {
	for name, test := range map[string]struct {
		text, err string
		want      rtc.PauseNote
	}{
		"failed":         {"error hung for 15s\n", "vmspec/pause: hung for 15s", rtc.PauseNote{}},
		"half a moment":  {"before 5\n", "vmspec/pause: before: no SYSTEM-MILLISECONDS", rtc.PauseNote{}},
		"no number":      {"asked 1 x ok\n", `vmspec/pause: asked: SECONDS: "x" is not a number`, rtc.PauseNote{Nonce: "1"}},
		"nobody answers": {"rtc rtc0\nasked 1 30 ok\nbefore 5 5000\n", "", rtc.PauseNote{Device: "rtc0", Nonce: "1", Seconds: 30, Asked: "ok", Before: &rtc.Clocks{RTC: 5, Wall: 5000}}},
	} {
		f, err := rtc.Read(fstest.MapFS{"vmspec/pause": file(test.text)})
		require.NoError(t, err)
		require.Equal(t, test.err, f.PauseErr, name)
		require.Equal(t, test.want, f.Pause, name)
	}
	f, err := rtc.Read(fstest.MapFS{})
	require.NoError(t, err)
	require.Empty(t, f.PauseErr, "nobody was asked")
}

func TestPassed(t *testing.T) {
	n := rtc.PauseNote{Before: &rtc.Clocks{RTC: 100, Wall: 50_000}}
	_, _, ok := n.Passed()
	require.False(t, ok)
	n.After = &rtc.Clocks{RTC: 105, Wall: 50_200}
	clock, wall, ok := n.Passed()
	require.True(t, ok)
	require.Equal(t, []int64{5000, 200}, []int64{clock, wall})
}

// Whatever stands in the note, an error says where.
func FuzzReadPause(f *testing.F) {
	f.Add("rtc rtc0\nasked 1 30 ok\nanswer done\nbefore 5 5000\nafter 10 5100\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := rtc.Read(fstest.MapFS{"vmspec/pause": file(text)})
		require.NoError(t, err)
		if got.PauseErr != "" {
			require.Contains(t, got.PauseErr, "vmspec/pause")
		}
	})
}
