package trial

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/rtc"
)

// clockFS is a guest with one clock, whose seconds a function tells.
type clockFS struct {
	fstest.MapFS
	seconds func() (string, error)
}

func (c clockFS) ReadFile(name string) ([]byte, error) {
	if name != "sys/class/rtc/rtc0/since_epoch" {
		return c.MapFS.ReadFile(name)
	}
	text, err := c.seconds()
	return []byte(text), err
}

// watch runs the trial in a bubble, where time passes by the sleeps of the
// program alone: the clock under trial and the counter are both made of it.
func watch(t *testing.T, seconds func(passed time.Duration) (string, error)) (n rtc.Note, err error) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		files := clockFS{fstest.MapFS{"sys/class/rtc/rtc0/name": {Data: []byte("rtc-fake\n")}},
			func() (string, error) { return seconds(time.Since(begin)) }}
		err = Clock(files, Timebase{Name: "fake", Hz: 1e9, Now: func() uint64 { return uint64(time.Since(begin)) }}, &n)
	})
	return n, err
}

// paced is a clock that runs at some percent of the right pace.
func paced(percent time.Duration) func(time.Duration) (string, error) {
	return func(passed time.Duration) (string, error) {
		return fmt.Sprintln(1_700_000_000 + int64(passed*percent/100/time.Second)), nil
	}
}

func TestClockPace(t *testing.T) {
	tests := map[string]struct {
		percent time.Duration
		rate    float64
	}{
		"a third as fast":  {34, 0.34},
		"half as fast":     {50, 0.5},
		"twice as fast":    {200, 2},
		"running backward": {-100, -1},
		"right":            {100, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := watch(t, paced(test.percent))
			require.NoError(t, err)
			require.Equal(t, "rtc0 fake", f.Watched+" "+f.Counter)
			require.Nil(t, f.Stuck)
			least, most, ok := f.Rate()
			require.True(t, ok)
			require.InEpsilon(t, test.rate, least, 0.12)
			require.InEpsilon(t, test.rate, most, 0.12)
			require.LessOrEqual(t, least, test.rate)
			require.GreaterOrEqual(t, most, test.rate)
			require.Equal(t, test.rate != 1, f.Wrong(0.05) >= rtc.WrongLeast)
		})
	}
}

func TestClockStuck(t *testing.T) {
	f, err := watch(t, paced(0))
	require.NoError(t, err)
	require.Empty(t, f.Edges)
	require.NotNil(t, f.Stuck)
	require.EqualValues(t, 1_700_000_000, f.Stuck.Seconds)
	require.Greater(t, f.Stuck.Ticks, uint64(rtcStuck*1e9))

	f, err = watch(t, func(passed time.Duration) (string, error) { return paced(100)(min(passed, time.Second)) })
	require.NoError(t, err)
	require.Len(t, f.Edges, 1)
	require.NotNil(t, f.Stuck, "it stopped after its first edge")
}

// A clock that was set once is watched until it is seen to be right.
func TestClockSetOnce(t *testing.T) {
	f, err := watch(t, func(passed time.Duration) (string, error) {
		if passed > 1500*time.Millisecond {
			passed += time.Minute
		}
		return paced(100)(passed)
	})
	require.NoError(t, err)
	require.Equal(t, 1, f.Wrong(0.05))
	last := f.Edges[len(f.Edges)-2:]
	require.EqualValues(t, 1, last[1].Seconds-last[0].Seconds)
	require.Less(t, last[1].Latest, uint64(4e9))
}

// A host that stops the VM while it reads the clock makes no second last longer.
func TestClockStopped(t *testing.T) {
	for _, when := range []time.Duration{0, 700 * time.Millisecond, 1980 * time.Millisecond} {
		stopped := false
		f, err := watch(t, func(passed time.Duration) (string, error) {
			text, err := paced(100)(passed)
			if !stopped && passed >= when {
				stopped = true
				time.Sleep((rtcStuck + 1) * time.Second)
			}
			return text, err
		})
		require.NoError(t, err)
		require.Nil(t, f.Stuck)
		require.Zero(t, f.Wrong(0.05))
	}
}

// On a busy host a right clock is watched until its pace is known.
func TestClockSlowly(t *testing.T) {
	f, err := watch(t, func(passed time.Duration) (string, error) {
		time.Sleep(400 * time.Millisecond)
		return paced(100)(passed)
	})
	require.NoError(t, err)
	least, most, ok := f.Rate()
	require.True(t, ok)
	require.Greater(t, least, 0.9)
	require.Less(t, most, 1.1)
	require.Greater(t, f.Edges[len(f.Edges)-1].Latest, uint64(6e9))
}

// On a busy host, too, a clock that stands still is looked at often enough.
func TestClockStuckSlowly(t *testing.T) {
	f, err := watch(t, func(time.Duration) (string, error) {
		time.Sleep(700 * time.Millisecond)
		return paced(0)(0)
	})
	require.NoError(t, err)
	require.NotNil(t, f.Stuck)
}

// A clock that is seldom looked at may have stood still for another reason.
func TestClockStuckByFewLooks(t *testing.T) {
	w := rtcWatch{Note: &rtc.Note{Hz: 1}, value: 5}
	for n := range uint64(rtcLooks - 1) {
		require.False(t, w.look(5, n/4, n/4))
	}
	require.True(t, w.look(5, 5, 5))
	require.Equal(t, &rtc.Stuck{Seconds: 5, Ticks: 5}, w.Stuck)
	w = rtcWatch{Note: &rtc.Note{Hz: 1}, value: 5}
	require.False(t, w.look(5, 5, 5), "one look")
}

// On a busy host each look at the clock takes long: no bound gets narrow, and
// the trial must end all the same.
func TestClockNeverPrecise(t *testing.T) {
	f, err := watch(t, func(passed time.Duration) (string, error) {
		time.Sleep(1200 * time.Millisecond)
		return paced(100)(passed)
	})
	require.NoError(t, err)
	require.Greater(t, len(f.Edges), 2)
	require.Less(t, f.Edges[len(f.Edges)-1].Latest, uint64(rtcMost+3)*1e9)
	for _, e := range f.Edges {
		second := uint64(e.Seconds-1_700_000_000) * 1e9
		require.LessOrEqual(t, e.Earliest, second, "the true edge lies within the bracket")
		require.GreaterOrEqual(t, e.Latest, second)
	}
}

func TestClockFaults(t *testing.T) {
	var n rtc.Note
	clock := Timebase{Name: "fake", Hz: 1, Now: func() uint64 { return 0 }}
	require.ErrorContains(t, Clock(fstest.MapFS{}, clock, &n), "no real-time clock")
	require.ErrorContains(t, Clock(fstest.MapFS{"sys/class/rtc/rtc0/name": {}}, clock, &n), "since_epoch: file does not exist")
	require.ErrorIs(t, Clock(fstest.MapFS{"sys/class/rtc/rtc0/date": {}}, clock, &n), fs.ErrNotExist, "clock without a name")
	require.Zero(t, n)

	for name, text := range map[string]string{"not a number": "soon", "of no length": "", "over 64 bits": "9223372036854775808"} {
		_, err := watch(t, func(time.Duration) (string, error) { return text, nil })
		require.ErrorContains(t, err, "since_epoch is not a number", name)
	}
	f, err := watch(t, func(passed time.Duration) (string, error) {
		if passed > 1500*time.Millisecond {
			return "", errIO
		}
		return paced(100)(passed)
	})
	require.ErrorIs(t, err, errIO)
	require.Len(t, f.Edges, 1, "what was seen before is kept")
}

// What a signal interrupted is asked again, and what stays invalid is an error.
func TestClockInterrupted(t *testing.T) {
	asked := 0
	f, err := watch(t, func(passed time.Duration) (string, error) {
		if asked++; asked%10 == 0 {
			return "", syscall.EINVAL
		}
		return paced(100)(passed)
	})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(f.Edges), 2)
	_, err = watch(t, func(time.Duration) (string, error) { return "", syscall.EINVAL })
	require.ErrorIs(t, err, syscall.EINVAL)
}

func TestChooseRTC(t *testing.T) {
	files := fstest.MapFS{"sys/class/rtc/rtc0/name": {Data: []byte("rtc-pl031\n")}, "sys/class/rtc/rtc1/name": {Data: []byte("rtc-efi\n")}}
	device, err := chooseRTC(files)
	require.NoError(t, err)
	require.Equal(t, "rtc1", device, "UEFI's, where Linux keeps it")
	delete(files, "sys/class/rtc/rtc1/name")
	device, err = chooseRTC(files)
	require.NoError(t, err)
	require.Equal(t, "rtc0", device)
}
