package main

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Signals that come while a terminal is waited for do not end the wait: who takes that
// for an end loses the rest of the report.
func TestDrainInterrupted(t *testing.T) {
	terminal, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(terminal)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, ended := unix.Gettid(), make(chan struct{})
	go func() {
		defer close(ended)
		for t.Context().Err() == nil {
			_ = unix.Tgkill(unix.Getpid(), thread, unix.SIGURG) // as the runtime does
		}
	}()
	t.Cleanup(func() { <-ended })
	for range 2000 {
		require.NoError(t, drain(terminal))
	}
}
