package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vmspec/probes/kernel"
	"vmspec/probes/trial"
)

// The supervisor starts a worker, which does everything, and watches it. If a
// worker crashes or stays at one step for too long, the supervisor kills it and
// starts the next one. That one reads in the journal what is done and which step
// was lost, leaves out the lost step, and goes on. So a probe may crash, hang or
// fill the memory: only its own answer is lost.

// workerArgument is the first argument of a worker; the second is its context.
const workerArgument = "vmspec-worker"

// The files that a worker finds open.
const (
	journalFD = 3
	signalFD  = 4
)

// Signals of a worker. Each is one byte.
const (
	signalAlive = 'a' // it is up, and the timer interrupts
	signalDead  = 'd' // it is up, and no timer interrupt comes
	signalDone  = 'e' // all is done
)

// maxWorkers bounds how many steps may be lost.
const maxWorkers = 40

// stepLimits are how long a step, or one of each kind, may take before its worker is
// killed, on a machine where a worker is up after startNormal.
var stepLimits = map[string]time.Duration{
	clockTrial: clockLimit + 3*time.Second,
	clockWait:  clockLimit + 3*time.Second,
	"trial":    15 * time.Second, // each trial has a lower limit of its own
	"module":   15 * time.Second,
	"wait":     15 * time.Second,
	"foretell": 25 * time.Second,
	"publish":  publishLimit + 15*time.Second,
	"capture":  publishLimit + 15*time.Second,

	"trial timer":   30 * time.Second, // it waits for CPUs that the host starves
	"trial hotplug": 3 * hostLimit,    // the host is asked twice
	"trial pause":   2 * hostLimit,
}

const (
	stepLimit   = 5 * time.Second // of any other kind
	startLimit  = 30 * time.Second
	startNormal = 250 * time.Millisecond
	maxScale    = 8
)

// monitorSlack is how late a worker's sleeps may end (PR_SET_TIMERSLACK, prctl(2)).
// It is mainly for the Go runtime's monitor thread, which sleeps for 20 µs at a
// time while anything happens (sysmon, runtime/proc.go). Each of its sleeps ends
// by an interrupt and two switches of threads: under emulation, half of what the
// suite adds to a boot. With slack it wakes at the kernel's tick. Threads that
// the monitor starts have the same slack; a thread that measures sets its own.
const monitorSlack = 5 * time.Millisecond

// A supervisor watches one worker after the other.
type supervisor struct {
	journal *journal
	context string
	scale   float64 // how much slower than usual the machine is
	dead    bool    // no timer interrupt comes: no sleep ends
	alone   bool    // the clock's trial runs alone now
}

// supervise starts workers until one has done all the work. It returns an error
// if too many are lost.
func supervise(j *journal, context string) error {
	s := &supervisor{journal: j, context: context, scale: 1}
	for range maxWorkers {
		fate, err := s.work()
		if fate == "" || err != nil {
			return err
		}
		if err := s.blame(fate); err != nil {
			return err
		}
	}
	return fmt.Errorf("%d workers were lost", maxWorkers)
}

// blame records the step that a worker did not survive. If the clock's trial
// ran beside that step, either may have crashed: then the next worker runs the
// clock's trial alone.
func (s *supervisor) blame(fate string) error {
	if _, err := s.journal.records(); err != nil { // drops an unfinished record
		return err
	}
	beside := s.journal.step.beside.Swap(0) == 1
	step, _ := s.journal.doing()
	if !s.alone && beside && strings.HasPrefix(fate, "crashed") {
		s.alone = true
		return s.journal.add(kindAlone, "", nil)
	}
	if step == "" {
		return fmt.Errorf("a worker %s before its first step", fate)
	}
	if s.context == kernel.ContextPID1 {
		say("%s: %s", step, fate)
	}
	return s.journal.add(kindLost, step, []byte(fate))
}

// work runs a worker and returns its fate; empty if it did all the work.
func (s *supervisor) work() (fate string, err error) {
	w, err := s.start()
	if err != nil {
		return "", err
	}
	defer w.close()
	fate = s.watch(w)
	if fate != "" {
		w.kill()
	}
	return fate, nil
}

// A process is a worker as the supervisor sees it.
type process struct {
	pid     int
	signals int // our end of the pipe
	stderr  *os.File
}

// start starts a worker.
func (s *supervisor) start() (*process, error) {
	s.journal.begin("")
	stderr, err := unnamed()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, errors.Join(fmt.Errorf("start a worker: %w", err), stderr.Close())
	}
	defer unix.Close(pipe[1])
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// A new process gets the slack of the thread that starts it. If that fails,
	// the suite is slower and no more.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(monitorSlack), 0, 0, 0)
	// os.StartProcess would first start another process, to find out whether the
	// kernel has pidfds.
	pid, err := syscall.ForkExec("/proc/self/exe", []string{os.Args[0], workerArgument, s.context}, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, stderr.Fd(), journalFD: s.journal.file.Fd(), signalFD: uintptr(pipe[1])},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a worker: %w", err), unix.Close(pipe[0]), stderr.Close())
	}
	return &process{pid: pid, signals: pipe[0], stderr: stderr}, nil
}

// watch waits until a worker ends or one of its steps takes too long.
func (s *supervisor) watch(w *process) (fate string) {
	began, up := time.Now(), false
	_, count := s.journal.doing()
	last, spent := began, time.Duration(0)
	for {
		signal, ended := s.next(w)
		now := time.Now()
		switch {
		case signal == signalDone:
			return ""
		case ended:
			return "crashed: " + w.why()
		case signal != 0 && !up:
			up, s.dead = true, signal == signalDead
			s.scale = scale(now.Sub(began), s.dead)
		}
		step, n := s.journal.doing()
		spent += counted(now.Sub(last))
		if last = now; n != count {
			count, spent = n, 0
		}
		if limit := s.limit(step); spent > limit {
			return fmt.Sprintf("hung for %s", limit.Round(10*time.Millisecond))
		}
	}
}

// counted returns how much of the time between two looks counts against the
// worker's limit. If a look comes far too late, the supervisor could not run, and
// perhaps the worker could not either.
func counted(between time.Duration) time.Duration { return min(between, 2*supervisorPoll) }

// scale returns how much slower than usual a machine is, by the time that a worker
// took to start. The wait for a dead timer is not counted.
func scale(up time.Duration, dead bool) float64 {
	if dead {
		up -= trial.DeadAfter
	}
	return min(max(1, float64(up)/float64(startNormal)), maxScale)
}

// limit returns how long a step may take.
func (s *supervisor) limit(step string) time.Duration {
	limit, ok := stepLimits[step]
	if !ok {
		kind, _, _ := strings.Cut(step, " ")
		limit, ok = stepLimits[kind]
	}
	switch {
	case step == "":
		limit = startLimit
	case !ok:
		limit = stepLimit
	}
	return time.Duration(float64(limit) * s.scale)
}

// supervisorPoll is the time between two looks at the worker's step.
const supervisorPoll = time.Second

// next waits for a signal of the worker, but not for long. With a dead timer it
// must not sleep: it yields the CPU and looks again.
func (s *supervisor) next(w *process) (signal byte, ended bool) {
	fds := []unix.PollFd{{Fd: int32(w.signals), Events: unix.POLLIN}}
	wait := int(supervisorPoll.Milliseconds())
	if s.dead {
		wait = 0
		_, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
	if n, err := unix.Poll(fds, wait); n < 1 || err != nil {
		return 0, false
	}
	var b [1]byte
	n, err := unix.Read(w.signals, b[:])
	if n == 1 {
		return b[0], false
	}
	return 0, err == nil
}

// endLimit is how long a killed worker may take to end. One that is stuck in the
// kernel (state D) is left behind.
const endLimit = time.Second

// wait waits until an ending worker is gone.
func (w *process) wait() (status syscall.WaitStatus, ended bool) {
	for end := time.Now().Add(endLimit); time.Now().Before(end); {
		if pid, err := syscall.Wait4(w.pid, &status, syscall.WNOHANG, nil); pid == w.pid || err == syscall.ECHILD {
			return status, true
		}
		_, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
	return 0, false
}

// kill ends a worker.
func (w *process) kill() {
	_ = syscall.Kill(w.pid, syscall.SIGKILL)
	w.wait()
}

// close forgets a worker.
func (w *process) close() {
	_ = unix.Close(w.signals)
	_ = w.stderr.Close()
}

// why says how a worker died.
func (w *process) why() string {
	said := make([]byte, 4096)
	n, _ := w.stderr.ReadAt(said, 0) // it may be empty
	status, ended := w.wait()
	switch {
	case !ended:
		return "closed its signals and went on"
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		return "SIGKILL, as for want of memory"
	case status.Signaled():
		return unix.SignalName(status.Signal())
	case n > 0:
		return lastWords(string(said[:n]))
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

// lastWords returns the first line of what Go's runtime wrote at its end. If a
// signal is named behind that line, it comes first.
func lastWords(said string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(said), "\n")
	if _, named, ok := strings.Cut(rest, "[signal "); ok {
		name, _, _ := strings.Cut(named, " code=")
		return name + ": " + first
	}
	return first
}
