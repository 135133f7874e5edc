package trial

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/note"
	"vmspec/probes/rtc"
)

// paused runs the trial in a VM whose host types that, with the nonce in N's place,
// when it was asked. A look at the clocks takes a second.
func paused(t *testing.T, typed string, ask error, faults ...error) (lines []string, err error) {
	t.Helper()
	nonce, looks, ticks := "", 0, 0
	p := pausing{
		outside: outside{
			ask:   func(line string) error { nonce = line; return ask },
			wait:  func() { ticks++ },
			typed: func() []string { return []string{strings.ReplaceAll(typed, "N", nonce)} },
		},
		answer: func(line string) (nonce string, done, ok bool) {
			word, nonce, ok := strings.Cut(line, " ")
			return nonce, word == "done", ok
		},
		now: func() time.Duration { return time.Duration(ticks) * time.Second },
		clocks: func() (*rtc.Clocks, error) {
			looks++
			if len(faults) >= looks {
				return &rtc.Clocks{}, faults[looks-1]
			}
			return &rtc.Clocks{RTC: int64(looks), Wall: int64(looks * 1000)}, nil
		},
		within: 30 * time.Second,
	}
	var n rtc.PauseNote
	err = p.try(func(nonce string) string { return nonce }, &n)
	text := string(note.Text(&n))
	if n.Nonce != "" {
		text = strings.ReplaceAll(text, n.Nonce, "N")
	}
	return strings.Split(strings.TrimSpace(text), "\n"), err
}

func TestPause(t *testing.T) {
	const before, after = "before 1 1000", "after 2 2000"
	for name, test := range map[string]struct {
		typed string
		ask   error
		want  []string
	}{
		"done":                {"done N", nil, []string{"asked N 0 ok", "answer done", before, after}},
		"the host cannot":     {"cannot N", nil, []string{"asked N 0 ok", "answer cannot", before, after}},
		"nobody answers":      {"", nil, []string{"asked N 0 ok", before, after}},
		"an answer to others": {"done 0", nil, []string{"asked N 0 ok", before, after}},
		"no terminal took it": {"", syscall.EIO, []string{"asked N 0 EIO input/output error", before}},
	} {
		got, err := paused(t, test.typed, test.ask)
		require.NoError(t, err)
		require.Equal(t, test.want, got, name)
	}
	gone := errors.New("gone")
	_, err := paused(t, "", nil, gone)
	require.ErrorIs(t, err, gone)
	got, err := paused(t, "done N", nil, nil, gone)
	require.ErrorIs(t, err, gone)
	require.Equal(t, []string{"asked N 0 ok", "answer done", "before 0 0"}, got)
}

func TestPauseWithoutClock(t *testing.T) {
	var n rtc.PauseNote
	require.ErrorContains(t, Pause(fstest.MapFS{}, nil, nil, nil, 0, &n), "no real-time clock")
	files := fstest.MapFS{"sys/class/rtc/rtc0/since_epoch": {Data: []byte("1700000000\n")}}
	require.Error(t, Pause(files, []string{"no-such-terminal"}, nil, nil, 0, &n))
	c, err := readClocks(files, "rtc0")
	require.NoError(t, err)
	require.EqualValues(t, 1700000000, c.RTC)
	require.WithinDuration(t, time.Now(), time.UnixMilli(c.Wall), time.Minute)
	_, err = readClocks(files, "rtc1")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
