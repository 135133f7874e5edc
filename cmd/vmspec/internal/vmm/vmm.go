// Package vmm runs a virtual machine monitor and watches the guest's console
// until the report is there or cannot come any more.
package vmm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"vmspec/results"
)

// A Run is one start of a VMM.
type Run struct {
	Command []string       // program and arguments
	Env     []string       // NAME=VALUE, beside our own environment
	Serial  string         // a socket or file with the console, tcp:HOST:PORT or listen:SOCKET; empty for standard output
	Nonce   string         // of the report to wait for; empty for any
	Log     io.Writer      // takes the console's bytes as they are; nil for nowhere
	Line    func(string)   // is called with each line of the console; may be nil
	Serve   Serve          // what the guest may need; nil for nothing
	Before  []func() error // are called when all is ready for the VMM to start
	Timeout time.Duration  // for the whole run
	Silence time.Duration  // for the console to say something
	// Grace is for a VM to end by itself once its report is out and its console
	// is quiet, or once its guest shows a symptom; 10 s if zero. A firmware's shell takes
	// 5 s to look for a startup.nsh, by which it may go on.
	Grace time.Duration
	// Resets is how often the guest may reset the VM behind its report, and report again.
	Resets int
}

const (
	graceEnd = 10 * time.Second // of a Run that names none
	// A VMM that was asked to end is killed after this.
	graceTerm = 2 * time.Second
	lastLines = 12
	tickEvery = 250 * time.Millisecond
	// A VM in the background that has closed its console for more ticks goes on
	// without one.
	closedTicks = 4
	// A command that ended has been read when its console is quiet for this.
	settling = 500 * time.Millisecond
	// A VM in the background may never be quiet.
	maxSettling = 2 * time.Second
	maxStderr   = 64 << 10
)

// Start runs the VMM to its end. Whatever happens, no process of it is left
// when Start returns. The error is about starting and reading, not about the
// guest.
func (r Run) Start(ctx context.Context) (*Outcome, error) {
	began := time.Now()
	w := &watch{run: r, parser: results.Parser{Nonce: r.Nonce}, alarm: make(chan alarm, 64), closed: make(chan struct{}), needs: newNeeds(ctx, r.Serve)}
	defer w.needs.end()
	cmd := exec.Command(r.Command[0], r.Command[1:]...)
	stderr, err := listen(cmd)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(os.Environ(), r.Env...)
	w.family = newFamily(cmd)
	console, err := w.open(cmd)
	if err != nil {
		closeEnds(cmd)
		stderr.end()
		return nil, err
	}
	for _, f := range r.Before {
		if err := f(); err != nil {
			closeEnds(cmd)
			stderr.end()
			return nil, errors.Join(err, console.Close())
		}
	}
	ended, err := start(cmd)
	if err != nil {
		console.Close()
		stderr.end()
		return nil, fmt.Errorf("start %s: %w", r.Command[0], err)
	}
	out := &Outcome{}
	go w.read(console)
	w.wait(ctx, out, ended)
	w.needs.stop()
	if !out.Killed {
		w.family.await(time.After(settling))
		out.Remained = w.family.alive()
	}
	w.family.kill() // what it left behind
	console.Stop()
	<-w.closed
	w.needs.end()
	if w.needs.bytes.Load() > int64(console.Left()) {
		out.Typed = w.needs.typed
	}
	err = errors.Join(w.readErr, console.Close())
	if s, ok := console.(*serial); ok {
		out.Absent = s.in == nil
	}
	if w.logErr != nil {
		err = errors.Join(err, fmt.Errorf("keep the console's output: %w", w.logErr))
	}
	out.ended(cmd.ProcessState)
	out.Stderr, out.Took = strings.TrimSpace(stderr.end()), time.Since(began)
	return out, errors.Join(err, w.conclude(out))
}

// wait lets the VMM run until it ends, or ends it.
func (w *watch) wait(ctx context.Context, out *Outcome, ended <-chan error) {
	timeout := time.NewTimer(w.run.Timeout)
	defer timeout.Stop()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	var grace <-chan time.Time
	for {
		select {
		case <-ended:
			if ended = nil; !w.family.stays() || w.settled() {
				return
			}
			out.Left = true
			continue
		case <-ctx.Done():
			out.Reason = "interrupted"
		case <-timeout.C:
			out.Reason = fmt.Sprintf("no end after %s", w.run.Timeout)
		case <-grace:
			// A captured guest may still be coming.
			if rest := w.grace() - time.Since(w.lastOutput()); w.complete.Load() && rest > 0 {
				grace = time.After(rest)
				continue
			}
			out.Reason = Lasted
		case why := <-w.alarm:
			if why == rebooted {
				out.Reason = Rebooted
				break
			}
			if grace = nil; why != recovered {
				grace = time.After(w.grace())
			}
			continue
		case <-tick.C:
			if out.Left && !w.family.stays() {
				return
			}
			if out.Reason = w.silence(out.Left); out.Reason == "" {
				continue
			}
		}
		out.Killed = true
		w.family.end(ended)
		return
	}
}

// grace is how long a VM may take to end. Its firmware may be silent for longer after a
// reset.
func (w *watch) grace() time.Duration {
	if w.run.Resets > 0 && w.complete.Load() {
		return w.run.Silence
	}
	return cmp.Or(w.run.Grace, graceEnd)
}

// silence says why nothing more is expected of the console; empty if something is.
// left tells that the command has ended and its VM goes on.
func (w *watch) silence(left bool) string {
	select {
	case <-w.closed: // its process may be about to end
		if w.ticksClosed++; left && !w.complete.Load() && w.ticksClosed > closedTicks {
			return consoleClosed
		}
	default:
	}
	if time.Since(w.lastOutput()) < w.run.Silence {
		return ""
	}
	return silentFor + w.run.Silence.String()
}

// settled waits until what a command wrote before its end is read, and tells
// whether the report is among it.
func (w *watch) settled() bool {
	for end := time.Now().Add(maxSettling); !w.complete.Load() && time.Since(w.lastOutput()) < settling && time.Now().Before(end); {
		select {
		case <-w.closed:
			return w.complete.Load()
		case <-time.After(familyPoll):
		}
	}
	return w.complete.Load()
}

// conclude fills in what the console showed.
func (w *watch) conclude(out *Outcome) (err error) {
	out.Report, err = w.parser.Report()
	if errors.Is(err, results.ErrNoReport) {
		err = nil
	}
	out.Capture, out.CaptureErr = w.parser.Capture()
	out.Doing, out.Off, out.Symptom, out.Last = w.parser.Doing(), w.off, w.symptom(), w.last
	out.Reset, out.CameBack = w.reset, w.reset && w.booted > 0
	return err
}

// words are what a VMM writes to its standard error. It is read for as long as
// anybody of the VMM may write, who would else be killed by SIGPIPE.
type words struct {
	tail tail
	from *os.File
	done chan struct{}
}

func listen(cmd *exec.Cmd) (*words, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = w
	s := &words{tail{max: maxStderr}, r, make(chan struct{})}
	go func() {
		defer close(s.done)
		_, _ = io.Copy(&s.tail, r) // to its end or its deadline
	}()
	return s, nil
}

// end returns what was said. Who is out of our reach may still hold the pipe.
func (s *words) end() string {
	_ = s.from.SetReadDeadline(time.Now().Add(pipeLinger))
	<-s.done
	s.from.Close()
	return s.tail.String()
}

// tail keeps the last bytes written to it.
type tail struct {
	max int
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf.Write(p)
	if over := t.buf.Len() - t.max; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string { return t.buf.String() }
