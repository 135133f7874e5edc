package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/virtio"
	"vmspec/results/report"
)

// beyondConsole is whether the console is named, and works in both directions.
var beyondConsole = []Requirement{
	{
		ID: "HW-STDOUT", Title: "The description names the console",
		Asked: "Where the description names the console, a kernel finds it without console= on its command line.",
		How: "By device tree, /chosen/stdout-path must lead to an enabled node; under ACPI there must be an SPCR with " +
			"the address of a port, of whatever kind. Else it fails. A damaged SPCR is an error. Skipped without a device tree and ACPI.",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"acpi", "fdt"},
		Check: checkStdout,
		Fix:   "Name the console in /chosen/stdout-path, or under ACPI in the SPCR, so that a kernel needs no console=.",
		Refs:  []string{"EBBR 2.4", "SBBR"},
	},
	{
		ID: "PLAT-CONSOLE-INPUT", Title: "What is typed on a console reaches the guest",
		Asked: "People log in on the console, so what is typed there must arrive.",
		How: "Asks on each terminal for a word to be typed. The word passes; a part of it, or wrong letters, fails; " +
			"other text is an error. Skipped if nobody types, but a host that typed fails a console that raised no " +
			"interrupt. Skipped with vmspec.readonly, and in a guest that we did not boot.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"console", "kernel"},
		Check: checkInput,
		Fix:   "Raise the interrupt that the description gives the console, take input at the pace of its interrupts, and lose none of it.",
	},
	{
		ID: "PLAT-VIRTIO-PORT", Title: "The ports of a virtio console can be opened",
		Asked: "Guest agents talk to the host by ports of a virtio console.",
		How: "Opens each port that is no terminal. A refusal fails, an error of the kernel is an error. Skipped without such " +
			"ports, with vmspec.readonly, and in a guest that we did not boot.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"console", "virtio", "kernel"},
		Check: checkPorts,
		Fix:   "Let each port that the virtio console announces be opened by the guest.",
	},
}

func checkStdout(f *probes.Facts) Finding {
	if f.ACPI.Present {
		switch {
		case f.ACPI.Unread["SPCR"] != "":
			return unreadable(f.ACPI.Unread["SPCR"])
		case f.ACPI.SPCR == nil && f.ACPI.Damaged["SPCR"] != "":
			return failSince("HW-ACPI-BOOT", "the SPCR is damaged: "+f.ACPI.Damaged["SPCR"])
		case f.ACPI.SPCR == nil:
			return fail("there is no SPCR", f.ACPI.Console())
		case f.ACPI.SPCR.Address == 0: // redirection is off: Microsoft's specification, table 1
			return fail("the SPCR names no port: its address is 0", f.ACPI.Console())
		}
		return pass(f.ACPI.Console())
	}
	switch {
	case f.FDT.Empty():
		return skip(ReasonNoTree)
	case f.FDT.Stdout == "":
		return fail("/chosen has no stdout-path")
	case f.FDT.StdoutNode == "":
		return fail("no enabled node at stdout-path " + f.FDT.Stdout)
	}
	return pass("stdout-path " + f.FDT.StdoutNode)
}

// checkInput looks for the words that the guest asked somebody to type. Other
// text is no fault of the console: it may be a typing error, or what a terminal
// answers to the firmware.
func checkInput(f *probes.Facts) Finding {
	c := f.Console
	var came, wrong, other, silent, quiet []string
	for _, i := range c.Inputs {
		line := strings.TrimRight(i.Typed, "\r\n")
		switch {
		case i.Asked != "ok":
			silent = append(silent, i.Terminal+": "+i.Asked)
		case line == i.Word:
			came = append(came, i.Terminal+" read what was typed")
		case len(line) < len(i.Typed) && resembles(line, i.Word):
			wrong = append(wrong, fmt.Sprintf("%s read %q, expected %s", i.Terminal, line, i.Word))
		case i.Typed != "":
			other = append(other, fmt.Sprintf("%s read %q, which is not the word %s", i.Terminal, i.Typed, i.Word))
		case i.Quiet:
			quiet = append(quiet, i.Terminal+": "+report.NoInterrupt)
		}
	}
	switch {
	case whyNotTried(f) != "":
		return skip(whyNotTried(f))
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), came...)
	case len(came) > 0:
		return pass(came...)
	case len(other) > 0:
		return unknown(strings.Join(other, "; "))
	case c.InputErr != "":
		return unreadable(c.InputErr)
	case len(c.Inputs) == 0:
		return skip(ReasonNoDevice)
	case len(silent) == len(c.Inputs):
		return unknown(strings.Join(silent, "; "))
	}
	// Whether somebody typed is known to the host.
	return Finding{Verdict: Skip, Problem: ReasonNobody, Found: quiet}
}

// resembles reports whether a line may be the word after a console lost or
// altered up to half of its characters.
func resembles(line, word string) bool {
	if len(line) > len(word) || 2*len(line) < len(word) {
		return false
	}
	same, rest := 0, word
	for i := range line {
		if line[i] == word[i] {
			same++
		}
		_, behind, found := strings.Cut(rest, line[i:i+1])
		if rest = behind; !found && len(line) < len(word) {
			return false
		}
	}
	return len(line) < len(word) || 2*same >= len(word)
}

// checkPorts ignores ports that are terminals. Linux lists them too, but
// answers ENXIO if they are not opened as hvc (drivers/char/virtio_console.c,
// port_fops_open).
func checkPorts(f *probes.Facts) Finding {
	c := f.Console
	var opened, wrong, silent []string
	for _, p := range c.Ports {
		switch {
		case strings.HasPrefix(p.Result, "ENXIO "):
		case p.Result == "ok":
			opened = append(opened, p.Name)
		case isLocalError(p.Result):
			silent = append(silent, p.Name+": "+p.Result)
		default:
			wrong = append(wrong, p.Name+": "+p.Result)
		}
	}
	switch {
	case !slices.ContainsFunc(f.Virtio, func(d virtio.Device) bool { return d.ID == virtio.Console }):
		return skip(ReasonNoDevice)
	case whyNotTried(f) != "":
		return skip(whyNotTried(f))
	case len(wrong) > 0:
		return fail(strings.Join(wrong, "; "), opened...)
	case c.PortsErr != "":
		return untried(f, virtio.Console, "console", c.PortsErr)
	case len(silent) > 0:
		return unknown(strings.Join(silent, "; "), opened...)
	case len(opened) == 0 && len(refused(f, virtio.Console)) > 0:
		return sinceRefused(refused(f, virtio.Console))
	case len(opened) == 0: // it has only the console
		return skip(ReasonNoDevice)
	}
	return pass(strings.Join(opened, " ") + " opened")
}
