package trial

import (
	"fmt"
	"io/fs"
	"runtime"
	"time"

	"vmspec/probes/gic"
	"vmspec/probes/timer"
)

// Bounds of the dead-timer test. With a live timer it ends at the first look that
// sees an interrupt: the slowest tick of a Linux kernel is 10 ms (HZ=100). Only a
// dead timer makes it wait long. The counter also runs while the host stops the VM,
// or does not run the thread that raises its interrupts. So the test also waits
// until this CPU itself has run for some time.
const (
	timerLook = 200 // the first look is after 1/200 s, each next one after twice the time
	// DeadAfter is how long a timer that does not interrupt is waited for.
	DeadAfter = 5 * time.Second
	// How many reads the slowest CPU, an emulated one, makes in 0.1 s.
	deadReads = 1_000_000
	// A fast CPU makes so many reads in 5 s. If the counter has not reached its end
	// by then, it is far too slow, and waiting longer is of no use.
	deadReadsMost = 200_000_000
)

// Counter reads the counter for 5 ms or more without ever sleeping, and for
// seconds as long as the timer does not interrupt. Then it reads the counter on
// each CPU in turn.
//
// A 32-bit program may get SIGILL: drivers/clocksource/arm_arch_timer.c closes
// the counter to programs when its vDSO must not use it.
func Counter(root fs.FS, n *timer.CounterNote) error {
	return onOwnThread(func() error { return measureCounter(root, n) })
}

func measureCounter(root fs.FS, n *timer.CounterNote) error {
	if haveCounter {
		hz := uint64(cntfrq())
		n.Frequency = &hz
	}
	c, err := VirtualCounter()
	if err != nil {
		return err
	}
	run, begin := newCounterRun(c), reading(c)
	n.Start = testTimer(root, run)
	end := reading(c)
	n.Pace = &timer.Pace{Least: end.least - begin.most, Most: end.most - begin.least, Nanoseconds: end.clock - begin.clock}
	cpus := run.onEachCPU(root)
	n.Reads = &timer.Reads{Count: run.reads, Backward: run.backward, CPUs: cpus}
	return nil
}

// Ticks is the dead-timer test by CLOCK_MONOTONIC, which needs no interrupt
// either. It is for a guest whose counter cannot be read.
func Ticks(root fs.FS, n *timer.TicksNote) error {
	n.Start = testTimer(root, newCounterRun(Monotonic()))
	return nil
}

// testTimer is the dead-timer test. It is nil where no timer interrupt is listed.
func testTimer(root fs.FS, run *counterRun) *timer.Start {
	before, listed := timerInterrupts(root)
	after, begin, look := before, run.last, run.base.Hz/timerLook
	run.until(begin + look)
	for listed {
		if after, listed = timerInterrupts(root); after != before || run.enough(begin) {
			break
		}
		look *= 2
		run.until(run.last + look)
	}
	if !listed {
		return nil
	}
	return &timer.Start{Before: before, After: after, Ticks: run.since(begin)}
}

// since is how long ago a tick was; 0 if the counter went back behind it.
func (r *counterRun) since(tick uint64) uint64 { return r.last - min(tick, r.last) }

// enough tells whether a timer that has not interrupted since a tick is dead. A
// counter that stands still ends the test, too.
func (r *counterRun) enough(since uint64) bool {
	waited := r.since(since) >= uint64(DeadAfter/time.Second)*r.base.Hz
	return r.still || waited && r.reads >= deadReads || r.reads >= deadReadsMost
}

// onOwnThread runs f on a thread of its own, so that the affinity which f may set
// does not stay with the caller.
func onOwnThread(f func() error) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		runtime.LockOSThread() // never unlocked: the thread ends here
		err = f()
	}()
	<-done
	return err
}

// readsEach is how often the counter is read on each CPU: enough to find one
// whose counter is behind that of the CPU before.
const readsEach = 1000

// onEachCPU goes on reading on each CPU in turn, and returns on how many.
func (r *counterRun) onEachCPU(root fs.FS) (cpus uint64) {
	numbers, _, err := gic.LoadInterrupts(root)
	if err != nil {
		return 0
	}
	for _, n := range numbers {
		if pin(n) != nil {
			continue
		}
		cpus++
		for range readsEach {
			r.read()
		}
	}
	return cpus
}

// counterRun reads the counter again and again.
type counterRun struct {
	base            Timebase
	last            uint64
	reads, backward uint64
	still           bool // it did not move while it was waited for
}

func newCounterRun(c Timebase) *counterRun { return &counterRun{base: c, last: c.Now()} }

const (
	// maxReads ends the wait on a counter that stands still: some seconds' worth.
	maxReads = 20_000_000
	// After so many reads, some milliseconds, other threads may run. Without a timer
	// the kernel would not take the CPU from this one.
	yieldReads = 1 << 14
)

func (r *counterRun) until(end uint64) {
	begin := r.last
	for most := r.reads + maxReads; r.last < end && r.reads < most; {
		if r.read(); r.reads%yieldReads == 0 {
			yield()
		}
	}
	r.still = r.last < end && r.last == begin
}

func (r *counterRun) read() {
	now := r.base.Now()
	if r.reads++; now < r.last {
		r.backward++
	}
	r.last = now
}

// bracket is a reading of CLOCK_MONOTONIC with the counter before and after.
type bracket struct{ least, most, clock uint64 }

// reading takes the narrowest of several brackets. If the host stops the vCPU
// between two readings, that must not look like a wrong counter.
func reading(c Timebase) bracket {
	var best bracket
	for i, m := 0, Monotonic(); i < 10; i++ {
		b := bracket{least: c.Now(), clock: m.Now()}
		if b.most = c.Now(); i == 0 || b.most-b.least < best.most-best.least {
			best = b
		}
	}
	return best
}

// timerInterrupts counts the generic timer's interrupts on all CPUs.
func timerInterrupts(root fs.FS) (total uint64, listed bool) {
	_, interrupts, err := gic.LoadInterrupts(root)
	if err != nil {
		return 0, false
	}
	for _, i := range interrupts {
		if i.Action("arch_timer") {
			listed = true
			for _, n := range i.Counts {
				total += n
			}
		}
	}
	return total, listed
}
