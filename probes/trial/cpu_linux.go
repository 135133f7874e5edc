package trial

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nap sleeps by a one-shot timer of the kernel, without the timers of Go.
func nap(d time.Duration) error {
	rest := unix.NsecToTimespec(int64(d))
	for {
		if err := unix.Nanosleep(&rest, &rest); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// yield lets other threads run first, and does not sleep.
func yield() { _, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// currentCPU returns the CPU on which it is called, -1 if the kernel does not
// say.
func currentCPU() int {
	var cpu uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); errno != 0 {
		return -1
	}
	return int(cpu)
}

// pin binds the calling goroutine's thread to one CPU, and sets the thread's timer
// slack so that its naps end in time (PR_SET_TIMERSLACK, prctl(2)). The thread ends
// with the goroutine.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("run on cpu %d: %w", cpu, err)
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("sleep on cpu %d: %w", cpu, err)
	}
	return nil
}
