package trial

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/timer"
)

func TestTimer(t *testing.T) {
	var n timer.Note
	require.NoError(t, Timer(fstest.MapFS{}, true, counter(1), &n))
	require.Equal(t, timer.Note{Dead: true}, n, "nothing may sleep where the timer is dead")

	try := func(files fstest.MapFS) error { return Timer(files, false, Monotonic(), &n) }
	require.ErrorIs(t, try(fstest.MapFS{}), fs.ErrNotExist)
	require.ErrorContains(t, try(fstest.MapFS{"proc/interrupts": {Data: []byte("junk")}}), "parse proc/interrupts")
	require.Error(t, try(fstest.MapFS{"proc/interrupts": {Data: []byte(" CPU60000\n")}}), "there is no such CPU to sleep on")
	require.Empty(t, n.CPUs)
}

// A thread whose CPU never wakes it stays silent.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		done := make(chan error, 2)
		done <- errIO
		left, err := gather(done, 2, stopped(0, 0))
		require.ErrorIs(t, err, errIO)
		require.Equal(t, 1, left)
		require.Equal(t, timerMost, time.Since(begin))

		begin = time.Now()
		done <- nil
		done <- nil
		left, err = gather(done, 2, stopped(0, 0))
		require.NoError(t, err)
		require.Zero(t, left)
		require.Zero(t, time.Since(begin))
	})
}

// Where the host stopped the VM for longer than is waited, the answers come
// when it runs again.
func TestGatherAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan error, 2)
		reads := 0
		clock := Timebase{Hz: 1, Now: func() uint64 {
			if reads++; reads == deadReads/2 {
				done <- nil
				done <- errIO
			}
			return 0
		}}
		left, err := gather(done, 2, clock)
		require.ErrorIs(t, err, errIO)
		require.Zero(t, left)
		require.Empty(t, done, "both were heard")
		require.Less(t, reads, deadReads, "nobody is waited for any longer")
	})
}

// A CPU that the host starves is waited for again; one whose timer is dead is not.
func TestAwait(t *testing.T) {
	here := 0 // a container may have others than the first
	for here < 1024 && pinned(here) != nil {
		here++
	}
	const nowhere = 60000 // no thread can run there
	for name, c := range map[string]struct {
		cpu        int
		interrupts string
		done, want time.Duration // when its thread is done, and how long it is waited for
	}{
		"in time":                       {here, "0", time.Second, time.Second},
		"a dead timer":                  {here, "0", 0, timerMost},
		"interrupts, and no thread":     {here, "7", 0, (1 + timerAgain) * timerMost},
		"interrupts, and a late thread": {here, "7", 12 * time.Second, 12 * time.Second},
		"not run by the host":           {nowhere, "0", 0, (1 + timerAgain) * timerMost},
		"run late":                      {nowhere, "0", 7 * time.Second, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text := fmt.Sprintf(" CPU%d\n11: %s GICv3 27 Level arch_timer\n", c.cpu, c.interrupts)
				root := fstest.MapFS{"proc/interrupts": {Data: []byte(text)}}
				sleepers := make([]sleeper, 1)
				sleepers[0].cpu = c.cpu
				done := make(chan error, 1)
				if c.done > 0 {
					time.AfterFunc(c.done, func() {
						sleepers[0].woke.Store(timer.Sleeps)
						done <- nil
					})
				}
				begin := time.Now()
				_, came, err := await(root, done, sleepers, map[int]uint64{}, stopped(0, 0))
				require.NoError(t, err)
				require.Equal(t, c.want, time.Since(begin))
				require.Equal(t, c.done == 0, came[c.cpu] != nil, "who is done is silent no more")
			})
		})
	}
}

func TestKnock(t *testing.T) {
	require.Empty(t, knock(nil, stopped(0, 0)))
	require.Equal(t, map[int]*timer.Knock{60000: {Number: 60000}}, knock([]int{60000}, stopped(0, 0)), "there is no such CPU")
	first := 0
	sleepers := make([]sleeper, 3)
	for i := range sleepers {
		sleepers[i].cpu = i
	}
	sleepers[1].woke.Store(timer.Sleeps)
	sleepers[2].woke.Store(timer.Sleeps - 1)
	require.Equal(t, []int{first, 2}, silent(sleepers))
	var err error
	for cpu := range 1024 { // a container may have others than the first
		if err = pinned(cpu); err == nil {
			require.Equal(t, map[int]*timer.Knock{cpu: {Number: cpu, Came: 1}}, knock([]int{cpu}, Monotonic()))
			return
		}
	}
	require.ErrorIs(t, err, errors.ErrUnsupported, "Linux lets a thread run on some CPU")
}

// pinned tells whether a thread may run on a CPU.
func pinned(cpu int) error {
	done := make(chan error)
	go func() { done <- pin(cpu) }()
	return <-done
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
