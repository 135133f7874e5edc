package trial

import (
	"io/fs"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"vmspec/probes/timer"

	"github.com/stretchr/testify/require"
)

func TestAgreementFaults(t *testing.T) {
	online := func(text string) fstest.MapFS {
		return fstest.MapFS{"sys/devices/system/cpu/online": {Data: []byte(text)}}
	}
	var n timer.Agreement
	require.ErrorIs(t, Agreement(fstest.MapFS{}, counter(1), &n), fs.ErrNotExist)
	require.ErrorContains(t, Agreement(online("x"), counter(1), &n), "is not a list of CPUs")
	require.ErrorContains(t, Agreement(online(""), counter(1), &n), "no CPU is online")
	require.Error(t, Agreement(online("4000"), counter(1), &n), "there is no such CPU to read on")
	require.Zero(t, n.Alone)
}

// A counter that goes back is counted, with the worst of it.
func TestHandoverRead(t *testing.T) {
	h := handover{clock: counter(10, 20, 15, 20, 5, 5, 6)}
	for range 7 {
		h.read()
	}
	require.EqualValues(t, 2, h.backward)
	require.EqualValues(t, 15, h.worst)
}

// Threads take turns as often as they are to, and each reads when the other has.
func TestTakeTurns(t *testing.T) {
	var now atomic.Uint64
	h := &handover{clock: Timebase{Hz: 1000, Now: func() uint64 { return now.Add(1) }}, most: 1000, soon: 1 << 40, end: 1 << 40}
	done := make(chan struct{})
	go func() {
		h.takeTurns(1)
		close(done)
	}()
	h.takeTurns(0)
	<-done
	require.EqualValues(t, 1000, h.turn.Load())
	require.Zero(t, h.backward)
}

// One whose turn never comes gives up when time is up.
func TestTakeTurnsAlone(t *testing.T) {
	var now uint64
	h := &handover{clock: Timebase{Hz: 1000, Now: func() uint64 { now++; return now }}, most: 1000, end: 5}
	h.takeTurns(1)
	require.Zero(t, h.turn.Load())
}

// A processor reads the counter as often as is wanted, an emulated one for as
// long as its host's time is worth.
func TestReadWithoutPause(t *testing.T) {
	for want, nanoseconds := range map[uint64]uint64{2000896: 25, 25600: 160} {
		var now uint64
		c := Timebase{Hz: 1_000_000_000, Now: func() uint64 { now += nanoseconds; return now }}
		var n timer.Readings
		require.NoError(t, onOwnThread(func() error { return readWithoutPause(c, 0, &n) }))
		require.Equal(t, timer.Readings{Count: want}, n)
	}
}
