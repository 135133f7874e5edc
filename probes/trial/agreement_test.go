package trial

import (
	"bytes"
	"io/fs"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestTrialAgreementFaults(t *testing.T) {
	online := func(text string) fstest.MapFS {
		return fstest.MapFS{"sys/devices/system/cpu/online": {Data: []byte(text)}}
	}
	var out bytes.Buffer
	require.ErrorIs(t, TrialAgreement(fstest.MapFS{}, counter(1), &out), fs.ErrNotExist)
	require.ErrorContains(t, TrialAgreement(online("x"), counter(1), &out), "is not a list of CPUs")
	require.ErrorContains(t, TrialAgreement(online(""), counter(1), &out), "no CPU is online")
	require.Error(t, TrialAgreement(online("4000"), counter(1), &out), "there is no such CPU to read on")
	require.NotContains(t, out.String(), "reads")
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
	h := &handover{clock: Clock{Hz: 1000, Now: func() uint64 { return now.Add(1) }}, most: 1000, soon: 1 << 40, end: 1 << 40}
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
	h := &handover{clock: Clock{Hz: 1000, Now: func() uint64 { now++; return now }}, most: 1000, end: 5}
	h.takeTurns(1)
	require.Zero(t, h.turn.Load())
}

// A processor reads the counter as often as is wanted, an emulated one for as
// long as its host's time is worth.
func TestReadWithoutPause(t *testing.T) {
	for want, nanoseconds := range map[string]uint64{
		"reads 2000896 backward 0 worst 0\n": 25,
		"reads 25600 backward 0 worst 0\n":   160,
	} {
		var now uint64
		c := Clock{Hz: 1_000_000_000, Now: func() uint64 { now += nanoseconds; return now }}
		var out bytes.Buffer
		require.NoError(t, onOwnThread(func() error { return readWithoutPause(c, 0, &out) }))
		require.Equal(t, want, out.String())
	}
}
