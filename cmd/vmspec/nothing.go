package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
)

// Where a console may be that was not read, by what the VMM says and by its
// arguments.
var (
	terminalName  = regexp.MustCompile(`redirected to (/dev/\S+)|(/dev/pts/\d+)`)
	qemuTerminal  = regexp.MustCompile(`(?m)^char device redirected to (/dev/\S+)`)
	tcpConsole    = regexp.MustCompile(`\b(?:tcp|telnet):([\w.\[\]:-]*):(\d+)`)
	consoleOption = regexp.MustCompile(`^(--?chardev|-serial|--serial\S*)$`)
	fileConsole   = regexp.MustCompile(`\b(?:unix|file):([^,\s]+)`)
)

// onStderr tells whether the guest's console went to the VMM's standard error.
func onStderr(out *vmm.Outcome) bool { return results.Alive(out.Stderr) }

// elsewhere says what to do about a guest whose console was not where it was
// looked for; empty if nothing says so.
func elsewhere(r vmm.Run, out *vmm.Outcome) string {
	terminal := terminalName.FindStringSubmatch(out.Stderr)
	if terminal == nil { // QEMU says it on standard output
		terminal = qemuTerminal.FindStringSubmatch(strings.Join(out.Last, "\n"))
	}
	switch {
	case out.Absent:
		return fmt.Sprintf("--serial %s was never there: nothing was read", r.Serial)
	case onStderr(out):
		return "the report came on standard error: send that to standard output, as in run exec -- sh -c 'COMMAND 2>&1'"
	case terminal != nil:
		return fmt.Sprintf("the console is the terminal %s, which nobody reads: make it standard output, as QEMU does by -serial stdio", cmp.Or(terminal[1:]...))
	}
	return ""
}

// named says which console the command's arguments name; empty for none.
func named(r vmm.Run) string {
	arguments := strings.Join(consoles(r.Command), "\n")
	switch {
	case tcpConsole.MatchString(arguments):
		m := tcpConsole.FindStringSubmatch(arguments)
		host := m[1]
		if host == "" || host == "0.0.0.0" {
			host = "localhost"
		}
		return fmt.Sprintf("is the console at %s? Then read it there: --serial tcp:%s:%s", m[0], host, m[2])
	case fileConsole.MatchString(arguments):
		m := fileConsole.FindStringSubmatch(arguments)
		return fmt.Sprintf("is the console at %s? Then read it there: --serial %s", m[0], m[1])
	}
	return ""
}

// consoles are the words of a command that are about consoles: those behind
// -serial, -chardev and --serial..., or what stands there behind a =.
func consoles(command []string) []string {
	var words []string
	for i, option := range command {
		option, value, joined := strings.Cut(option, "=")
		switch {
		case !consoleOption.MatchString(option):
		case joined:
			words = append(words, value)
		case i+1 < len(command):
			words = append(words, command[i+1])
		}
	}
	return words
}

// silence says that the guest said nothing, and where that may have gone.
func silence(r vmm.Run, out *vmm.Outcome) string {
	if hint := elsewhere(r, out); hint != "" {
		return "the guest said nothing: " + hint
	}
	if r.Serial != "" {
		return fmt.Sprintf("the guest said nothing: --serial %s was there and silent: is it the guest's console?", r.Serial)
	}
	if hint := named(r); hint != "" {
		return "the guest said nothing: " + hint
	}
	return "the guest said nothing: its console must be the VMM's standard output, or be named with --serial"
}
