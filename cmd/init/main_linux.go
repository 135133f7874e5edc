package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/probes/kernel"
	"vmspec/results/report"
	"vmspec/suite"
)

// gcPercent lets the heap grow to 16 MB before the first collection. An ordinary
// guest needs less, and under emulation the code of one collection costs 10 ms.
const gcPercent = 400

func main() {
	log.SetOutput(io.Discard) // libraries must not write into the report
	debug.SetGCPercent(gcPercent)
	root := guest.Root()
	switch {
	case len(os.Args) == 3 && os.Args[1] == workerArgument:
		if err := work(root, os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	case os.Getpid() == 1 && !mounted():
		boot()
	case len(os.Args) > 1:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(3)
	case runtime.GOARCH != "arm64" && runtime.GOARCH != "arm":
		fmt.Fprintf(os.Stderr, "vmspec init: this is %s; the specification is about ARM\n", runtime.GOARCH)
		os.Exit(3)
	default:
		os.Exit(program())
	}
}

// mounted reports whether somebody prepared the system before us. Then we are PID 1
// of a container, which is an ordinary program.
func mounted() bool {
	_, err := os.Stat("/proc/self")
	return err == nil
}

const usage = `usage: init

Judges the Linux guest it runs in by the ARM VM System Specification and prints
the report. It changes nothing. As root it sees more. Exit status: 0 conformant,
1 not conformant, 2 could not tell.`

// program judges the guest it was started in and returns the exit status.
func program() int {
	out := oversee(kernel.ContextProgram)
	if _, err := os.Stdout.Write(out.wire); err != nil {
		fmt.Fprintln(os.Stderr, "vmspec init:", err)
		return 3
	}
	return out.status
}

// An outcome is the result of the work.
type outcome struct {
	wire     []byte // the lines for the consoles
	reported bool   // the lines are on the consoles
	status   int    // of the program
	after    string // how the machine must end
}

// oversee lets workers judge the guest. If no worker finishes, every point of the
// report is an error that says why.
func oversee(context string) outcome {
	j, err := newJournal()
	if err == nil {
		err = guarded(func() error { return supervise(j, context) })
	}
	if j != nil {
		if out, readErr := j.outcome(); readErr == nil {
			return out
		}
	}
	if err == nil {
		err = errors.New("the workers left no report")
	}
	return lost(err)
}

// guarded turns a panic of the supervisor into an error: PID 1 must report even
// then.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the supervisor panicked: %v", r)
		}
	}()
	return f()
}

// outcome reads the result of the workers.
func (j *journal) outcome() (out outcome, err error) {
	records, err := j.records()
	if err != nil {
		return out, err
	}
	if out.wire, err = last(records, kindWire); err != nil {
		return out, err
	}
	status, err := last(records, kindStatus)
	if err != nil || len(status) != 1 {
		return out, errors.Join(err, errors.New("no status in the journal"))
	}
	after, err := last(records, kindAfter)
	_, unreported := last(records, kindReported)
	return outcome{out.wire, unreported == nil, int(status[0] - '0'), string(after)}, err
}

// lost is the outcome if nothing is known about the guest.
func lost(why error) outcome {
	facts := &probes.Facts{Errors: map[string]string{}}
	for _, subject := range probes.Subjects() {
		facts.Errors[subject] = why.Error()
	}
	settings := suite.ParseSettings(kernel.Parameters(guest.Root()))
	judgement := suite.JudgeBy(settings, runtime.GOARCH, facts)
	return outcome{
		wire:   []byte(strings.Join(judgement.Report().Wire(settings.Frames), "\n") + "\n"),
		status: report.CouldNotTell.ExitStatus(),
		after:  settings.After,
	}
}

// say prints a comment on the console, a line that is not part of the report.
//
// It drops what the console does not take at once: perhaps nobody reads there, and
// the report must still go to the other consoles.
func say(format string, args ...any) {
	line := report.Mark + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ") + "\n"
	fd, err := unix.Open("/dev/console", unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	_, _ = unix.Write(fd, []byte(line))
}

// boot is PID 1: it brings the guest up, lets workers judge it, and ends it.
func boot() {
	err := mountAll()
	if quietErr := quietKernel(); quietErr != nil {
		say("%v", quietErr)
	}
	say("init %s started", suite.Version)
	if err != nil {
		say("%v", err)
	}
	out := oversee(kernel.ContextPID1)
	if !out.reported {
		lines := strings.Split(strings.TrimSuffix(string(out.wire), "\n"), "\n")
		if err := printOn("/dev/console", lines, false); err != nil {
			say("%v", err)
		}
	}
	leave(out.after)
}
