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
	"os/exec"
	"strings"
	"time"

	"vmspec/results"
)

// A Run is one start of a VMM.
type Run struct {
	Command []string      // program and arguments
	Serial  string        // a socket or file with the console; empty for standard output
	Nonce   string        // of the report to wait for; empty for any
	Log     io.Writer     // takes the console's bytes as they are; nil for nowhere
	Line    func(string)  // is called with each line of the console; may be nil
	Timeout time.Duration // for the whole run
	Silence time.Duration // for the console to say something
	// Grace is for a VM to end by itself once its report is out or its guest
	// is ill; 10 s if zero. A firmware's shell takes 5 s to look for a
	// startup.nsh, by which it may go on.
	Grace time.Duration
}

// An Outcome is how a run ended. Report is nil where there is none.
type Outcome struct {
	Report  *results.Report
	Reason  string   // why the guest was not waited for any longer; empty where the VMM ended by itself
	Symptom string   // what the guest said of itself, and what that means
	Doing   string   // what its suite was doing last, as far as it said so
	Last    []string // the console's last lines
	Stderr  string   // the VMM's own words
	Status  int      // the VMM's exit status; -1 if a signal ended it
	Killed  bool     // we ended it
	Off     bool     // the guest said that it powers off
	Took    time.Duration
}

// Lasted is the reason of a run whose VM goes on when its guest has reported.
const Lasted = "did not end by itself"

// Refused tells whether the VMM gave up before there was a guest.
func (o *Outcome) Refused() bool { return !o.Killed && o.Status != 0 && len(o.Last) == 0 }

const (
	graceEnd = 10 * time.Second // of a Run that names none
	// A VMM that was asked to end is killed after this.
	graceTerm = 2 * time.Second
	lastLines = 12
	maxStderr = 64 << 10
)

// Start runs the VMM to its end. Whatever happens, no process of it is left
// when Start returns. The error is about starting and reading, not about the
// guest.
func (r Run) Start(ctx context.Context) (*Outcome, error) {
	began := time.Now()
	w := &watch{run: r, parser: results.Parser{Nonce: r.Nonce}, alarm: make(chan alarm, 64)}
	stderr := &tail{max: maxStderr}
	cmd := exec.Command(r.Command[0], r.Command[1:]...)
	cmd.Stderr = stderr
	cmd.WaitDelay = graceTerm // for what it left behind to let go of its output
	ownGroup(cmd)
	console, err := w.open(cmd)
	if err != nil {
		return nil, err
	}
	ended, err := start(cmd)
	if err != nil {
		console.Close()
		return nil, fmt.Errorf("start %s: %w", r.Command[0], err)
	}
	out := &Outcome{}
	read := make(chan error, 1)
	go func() { read <- w.read(console) }()
	w.wait(ctx, out, cmd, ended)
	kill(cmd) // what it left behind
	console.Stop()
	readErr := <-read
	if closeErr := console.Close(); readErr == nil {
		readErr = closeErr
	}
	if w.logErr != nil {
		readErr = errors.Join(readErr, fmt.Errorf("keep the console's output: %w", w.logErr))
	}
	out.Report, err = w.parser.Report()
	if errors.Is(err, results.ErrNoReport) {
		err = nil
	}
	out.Doing = w.parser.Doing()
	out.Off, out.Symptom, out.Last, out.Stderr = w.off, w.symptom, w.last, strings.TrimSpace(stderr.String())
	out.Status, out.Took = cmd.ProcessState.ExitCode(), time.Since(began)
	return out, errors.Join(err, readErr)
}

// wait lets the VMM run until it ends, or ends it.
func (w *watch) wait(ctx context.Context, out *Outcome, cmd *exec.Cmd, ended <-chan error) {
	timeout := time.NewTimer(w.run.Timeout)
	defer timeout.Stop()
	silence := time.NewTicker(time.Second)
	defer silence.Stop()
	var grace <-chan time.Time
	for {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			out.Reason = "interrupted"
		case <-timeout.C:
			out.Reason = fmt.Sprintf("no end after %s", w.run.Timeout)
		case <-grace:
			out.Reason = Lasted
		case why := <-w.alarm:
			if grace = nil; why != well {
				grace = time.After(cmp.Or(w.run.Grace, graceEnd))
			}
			continue
		case <-silence.C:
			if time.Since(w.heard()) < w.run.Silence {
				continue
			}
			out.Reason = fmt.Sprintf("silent for %s", w.run.Silence)
		}
		out.Killed = true
		end(cmd, ended)
		return
	}
}

// end asks the VMM to end, then makes it.
func end(cmd *exec.Cmd, ended <-chan error) {
	terminate(cmd)
	select {
	case <-ended:
	case <-time.After(graceTerm):
		kill(cmd)
		<-ended
	}
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
