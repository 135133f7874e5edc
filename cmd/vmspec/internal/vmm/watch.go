package vmm

import (
	"io"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"vmspec/results"
	"vmspec/results/report"
)

// watch follows a guest's console.
type watch struct {
	run         Run
	family      *family
	console     console
	parser      results.Parser
	alarm       chan alarm
	health      results.Health
	last        Last
	off         bool
	reset       bool          // the guest said that it resets the VM
	booted      int           // how often it was seen to boot again
	closed      chan struct{} // closed when the console's end was read
	readErr     error
	logErr      error
	ticksClosed int         // ticks since then
	complete    atomic.Bool // the report is
	needs       *needs
	at          atomic.Int64 // of the last output, in nanoseconds since 1970
}

// An alarm says whether there is more to wait for.
type alarm int

const (
	reported     alarm = iota // the report is whole
	symptomShown              // the guest showed a symptom
	recovered                 // it goes on all the same
	rebooted                  // it boots once more
)

func (w *watch) lastOutput() time.Time { return time.Unix(0, w.at.Load()) }

// open connects the console: to the VMM's standard output, or to what Serial
// names once that is there.
func (w *watch) open(cmd *exec.Cmd) (c console, err error) {
	w.at.Store(time.Now().UnixNano())
	if w.run.Serial != "" {
		cmd.Stdout = cmd.Stderr
		c, err = openSerial(w.run.Serial)
	} else {
		c, err = openPipe(cmd)
	}
	w.console = c
	return c, err
}

// read takes the console's bytes until there are no more.
func (w *watch) read(c io.Reader) {
	defer close(w.closed)
	if w.run.Log != nil {
		log := &lenient{w: w.run.Log}
		defer func() { w.logErr = log.err }()
		c = io.TeeReader(c, log)
	}
	w.readErr = results.EachLine(timedReader{c, &w.at}, w.line)
}

// lenient keeps the first error of writing and lets reading go on: a full disk
// must not cost the report.
type lenient struct {
	w   io.Writer
	err error
}

func (l *lenient) Write(p []byte) (int, error) {
	if l.err == nil {
		_, l.err = l.w.Write(p)
	}
	return len(p), nil
}

// timedReader notes when it read something.
type timedReader struct {
	io.Reader
	at *atomic.Int64
}

func (t timedReader) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if n > 0 {
		t.at.Store(time.Now().UnixNano())
	}
	return n, err
}

func (w *watch) line(text string) {
	shown := w.last.Take(text)
	w.off = w.off || results.PowersOff(text)
	w.reset = w.reset || results.Resets(text)
	if w.run.Line != nil {
		w.run.Line(shown)
	}
	w.needs.line(text, w.console)
	change := w.health.Take(text)
	switch {
	case w.parser.Line(text):
		w.complete.Store(true)
		w.raise(reported)
	case (w.complete.Load() || w.parser.HasProvisional()) && results.Boots(text):
		w.bootedAgain()
	case change == results.SymptomShown:
		w.raise(symptomShown)
	case change == results.Recovered:
		w.raise(recovered)
	}
}

// bootedAgain goes on with a VM that its guest has reset, if that is wanted.
func (w *watch) bootedAgain() {
	if w.booted++; w.booted <= w.run.Resets && w.reset && w.complete.Load() {
		w.complete.Store(false)
		w.raise(recovered)
		return
	}
	w.raise(rebooted)
}

// symptom is what the guest said of itself, and what that means; empty for a
// guest without one.
func (w *watch) symptom() string {
	if w.health.Symptom == "" {
		return ""
	}
	return w.health.Symptom + ": " + printable(w.health.Text)
}

func (w *watch) raise(why alarm) {
	select {
	case w.alarm <- why:
	default: // as many alarms wait already as any guest can mean
	}
}

// Last are a console's last lines, as a person reads them. Frames are for programs.
type Last []string

// Take takes the next line, and returns it as it is shown.
func (l *Last) Take(text string) string {
	shown := printable(text)
	if shown != "" && report.FindFrame(shown) != 0 {
		*l = append(*l, shown)
		*l = (*l)[max(0, len(*l)-lastLines):]
	}
	return shown
}

// printable drops what firmware draws its screens with, for a person to read.
func printable(text string) string {
	for {
		before, after, found := strings.Cut(text, "\x1b[")
		if !found {
			break
		}
		end := strings.IndexFunc(after, func(c rune) bool { return c >= '@' && c <= '~' })
		text = before + after[end+1:]
	}
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, text))
}
