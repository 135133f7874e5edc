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
	timerSleep = 2 * time.Millisecond
	// A one-shot is long enough that an unrelated interrupt is unlikely to end it.
	// Those of different CPUs end at different times.
	timerShot    = 12 * time.Millisecond
	timerStagger = 3 * time.Millisecond
	timerPhases  = 4
	// One that is in time is enough. On a busy host each may be late; the best of
	// several still shows whether the timer ended it or something else.
	timerInTime = 250 // 1/250 s
	timerShots  = 5
	// The sleeps of 10 ms may take 5 s. A CPU that is not back by then was not woken,
	// however busy the host is.
	timerMost = 5 * time.Second
	// One that was woken, or that no other CPU can get to run either, is starved: the
	// host has fewer CPUs. It is waited for so many times more.
	timerAgain = 3
)

// A sleeper is a thread bound to a CPU, and what it did so far.
type sleeper struct {
	cpu   int
	woke  atomic.Int32  // sleeps that ended
	ran   atomic.Int32  // the CPU on which it found itself
	shots atomic.Int32  // one-shots that ended
	asked atomic.Uint64 // ticks of the one that was least late, or has not ended
	took  atomic.Uint64 // ticks until it ended; 0 before that
	begun atomic.Uint64 // at which tick it began
}

// Timer lets a thread sleep on each online CPU, and counts the timer's interrupts
// there before and after. Then the CPU is idle for longer, until a one-shot timer
// ends, which c measures. Timer notes the one-shot that was least late, and how many
// other interrupts that CPU had meanwhile. If no one-shot ended, it notes how long
// it waited.
//
// With dead it notes only that the dead-timer test saw no interrupt: a sleep would
// never end.
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
	end, came, err := await(root, done, sleepers, before, c)
	if err != nil {
		return err
	}
	_, after, others, err := timerCounts(root)
	if err != nil {
		return err
	}
	for i := range sleepers {
		s, cpu := &sleepers[i], cpus[i]
		n.CPUs = append(n.CPUs, timer.Woken{
			CPU:   &timer.CPU{Number: cpu, Before: before[cpu], After: after[cpu], Woke: uint64(s.woke.Load())},
			Shot:  s.shot(end, others[cpu]-othersBefore[cpu]),
			Knock: came[cpu],
		})
	}
	return nil
}

// await waits until the sleepers are done, and longer for those that the host starves.
// It returns when that was, and who came of the CPUs that are silent.
func await(root fs.FS, done <-chan error, sleepers []sleeper, before map[int]uint64, c Timebase) (end uint64, came map[int]*timer.Knock, err error) {
	left := len(sleepers)
	for range 1 + timerAgain {
		var late error
		left, late = gather(done, left, c)
		end, err = c.Now(), errors.Join(err, late)
		came = knock(silent(sleepers), c)
		if left == 0 || err != nil || !starved(root, came, before) {
			break
		}
	}
	return end, came, err
}

// starved tells whether of the silent CPUs one had an interrupt of its timer, or did
// not run for another's. If none is silent, a one-shot of one that woke before is late.
func starved(root fs.FS, came map[int]*timer.Knock, before map[int]uint64) bool {
	_, now, _, err := timerCounts(root)
	if err != nil || len(came) == 0 {
		return err == nil
	}
	for cpu, k := range came {
		if k.Came == 0 || now[cpu] > before[cpu] {
			return true
		}
	}
	return false
}

// sleep sleeps on the sleeper's CPU, and then waits for one-shots.
func (s *sleeper) sleep(c Timebase, shot time.Duration) error {
	if err := pin(s.cpu); err != nil {
		return err
	}
	for range timer.Sleeps {
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

// shoot waits for a one-shot, and keeps the shortest time that one took.
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

// shot is what the one-shots showed until that tick; nil if there was none.
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

// silent lists the CPUs on which a sleep did not end.
func silent(sleepers []sleeper) (cpus []int) {
	for i := range sleepers {
		if sleepers[i].woke.Load() < timer.Sleeps {
			cpus = append(cpus, sleepers[i].cpu)
		}
	}
	return cpus
}

// knock sends a thread to each CPU. It is an interrupt of another CPU that lets it
// run there, not the timer's: one that does not run was not run by the host.
func knock(cpus []int, c Timebase) map[int]*timer.Knock {
	came := make([]atomic.Bool, len(cpus))
	done := make(chan error, len(cpus))
	for i, cpu := range cpus {
		go func() {
			err := pin(cpu)
			came[i].Store(err == nil)
			done <- err
		}()
	}
	_ = linger(done, len(cpus), c) // who does not come does not answer
	knocks := map[int]*timer.Knock{}
	for i, cpu := range cpus {
		knocks[cpu] = &timer.Knock{Number: cpu}
		if came[i].Load() {
			knocks[cpu].Came = 1
		}
	}
	return knocks
}

// gather waits for n answers, at most timerMost. It returns how many did not come.
func gather(done <-chan error, n int, c Timebase) (left int, err error) {
	late := time.After(timerMost)
	var errs []error
	for ; n > 0; n-- {
		select {
		case err := <-done:
			errs = append(errs, err)
		case <-late:
			later := linger(done, n, c)
			return n - len(later), errors.Join(append(errs, later...)...)
		}
	}
	return 0, errors.Join(errs...)
}

// lingerShare is for how long linger waits: half a second.
const lingerShare = 2

// linger takes answers while this CPU runs for some more time, by the counter and
// by its reads. If the host stopped the VM, time was up before any thread ran.
func linger(done <-chan error, n int, c Timebase) (errs []error) {
	run := newCounterRun(c)
	begin := run.last
	for n > 0 && run.reads < deadReadsMost && (run.reads < deadReads || run.since(begin) < c.Hz/lingerShare) {
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
