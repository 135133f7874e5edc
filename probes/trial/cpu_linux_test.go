package trial

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What a trial measures ends in time, whatever the process sleeps by.
func TestPinSleepsInTime(t *testing.T) {
	done := make(chan error)
	var slack int
	go func() {
		err := pin(currentCPU())
		if err == nil {
			slack, err = unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		}
		done <- err
	}()
	require.NoError(t, <-done)
	require.Equal(t, 1, slack)
}
