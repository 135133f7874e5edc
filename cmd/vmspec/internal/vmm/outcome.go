package vmm

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vmspec/results"
)

// An Outcome is how a run ended. Report is nil where there is none.
type Outcome struct {
	Report   *results.Report
	Reason   string   // why the guest was not waited for any longer; empty where the VMM ended by itself
	Symptom  string   // what the guest said of itself, and what that means
	Doing    string   // what its suite was doing last, as far as it said so
	Last     []string // the console's last lines
	Stderr   string   // the VMM's own words
	Status   int      // the VMM's exit status; -1 if a signal ended it
	Signal   string   // that ended it, such as "SEGV"
	Killed   bool     // we ended it
	Left     bool     // the command ended, and what it had started went on
	Remained bool     // something of the VMM outlived the run, and we ended it
	Absent   bool     // what Serial names was never there
	Off      bool     // the guest said that it powers off
	Reset    bool     // the guest said that it resets the VM
	CameBack bool     // and it booted again
	Typed    int      // how many words were typed for the guest; 0 if the VMM took nothing of them
	Took     time.Duration

	// The captured guest, if it came by the console, or why it is not whole.
	Capture    []byte
	CaptureErr error

	number syscall.Signal
}

// Reasons of a run whose guest has reported.
const (
	Lasted   = "did not end by itself"
	Rebooted = "booted again"
)

// silentFor begins the reason of a VM whose console said nothing.
const silentFor = "silent for "

// Still tells whether the VM was ended since it did nothing any more.
func (o *Outcome) Still() bool {
	return o.Killed && (o.Reason == Lasted || strings.HasPrefix(o.Reason, silentFor))
}

// consoleClosed is the reason of a VMM that closed its console and went on.
const consoleClosed = "the command ended and left the VM in the background without a console: keep it in the foreground, or name its console with --serial"

// Refused tells whether the VMM gave up before there was a guest.
func (o *Outcome) Refused() bool { return !o.Killed && o.Status != 0 && len(o.Last) == 0 }

// shellSignal is what shells add to the signal that ended a command, for their
// exit status: POSIX, Shell Command Language, 2.8.2.
const shellSignal = 128

// Ended says how the VMM's command ended.
func (o *Outcome) Ended() string {
	if o.Signal != "" {
		return fmt.Sprintf("was killed by signal %d (%s)", o.number, o.Signal)
	}
	if name := signalName(syscall.Signal(o.Status - shellSignal)); name != "" {
		return fmt.Sprintf("ended with exit status %d: a shell's for signal %d (%s)", o.Status, o.Status-shellSignal, name)
	}
	return fmt.Sprintf("ended with exit status %d", o.Status)
}

func (o *Outcome) ended(state *os.ProcessState) {
	o.Status = state.ExitCode()
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		o.number, o.Signal = s.Signal(), signalName(s.Signal())
	}
}

// signalName is a signal's without its "SIG"; empty for no signal.
func signalName(s syscall.Signal) string { return strings.TrimPrefix(unix.SignalName(s), "SIG") }
