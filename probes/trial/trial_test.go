package trial

import (
	"errors"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/timer"
)

var errIO = errors.New("input/output error")

// counter is a clock of these readings; the last one repeats.
func counter(readings ...uint64) Timebase {
	return Timebase{Name: "fake", Hz: 1000, Now: func() uint64 {
		now := readings[0]
		if len(readings) > 1 {
			readings = readings[1:]
		}
		return now
	}}
}

func TestTimebases(t *testing.T) {
	m := Monotonic()
	require.Equal(t, "monotonic 1000000000", fmt.Sprint(m.Name, " ", m.Hz))
	first := m.Now()
	require.GreaterOrEqual(t, m.Now(), first)

	c, err := VirtualCounter()
	if haveCounter {
		require.NoError(t, err)
		require.NotZero(t, c.Hz)
		return
	}
	require.ErrorContains(t, err, "no generic timer")
	require.Error(t, Counter(fstest.MapFS{}, &timer.CounterNote{}))
}
