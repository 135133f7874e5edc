package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"vmspec/probes/gic"
)

const (
	timerSleeps = 5
	timerSleep  = 2 * time.Millisecond
	// Ten milliseconds of sleep get five seconds: a CPU that has not come back
	// by then was not woken, however busy the host.
	timerMost = 5 * time.Second
)

// TrialTimer lets a thread sleep on each online CPU and looks whether the
// timer's interrupts rose there. It writes for each
//
//	cpu N before COUNT after COUNT woke SLEEPS
//
// With dead it only writes that the dead-timer test found no interrupt, since
// a sleep would never end.
func TrialTimer(root fs.FS, dead bool, out io.Writer) error {
	if dead {
		fmt.Fprintln(out, "dead")
		return nil
	}
	cpus, before, err := timerCounts(root)
	if err != nil {
		return err
	}
	woke := make([]atomic.Int32, len(cpus))
	done := make(chan error, len(cpus))
	for i, cpu := range cpus {
		go func() { done <- sleepOn(cpu, &woke[i]) }()
	}
	err = gather(done, len(cpus))
	if err != nil {
		return err
	}
	_, after, err := timerCounts(root)
	if err != nil {
		return err
	}
	for i, cpu := range cpus {
		fmt.Fprintf(out, "cpu %d before %d after %d woke %d\n", cpu, before[cpu], after[cpu], woke[i].Load())
	}
	return nil
}

// gather waits for n answers, and for silent ones no longer than timerMost.
func gather(done <-chan error, n int) error {
	late := time.After(timerMost)
	var errs []error
	for range n {
		select {
		case err := <-done:
			errs = append(errs, err)
		case <-late:
			return errors.Join(errs...)
		}
	}
	return errors.Join(errs...)
}

// timerCounts returns the timer's interrupts by CPU.
func timerCounts(root fs.FS) (cpus []int, counts map[int]uint64, err error) {
	cpus, interrupts, err := gic.LoadInterrupts(root)
	if err != nil {
		return nil, nil, err
	}
	counts = map[int]uint64{}
	for _, i := range interrupts {
		if !i.Action("arch_timer") {
			continue
		}
		for column, n := range i.Counts {
			counts[cpus[column]] += n
		}
	}
	return cpus, counts, nil
}
