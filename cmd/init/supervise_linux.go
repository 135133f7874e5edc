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

	"vmspec/probes/trial"
)

// The supervisor starts a worker, which does everything, and watches it. A
// worker that crashes, or that stays at one step for too long, is ended; the
// next one finds in the journal what was done, and which step was lost: it
// leaves this out and goes on. Whatever looks at the machine may crash, hang or
// fill the memory without costing more than its own answer.

// workerArgument is the first argument of a worker; the second is its context.
const workerArgument = "vmspec-worker"

// The contexts: our own guest, or one that somebody else booted.
const (
	contextBoot    = "pid1"
	contextProgram = "program"
)

// What a worker finds open.
const (
	journalFD = 3
	signalFD  = 4
)

// Signals of a worker, a byte each.
const (
	signalAlive = 'a' // it is up, and the timer interrupts
	signalDead  = 'd' // it is up, and no timer interrupt comes
	signalDone  = 'e' // all is done
)

// maxWorkers bounds how many steps can be lost.
const maxWorkers = 40

// mosts are how long the steps of each kind may take before their worker is
// ended, on a machine where a worker is up in startNormal.
var mosts = map[string]time.Duration{
	"trial":   15 * time.Second, // they have bounds of their own, below this one
	"module":  15 * time.Second,
	"wait":    15 * time.Second,
	"publish": 45 * time.Second,
	"capture": 45 * time.Second,
}

const (
	stepMost    = 5 * time.Second // of any other kind
	startMost   = 30 * time.Second
	startNormal = 250 * time.Millisecond
	maxScale    = 8
)

// monitorSlack is how late a worker's sleeps may end (PR_SET_TIMERSLACK, prctl(2)):
// those of the Go runtime's monitor thread are meant, which asks for 20 µs
// while anything happens (sysmon, runtime/proc.go). Each ends by an interrupt
// and two switches of threads: under emulation half of what the suite adds to a
// boot. Late, it wakes at the kernel's tick. The threads that the monitor
// starts sleep so too; one that measures sets its own.
const monitorSlack = 5 * time.Millisecond

// A supervisor watches one worker after the other.
type supervisor struct {
	journal *journal
	context string
	scale   float64 // how much slower than usual the machine is
	dead    bool    // no timer interrupt comes: no sleep ends
	alone   bool    // the clock's trial runs alone by now
}

// supervise lets workers do the work. It returns an error if there is no end
// of them.
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

// blame writes down what a worker did not survive. A crash while the clock's
// trial ran beside another step could be either's: then the next worker runs
// it alone.
func (s *supervisor) blame(fate string) error {
	if _, err := s.journal.records(); err != nil { // cuts what was not finished
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
	if s.context == contextBoot {
		say("%s: %s", step, fate)
	}
	return s.journal.add(kindLost, step, []byte(fate))
}

// work runs a worker and returns what became of it: nothing if it did all
// there is to do.
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
	signals int // the pipe's end
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
	// A new process has the slack of the thread that starts it; speed alone
	// depends on it.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(monitorSlack), 0, 0, 0)
	// os.StartProcess would start another process first, to look whether the
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

// watch waits for a worker's end, and for no step longer than it may take.
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
		if most := s.most(step); spent > most {
			return fmt.Sprintf("hung for %s", most.Round(10*time.Millisecond))
		}
	}
}

// counted is how much of the time between two looks a worker had: of more than
// it asks for, the supervisor was not let run either.
func counted(between time.Duration) time.Duration { return min(between, 2*supervisorPoll) }

// scale is how much slower than usual a machine is on which a worker was up
// after so long. That a dead timer was waited for tells nothing of it.
func scale(up time.Duration, dead bool) float64 {
	if dead {
		up -= trial.DeadAfter
	}
	return min(max(1, float64(up)/float64(startNormal)), maxScale)
}

// most is how long a step may take.
func (s *supervisor) most(step string) time.Duration {
	kind, _, _ := strings.Cut(step, " ")
	most, ok := mosts[kind]
	switch {
	case step == "":
		most = startMost
	case !ok:
		most = stepMost
	}
	return time.Duration(float64(most) * s.scale)
}

// supervisorPoll is how often the supervisor looks at the worker's step.
const supervisorPoll = time.Second

// next waits a while for a signal of the worker. It sleeps only where a sleep
// ends: with a dead timer it lets others run and looks again.
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

// endMost is how long a worker may take to be gone: one that is stuck in the
// kernel (state D) is left behind.
const endMost = time.Second

// wait waits for the end of a worker that is ending.
func (w *process) wait() (status syscall.WaitStatus, ended bool) {
	for end := time.Now().Add(endMost); time.Now().Before(end); {
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
	n, _ := w.stderr.ReadAt(said, 0) // it may have said nothing
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

// lastWords are what Go's runtime says first of its end, with the signal that
// it may name only behind that.
func lastWords(said string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(said), "\n")
	if _, named, ok := strings.Cut(rest, "[signal "); ok {
		name, _, _ := strings.Cut(named, " code=")
		return name + ": " + first
	}
	return first
}
