// Package trial makes things happen in a guest and measures what comes of it:
// one file for each experiment. Beside the mounts and modules of cmd/init it is
// the only code that changes anything in the guest, and it restores what it
// changed. A trial fills the note that the package
// of its subject declares.
package trial

import (
	"fmt"
	"time"
)

// A Timebase is what trials measure time by. It counts ticks at Hz. It is the
// generic timer's virtual counter if [Counter] could read that, else
// CLOCK_MONOTONIC.
type Timebase struct {
	Name string // "cntvct" or "monotonic"
	Hz   uint64
	Now  func() uint64
}

var start = time.Now()

// Monotonic is the kernel's clock, in nanoseconds.
func Monotonic() Timebase {
	return Timebase{Name: "monotonic", Hz: 1e9, Now: func() uint64 { return uint64(time.Since(start)) }}
}

// VirtualCounter is the virtual counter, at the frequency that CNTFRQ states. Use
// it only if [Counter] could read the counter: elsewhere it may end the program.
func VirtualCounter() (Timebase, error) {
	if !haveCounter {
		return Timebase{}, fmt.Errorf("read CNTVCT: no generic timer on this architecture")
	}
	hz := uint64(cntfrq())
	if hz == 0 {
		return Timebase{}, fmt.Errorf("read CNTFRQ: 0")
	}
	return Timebase{Name: "cntvct", Hz: hz, Now: cntvct}, nil
}
