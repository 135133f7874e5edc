package trial

import (
	"errors"
	"io/fs"
	"runtime"
	"sync/atomic"
	"time"

	"vmspec/probes/gic"
	"vmspec/probes/timer"
)

const (
	timerSleeps = 5
	timerSleep  = 2 * time.Millisecond
	// A one-shot leaves its CPU idle for long enough that what else happens on
	// a quiet machine does not end it by chance; each CPU's ends at another time.
	timerShot    = 12 * time.Millisecond
	timerStagger = 3 * time.Millisecond
	timerPhases  = 4
	// One that is in time is enough. On a busy host each may be late, and the
	// best of several still tells whether the timer or something else ended it.
	timerInTime = 250 // 1/250 s
	timerShots  = 5
	// Ten milliseconds of sleep get five seconds: a CPU that has not come back
	// by then was not woken, however busy the host.
	timerMost = 5 * time.Second
)

// A sleeper is a thread bound to a CPU, and what became of it so far.
type sleeper struct {
	cpu   int
	woke  atomic.Int32  // sleeps that ended
	ran   atomic.Int32  // the CPU on which it found itself
	shots atomic.Int32  // one-shots that ended
	asked atomic.Uint64 // ticks of the one that was least late, or has not ended
	took  atomic.Uint64 // ticks until it ended; 0 before that
	begun atomic.Uint64 // at which tick it began
}

// Timer lets a thread sleep on each online CPU and looks whether the timer's
// interrupts rose there. Then it leaves the CPU idle for longer, until a one-shot
// that c measures. It notes the one-shot that was least late, and how many other
// interrupts came to its CPU meanwhile; where none ended, it took as long as was
// waited.
//
// With dead it only notes that the dead-timer test found no interrupt: a sleep
// would never end.
func Timer(root fs.FS, dead bool, c Timebase, n *timer.Note) error {
	if n.Dead = dead; dead {
		return nil
	}
	begin := c.Now()
	cpus, before, othersBefore, err := timerCounts(root)
	if err != nil {
		return err
	}
	baseline := c.Now() - begin
	n.Counter, n.Hz, n.Baseline = c.Name, c.Hz, &baseline
	sleepers := make([]sleeper, len(cpus))
	done := make(chan error, len(cpus))
	for i, cpu := range cpus {
		sleepers[i].cpu = cpu
		go func() { done <- sleepers[i].sleep(c, timerShot+time.Duration(i%timerPhases)*timerStagger) }()
	}
	err = gather(done, len(cpus), c)
	if err != nil {
		return err
	}
	end := c.Now()
	_, after, others, err := timerCounts(root)
	if err != nil {
		return err
	}
	for i := range sleepers {
		s, cpu := &sleepers[i], cpus[i]
		n.CPUs = append(n.CPUs, timer.Woken{
			CPU:  &timer.CPU{Number: cpu, Before: before[cpu], After: after[cpu], Woke: uint64(s.woke.Load())},
			Shot: s.shot(end, others[cpu]-othersBefore[cpu]),
		})
	}
	return nil
}

// sleep sleeps on the sleeper's CPU, and then waits for one-shots.
func (s *sleeper) sleep(c Timebase, shot time.Duration) error {
	if err := pin(s.cpu); err != nil {
		return err
	}
	for range timerSleeps {
		if err := nap(timerSleep); err != nil {
			return err
		}
		s.woke.Add(1)
	}
	s.ran.Store(int32(currentCPU()))
	s.asked.Store(uint64(shot.Seconds() * float64(c.Hz)))
	for range timerShots {
		if err := s.shoot(c, shot); err != nil {
			return err
		}
		if s.took.Load() < s.asked.Load()+c.Hz/timerInTime {
			break
		}
	}
	return nil
}

// shoot waits for a one-shot, and keeps how long that took if no one before
// took less.
func (s *sleeper) shoot(c Timebase, shot time.Duration) error {
	begin := c.Now()
	s.begun.Store(begin)
	if err := nap(shot); err != nil {
		return err
	}
	took := c.Now() - begin
	if s.shots.Add(1) == 1 || took < s.took.Load() {
		s.took.Store(took)
	}
	return nil
}

// shot is what became of the one-shots until a tick, nil if there was none.
func (s *sleeper) shot(end, others uint64) *timer.Shot {
	asked, ended, took := s.asked.Load(), s.shots.Load(), s.took.Load()
	if asked == 0 {
		return nil
	}
	if ended == 0 {
		took = end - min(s.begun.Load(), end)
	}
	return &timer.Shot{Number: s.cpu, Ran: uint64(s.ran.Load()), Ended: uint64(ended), Asked: asked, Took: took, Others: others}
}

// gather waits for n answers, and for silent ones no longer than timerMost.
func gather(done <-chan error, n int, c Timebase) error {
	late := time.After(timerMost)
	var errs []error
	for ; n > 0; n-- {
		select {
		case err := <-done:
			errs = append(errs, err)
		case <-late:
			return errors.Join(append(errs, linger(done, n, c)...)...)
		}
	}
	return errors.Join(errs...)
}

// linger takes what answers while this CPU runs for as long as before a timer
// is dead: where the host stopped the VM, the time was up before anybody ran.
func linger(done <-chan error, n int, c Timebase) (errs []error) {
	for run := newCounterRun(c); n > 0 && run.reads < deadReads; {
		select {
		case err := <-done:
			errs, n = append(errs, err), n-1
		default:
			if run.read(); run.reads%yieldReads == 0 {
				runtime.Gosched()
				yield()
			}
		}
	}
	return errs
}

// timerCounts returns by CPU the timer's interrupts, and all others.
func timerCounts(root fs.FS) (cpus []int, timers, others map[int]uint64, err error) {
	cpus, interrupts, err := gic.LoadInterrupts(root)
	if err != nil {
		return nil, nil, nil, err
	}
	timers, others = map[int]uint64{}, map[int]uint64{}
	for _, i := range interrupts {
		counts := others
		if i.Action("arch_timer") {
			counts = timers
		}
		for column, n := range i.Counts {
			counts[cpus[column]] += n
		}
	}
	return cpus, timers, others, nil
}
