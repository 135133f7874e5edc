// Package guest shows a guest as a file system, live or captured, and does
// the few things that are not reading a file: registers, physical memory, the
// kernel's log and the trials.
//
// With cmd it is the only code that touches a machine. What it finds out it
// leaves as text under vmspec/, beside the guest's own files, so that it is
// captured, replayed and reviewed as /proc/interrupts is:
//
//	vmspec/arch        GOARCH of the suite
//	vmspec/context     "pid1" where the suite booted the guest, else "program"
//	vmspec/counter     the generic timer's counter, read in a child process
//	vmspec/ticks       the dead-timer test where the counter cannot be read
//	vmspec/timer       interrupts of the timer on each CPU, before and after sleeps
//	vmspec/clock       the real-time clock's seconds against the counter
//	vmspec/kmsg        the kernel's log, a message a line with its time stamp
//	vmspec/mounts      why efivarfs could not be mounted
//	vmspec/modules     what became of each module the suite wanted loaded
//	vmspec/efi         the UEFI system table, where /dev/mem shows it
//	vmspec/parameters  the suite's parameters from SMBIOS OEM strings
//
// A capture holds the files of the table in snapshot.go and nothing else. Of
// UEFI variables and ttys it has the names only; it has no raw SMBIOS tables,
// so no serial numbers.
package guest

import (
	"fmt"
	"time"
)

// A Clock counts ticks at Hz, from the generic timer's virtual counter where
// a child process has shown that reading it is safe, else from
// CLOCK_MONOTONIC.
type Clock struct {
	Name string // "cntvct" or "monotonic"
	Hz   uint64
	Now  func() uint64
}

var start = time.Now()

// Monotonic is the kernel's clock, in nanoseconds.
func Monotonic() Clock {
	return Clock{Name: "monotonic", Hz: 1e9, Now: func() uint64 { return uint64(time.Since(start)) }}
}

// Counter is the virtual counter at the frequency CNTFRQ states. It is for a
// guest whose counter [Measure] could read.
func Counter() (Clock, error) {
	if !haveCounter {
		return Clock{}, fmt.Errorf("read CNTVCT: no generic timer on this architecture")
	}
	hz := uint64(cntfrq())
	if hz == 0 {
		return Clock{}, fmt.Errorf("read CNTFRQ: 0")
	}
	return Clock{Name: "cntvct", Hz: hz, Now: cntvct}, nil
}
