package trial

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/rtc"
	"vmspec/probes/timer"
)

var errIO = errors.New("input/output error")

func TestOnOwnThread(t *testing.T) {
	require.NoError(t, onOwnThread(func() error { return nil }))
	require.EqualError(t, onOwnThread(func() error { return errIO }), errIO.Error())
	require.EqualError(t, onOwnThread(func() error { panic("boom") }), "panic: boom")
}

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
func watch(t *testing.T, seconds func(passed time.Duration) (string, error)) (note string, err error) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		files := clockFS{fstest.MapFS{"sys/class/rtc/rtc0/name": {Data: []byte("rtc-fake\n")}},
			func() (string, error) { return seconds(time.Since(begin)) }}
		var out bytes.Buffer
		err = TrialRTC(files, Clock{Name: "fake", Hz: 1e9, Now: func() uint64 { return uint64(time.Since(begin)) }}, &out)
		note = out.String()
	})
	return note, err
}

// facts reads a note back.
func facts(t *testing.T, note string) *rtc.Facts {
	t.Helper()
	f, err := rtc.Read(fstest.MapFS{"vmspec/clock": {Data: []byte(note)}})
	require.NoError(t, err)
	require.Empty(t, f.TrialErr)
	return f
}

// paced is a clock that runs at some percent of the right pace.
func paced(percent time.Duration) func(time.Duration) (string, error) {
	return func(passed time.Duration) (string, error) {
		return fmt.Sprintln(1_700_000_000 + int64(passed*percent/100/time.Second)), nil
	}
}

func TestTrialRTCPace(t *testing.T) {
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
			note, err := watch(t, paced(test.percent))
			require.NoError(t, err)
			f := facts(t, note)
			require.Equal(t, "rtc0 fake", f.Watched+" "+f.Counter)
			require.Nil(t, f.Stuck)
			least, most, ok := f.Rate()
			require.True(t, ok, note)
			require.InEpsilon(t, test.rate, least, 0.12)
			require.InEpsilon(t, test.rate, most, 0.12)
			require.LessOrEqual(t, least, test.rate)
			require.GreaterOrEqual(t, most, test.rate)
			require.Equal(t, test.rate != 1, f.Wrong(0.05) >= rtc.WrongLeast, note)
		})
	}
}

func TestTrialRTCStuck(t *testing.T) {
	note, err := watch(t, paced(0))
	require.NoError(t, err)
	f := facts(t, note)
	require.Empty(t, f.Edges)
	require.NotNil(t, f.Stuck)
	require.EqualValues(t, 1_700_000_000, f.Stuck.Seconds)
	require.Greater(t, f.Stuck.Ticks, uint64(rtcStuck*1e9))

	note, err = watch(t, func(passed time.Duration) (string, error) { return paced(100)(min(passed, time.Second)) })
	require.NoError(t, err)
	f = facts(t, note)
	require.Len(t, f.Edges, 1)
	require.NotNil(t, f.Stuck, "it stopped after its first edge")
}

// A clock that was set once is watched until it is seen to be right.
func TestTrialRTCSetOnce(t *testing.T) {
	note, err := watch(t, func(passed time.Duration) (string, error) {
		if passed > 1500*time.Millisecond {
			passed += time.Minute
		}
		return paced(100)(passed)
	})
	require.NoError(t, err)
	f := facts(t, note)
	require.Equal(t, 1, f.Wrong(0.05), note)
	last := f.Edges[len(f.Edges)-2:]
	require.EqualValues(t, 1, last[1].Seconds-last[0].Seconds)
	require.Less(t, last[1].Latest, uint64(4e9))
}

// A host that stops the VM while it reads the clock makes no second last longer.
func TestTrialRTCStopped(t *testing.T) {
	for _, when := range []time.Duration{0, 700 * time.Millisecond, 1980 * time.Millisecond} {
		stopped := false
		note, err := watch(t, func(passed time.Duration) (string, error) {
			text, err := paced(100)(passed)
			if !stopped && passed >= when {
				stopped = true
				time.Sleep((rtcStuck + 1) * time.Second)
			}
			return text, err
		})
		require.NoError(t, err)
		f := facts(t, note)
		require.Nil(t, f.Stuck, note)
		require.Zero(t, f.Wrong(0.05), note)
	}
}

// A clock that is seldom looked at may have stood still for another reason.
func TestRTCStuckByFewLooks(t *testing.T) {
	var out strings.Builder
	w := rtcWatch{hz: 1, value: 5}
	for n := range uint64(rtcLooks - 1) {
		require.False(t, w.look(5, n/4, n/4, &out))
	}
	require.True(t, w.look(5, 5, 5, &out))
	require.Equal(t, "stuck 5 5\n", out.String())
	w = rtcWatch{hz: 1, value: 5}
	require.False(t, w.look(5, 5, 5, &out), "one look")
}

// On a busy host each look at the clock takes long: no bound gets narrow, and
// the trial must end all the same.
func TestTrialRTCNeverPrecise(t *testing.T) {
	note, err := watch(t, func(passed time.Duration) (string, error) {
		time.Sleep(300 * time.Millisecond)
		return paced(100)(passed)
	})
	require.NoError(t, err)
	f := facts(t, note)
	require.Greater(t, len(f.Edges), 2)
	require.Less(t, f.Edges[len(f.Edges)-1].Latest, uint64(8e9))
	for _, e := range f.Edges {
		second := uint64(e.Seconds-1_700_000_000) * 1e9
		require.LessOrEqual(t, e.Earliest, second, "the true edge lies within the bracket")
		require.GreaterOrEqual(t, e.Latest, second)
	}
}

func TestTrialRTCFaults(t *testing.T) {
	var out bytes.Buffer
	clock := Clock{Name: "fake", Hz: 1, Now: func() uint64 { return 0 }}
	require.ErrorContains(t, TrialRTC(fstest.MapFS{}, clock, &out), "no real-time clock")
	require.ErrorContains(t, TrialRTC(fstest.MapFS{"sys/class/rtc/rtc0/name": {}}, clock, &out), "since_epoch: file does not exist")
	require.ErrorIs(t, TrialRTC(fstest.MapFS{"sys/class/rtc/rtc0/date": {}}, clock, &out), fs.ErrNotExist, "clock without a name")
	require.Empty(t, out.String())

	for name, text := range map[string]string{"not a number": "soon", "of no length": "", "over 64 bits": "9223372036854775808"} {
		_, err := watch(t, func(time.Duration) (string, error) { return text, nil })
		require.ErrorContains(t, err, "since_epoch is not a number", name)
	}
	note, err := watch(t, func(passed time.Duration) (string, error) {
		if passed > 1500*time.Millisecond {
			return "", errIO
		}
		return paced(100)(passed)
	})
	require.ErrorIs(t, err, errIO)
	require.Len(t, facts(t, note).Edges, 1, "what was seen before is kept")
}

// What a signal interrupted is asked again, and what stays invalid is an error.
func TestTrialRTCInterrupted(t *testing.T) {
	asked := 0
	note, err := watch(t, func(passed time.Duration) (string, error) {
		if asked++; asked%10 == 0 {
			return "", syscall.EINVAL
		}
		return paced(100)(passed)
	})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(facts(t, note).Edges), 2)
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

func TestTrialTimer(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, TrialTimer(fstest.MapFS{}, true, counter(1), &out))
	require.Equal(t, "dead\n", out.String(), "nothing may sleep where the timer is dead")

	try := func(files fstest.MapFS) error { return TrialTimer(files, false, Monotonic(), &out) }
	require.ErrorIs(t, try(fstest.MapFS{}), fs.ErrNotExist)
	require.ErrorContains(t, try(fstest.MapFS{"proc/interrupts": {Data: []byte("junk")}}), "parse proc/interrupts")
	require.Error(t, try(fstest.MapFS{"proc/interrupts": {Data: []byte(" CPU60000\n")}}), "there is no such CPU to sleep on")
	require.NotContains(t, out.String(), "cpu")
}

// A thread whose CPU never wakes it stays silent.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		done := make(chan error, 2)
		done <- errIO
		require.ErrorIs(t, gather(done, 2, stopped(0, 0)), errIO)
		require.Equal(t, timerMost, time.Since(begin))

		begin = time.Now()
		done <- nil
		done <- nil
		require.NoError(t, gather(done, 2, stopped(0, 0)))
		require.Zero(t, time.Since(begin))
	})
}

// Where the host stopped the VM for longer than is waited, the answers come
// when it runs again.
func TestGatherAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan error, 2)
		reads := 0
		clock := Clock{Hz: 1, Now: func() uint64 {
			if reads++; reads == deadReads/2 {
				done <- nil
				done <- errIO
			}
			return 0
		}}
		require.ErrorIs(t, gather(done, 2, clock), errIO)
		require.Empty(t, done, "both were heard")
		require.Less(t, reads, deadReads, "nobody is waited for any longer")
	})
}

func TestTimerCounts(t *testing.T) {
	const text = " CPU0 CPU3\n11: 5 7 GICv3 27 Level arch_timer\n12: 1 2 GICv3 30 Level arch_timer\n13: 9 9 GICv3 1 Level uart\nErr: 4\n"
	files := fstest.MapFS{"proc/interrupts": {Data: []byte(text)}}
	cpus, timers, others, err := timerCounts(files)
	require.NoError(t, err)
	require.Equal(t, []int{0, 3}, cpus)
	require.Equal(t, map[int]uint64{0: 6, 3: 9}, timers)
	require.Equal(t, map[int]uint64{0: 13, 3: 9}, others)
	total, listed := timerInterrupts(files)
	require.True(t, listed)
	require.EqualValues(t, 15, total)

	_, listed = timerInterrupts(fstest.MapFS{"proc/interrupts": {Data: []byte(" CPU0\n13: 9 GICv3 1 Level uart\n")}})
	require.False(t, listed)
	_, listed = timerInterrupts(fstest.MapFS{})
	require.False(t, listed, "unreadable is not listed")
}

// counter is a clock of these readings; the last one repeats.
func counter(readings ...uint64) Clock {
	return Clock{Name: "fake", Hz: 1000, Now: func() uint64 {
		now := readings[0]
		if len(readings) > 1 {
			readings = readings[1:]
		}
		return now
	}}
}

func TestCounterRun(t *testing.T) {
	run := newCounterRun(counter(10, 20, 15, 14, 30))
	run.until(30)
	require.False(t, run.still)
	require.EqualValues(t, 4, run.reads)
	require.EqualValues(t, 2, run.backward)

	run = newCounterRun(counter(10))
	run.until(11)
	require.EqualValues(t, maxReads, run.reads, "a counter that stands still ends the wait")
	require.True(t, run.still)
	require.Zero(t, run.backward)
}

// ticking is a guest whose timer interrupts once in so many looks.
type ticking struct {
	fstest.MapFS
	looks, every int
}

func (g *ticking) Open(name string) (fs.File, error) {
	g.looks++
	text := fmt.Sprintf(" CPU0\n11: %d GICv3 27 Level arch_timer\n", 100+g.looks/g.every)
	return fstest.MapFS{"proc/interrupts": {Data: []byte(text)}}.Open(name)
}

// stopped is a clock of a microsecond a read, that a host which stops the VM
// lets jump by seconds at that read.
func stopped(at, seconds uint64) Clock {
	var reads uint64
	return Clock{Name: "fake", Hz: 1e6, Now: func() uint64 {
		if reads++; reads > at {
			return reads + 1e6*seconds
		}
		return reads
	}}
}

func TestDeadTimer(t *testing.T) {
	running := stopped(0, 0)
	still := Clock{Name: "fake", Hz: 1e6, Now: func() uint64 { return 7 }}
	tests := map[string]struct {
		files        fs.FS
		clock        Clock
		want         string
		dead, tested bool
	}{
		"nothing listed":        {fstest.MapFS{}, running, `^$`, false, false},
		"alive":                 {&ticking{every: 2}, running, `^interrupts 100 101 5\d{3}\n$`, false, true},
		"slow, but it does":     {&ticking{every: 4}, running, `^interrupts 100 101 \d{5}\n$`, false, true},
		"starved for 2.5 s":     {&ticking{every: 10}, running, `^interrupts 100 101 25\d{5}\n$`, false, true},
		"dead":                  {&ticking{every: 1000}, running, `^interrupts 100 100 5\d{6}\n$`, true, true},
		"stopped for a second":  {&ticking{every: 4}, stopped(100, 1), `^interrupts 100 101 10\d{5}\n$`, false, true},
		"stopped for a minute":  {&ticking{every: 4}, stopped(100, 60), `^interrupts 100 101 600\d{5}\n$`, false, true},
		"dead and stopped":      {&ticking{every: 1000}, stopped(100, 60), `^interrupts 100 100 61\d{6}\n$`, true, true},
		"a counter that stands": {&ticking{every: 1000}, still, `^interrupts 100 100 0\n$`, true, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			testTimer(test.files, newCounterRun(test.clock), &out)
			require.Regexp(t, test.want, out.String())
			dead, tested := timer.IsDead(out.Bytes())
			require.Equal(t, test.dead, dead)
			require.Equal(t, test.tested, tested)
		})
	}
}

// A timer is not dead before a running CPU has waited for it.
func TestEnough(t *testing.T) {
	const seconds = uint64(DeadAfter / time.Second)
	clock := Clock{Hz: 1000}
	for name, test := range map[string]struct {
		run  counterRun
		want bool
	}{
		"at once":              {counterRun{last: 100}, false},
		"a CPU that ran":       {counterRun{last: 100 + 1000*seconds - 1, reads: deadReads}, false},
		"stopped by the host":  {counterRun{last: 100 + 1000*seconds, reads: deadReads - 1}, false},
		"both":                 {counterRun{last: 100 + 1000*seconds, reads: deadReads}, true},
		"counter far too slow": {counterRun{last: 101, reads: deadReadsMost}, true},
		"counter stands still": {counterRun{last: 100, reads: maxReads, still: true}, true},
	} {
		test.run.clock = clock
		require.Equal(t, test.want, test.run.enough(100), name)
	}
}

// The narrowest bracket counts: where the host stopped the vCPU between two
// readings, the counter is not wrong.
func TestReading(t *testing.T) {
	var readings []uint64
	for i := range uint64(10) {
		width := uint64(500)
		if i == 3 {
			width = 1
		}
		readings = append(readings, 1000*i, 1000*i+width)
	}
	got := reading(counter(readings...))
	require.EqualValues(t, 3000, got.least)
	require.EqualValues(t, 3001, got.most)
}

func TestClocks(t *testing.T) {
	m := Monotonic()
	require.Equal(t, "monotonic 1000000000", fmt.Sprint(m.Name, " ", m.Hz))
	first := m.Now()
	require.GreaterOrEqual(t, m.Now(), first)

	c, err := Counter()
	if haveCounter {
		require.NoError(t, err)
		require.NotZero(t, c.Hz)
		return
	}
	require.ErrorContains(t, err, "no generic timer")
	require.Error(t, MeasureCounter(fstest.MapFS{}, &strings.Builder{}))
}
