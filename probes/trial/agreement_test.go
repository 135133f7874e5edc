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

// Starved pairs have more turns until they have enough, or time is up.
func TestEachPair(t *testing.T) {
	for name, c := range map[string]struct {
		serves []uint64 // hand-overs of one turn, by pair
		turns  []int
		ends   uint64 // seconds
	}{
		"a quiet host":                {[]uint64{1000, 1000}, []int{1, 1}, 2},
		"a pair that is served later": {[]uint64{1000, 40}, []int{1, 3}, 4},
		"a pair that is never served": {[]uint64{1000, 0}, []int{1, 11}, 12},
		"a host with no time":         {[]uint64{0, 0}, []int{6, 6}, 12},
	} {
		var now uint64
		clock := Timebase{Hz: 1, Now: func() uint64 { return now }}
		pairs := make([]timer.Pair, len(c.serves))
		turns := make([]int, len(pairs))
		for i := range pairs {
			pairs[i].B = uint64(i)
		}
		require.NoError(t, eachPair(clock, pairs, 0, func(p *timer.Pair, end uint64) error {
			p.Count += c.serves[p.B]
			turns[p.B]++
			now++
			return nil
		}))
		require.Equal(t, c.turns, turns, name)
		require.Equal(t, c.ends, now, name)
	}
	require.ErrorIs(t, eachPair(Timebase{Hz: 1, Now: func() uint64 { return 0 }}, make([]timer.Pair, 1), 0, func(*timer.Pair, uint64) error { return errDiffers }), errDiffers)
}
