package main

import (
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/suite"
)

// gcPercent lets the heap grow to 16 MB before the first collection: what an
// ordinary guest takes ends below, and under emulation a collection's code
// alone costs 10 ms.
const gcPercent = 400

func main() {
	log.SetOutput(io.Discard) // libraries must not write into the report
	debug.SetGCPercent(gcPercent)
	root := guest.Root()
	switch {
	case len(os.Args) > 2 && os.Args[1] == guest.ChildArgument:
		if err := guest.Child(os.Args[2:], root, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "vmspec init:", err)
			os.Exit(3)
		}
	case os.Getpid() == 1 && !mounted():
		boot(root)
	case len(os.Args) > 1:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(3)
	case runtime.GOARCH != "arm64" && runtime.GOARCH != "arm":
		fmt.Fprintf(os.Stderr, "vmspec init: this is %s; the specification is about ARM\n", runtime.GOARCH)
		os.Exit(3)
	default:
		os.Exit(program(root))
	}
}

// mounted tells whether somebody has prepared the system before us: PID 1 of
// a container is an ordinary program.
func mounted() bool {
	_, err := os.Stat("/proc/self")
	return err == nil
}

const usage = `usage: init

Judges the Linux guest it runs in by the ARM VM System Specification and prints
the report. It changes nothing. As root it sees more. Exit status: 0 conformant,
1 not conformant, 2 could not tell.`

// program judges the guest it was started in and returns the exit status.
func program(root fs.ReadLinkFS) int {
	report := suite.Judge(probes.Read(newObservation(root, false).take()))
	if _, err := fmt.Println(strings.Join(report.Wire(), "\n")); err != nil {
		fmt.Fprintln(os.Stderr, "vmspec init:", err)
		return 3
	}
	conformance, _ := report.Conclude()
	return conformance.ExitStatus()
}

// say prints a line that is not the report's: a comment.
//
// It drops what the console does not take at once: nobody may be draining it,
// and there is a report to write elsewhere.
func say(format string, args ...any) {
	line := "# vmspec: " + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ") + "\n"
	fd, err := unix.Open("/dev/console", unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	_, _ = unix.Write(fd, []byte(line))
}

// boot is PID 1: it brings the guest up, judges it, reports and ends it.
func boot(root fs.ReadLinkFS) {
	err := mountAll()
	if quietErr := quietKernel(); quietErr != nil {
		say("%v", quietErr)
	}
	say("init %s started", suite.Version)
	if err != nil {
		say("%v", err)
	}
	o := newObservation(root, true)
	files := o.take()
	facts := probes.Read(files)
	report := suite.Judge(facts)
	publish(report, terminals(facts), o)
	if !o.dead {
		ship(files)
	}
	leave(report.Settings.After)
}
