package guest

import (
	"fmt"
	"io"
	"io/fs"

	"vmspec/probes/gic"
)

// Bounds of the dead-timer test, in ticks of a second: the counter is read
// without a pause for the first, and for up to the second while no timer
// interrupt has come. The slowest tick of a Linux kernel is 10 ms (HZ=100).
const (
	busyWait    = 50 // 1/50 s
	busyWaitMax = 10 // 1/10 s
)

// measureCounter reads the counter for 20 ms without ever sleeping, and looks
// whether the timer interrupted meanwhile. It writes
//
//	cntfrq HZ
//	reads N backward N
//	pace LEAST MOST NANOSECONDS   ticks between two readings of CLOCK_MONOTONIC
//	interrupts BEFORE AFTER TICKS arch_timer's interrupts, all CPUs
//
// The interrupts line is missing where no such interrupt is listed.
func measureCounter(root fs.FS, out io.Writer) error {
	c, err := Counter()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "cntfrq %d\n", c.Hz)
	before, listed := timerInterrupts(root)
	begin := reading(c)
	run := newCounterRun(c)
	after := before
	for wait := c.Hz / busyWait; ; wait += c.Hz / busyWait {
		run.until(begin.least + wait)
		if after, listed = timerInterrupts(root); !listed || after != before || wait >= c.Hz/busyWaitMax {
			break
		}
	}
	end := reading(c)
	fmt.Fprintf(out, "reads %d backward %d\n", run.reads, run.backward)
	fmt.Fprintf(out, "pace %d %d %d\n", end.least-begin.most, end.most-begin.least, end.clock-begin.clock)
	if listed {
		fmt.Fprintf(out, "interrupts %d %d %d\n", before, after, end.least-begin.most)
	}
	return nil
}

// counterRun reads the counter again and again.
type counterRun struct {
	clock           Clock
	last            uint64
	reads, backward uint64
}

func newCounterRun(c Clock) *counterRun { return &counterRun{clock: c, last: c.Now()} }

// maxReads ends the wait on a counter that stands still: some seconds' worth.
const maxReads = 20_000_000

func (r *counterRun) until(end uint64) {
	for most := r.reads + maxReads; r.last < end && r.reads < most; {
		now := r.clock.Now()
		if r.reads++; now < r.last {
			r.backward++
		}
		r.last = now
	}
}

// bracket is a reading of CLOCK_MONOTONIC with the counter before and after.
type bracket struct{ least, most, clock uint64 }

// reading takes the narrowest of several brackets: a host that stops the vCPU
// between two readings must not look like a wrong counter.
func reading(c Clock) bracket {
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
