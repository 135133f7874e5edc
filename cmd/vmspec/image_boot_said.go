package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
)

// An expectation reads a console as it comes, since a prompt ends no line. It looks for
// the text, and for who started what.
type expectation struct {
	text  string // none is a Linux kernel's first lines
	came  context.CancelFunc
	log   io.Writer // takes all; nil for none
	found string    // the line with the text
	// What else was seen.
	kernel, script, prompt bool
	program                string // the firmware's line that it starts a program
	tail                   []byte // of the console, as far as it may still be part of something
	logErr                 error
}

// maxTail is how much of a line is kept, in bytes.
const maxTail = 4 << 10

// uBootPrompt ends the output of a U-Boot that waits for somebody to type.
var uBootPrompt = regexp.MustCompile(`(?:^|\n)(?:U-Boot> |=> )$`)

// escapes are those by which firmware and kernels move and colour text.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|[()][0-9A-B]|[=>78M])`)

// starters are what firmware says when it starts something: EDK2's
// MdeModulePkg/Universal/BdsDxe, and U-Boot's distro_bootcmd and bootflow.
var starters = []struct {
	text string
	to   func(e *expectation, line string)
}{
	{"BdsDxe: starting Boot", func(e *expectation, line string) {
		if !strings.Contains(line, " from Fv(") { // a program of the firmware's own, such as its shell
			e.program = line
		}
	}},
	{"Found EFI removable media binary", func(e *expectation, line string) { e.program = line }},
	{" with efi", func(e *expectation, line string) {
		if strings.Contains(line, "Booting bootflow") {
			e.program = line
		}
	}},
	{"Found U-Boot script", func(e *expectation, _ string) { e.script = true }},
	{"/extlinux/extlinux.conf", func(e *expectation, _ string) { e.script = true }},
	{" with extlinux", func(e *expectation, _ string) { e.script = true }},
	{" with script", func(e *expectation, _ string) { e.script = true }},
}

func (e *expectation) Write(p []byte) (int, error) {
	if e.log != nil && e.logErr == nil {
		_, e.logErr = e.log.Write(p)
	}
	if e.found != "" {
		return len(p), e.logErr
	}
	e.tail = append(e.tail, p...)
	for {
		line, rest, whole := bytes.Cut(e.tail, []byte("\n"))
		if !whole {
			break
		}
		e.line(string(line))
		e.tail = append(e.tail[:0], rest...)
	}
	if over := len(e.tail) - maxTail; over > 0 {
		e.tail = append(e.tail[:0], e.tail[over:]...)
	}
	e.begun(plain(string(e.tail)))
	return len(p), e.logErr
}

// line takes a whole line.
func (e *expectation) line(text string) {
	shown := plain(text)
	for _, s := range starters {
		if strings.Contains(shown, s.text) {
			s.to(e, shown)
		}
	}
	e.kernel = e.kernel || results.Alive(shown)
	e.prompt = false
	e.begun(shown)
}

// begun takes a line that may not be whole.
func (e *expectation) begun(text string) {
	e.prompt = e.prompt || uBootPrompt.MatchString(text)
	if e.found == "" && (e.text != "" && strings.Contains(text, e.text) || e.text == "" && results.Alive(text)) {
		e.found = text
		e.kernel = e.kernel || results.Alive(text)
		e.came()
	}
}

// plain is a line of the console without what only a terminal heeds.
func plain(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, escapes.ReplaceAllString(text, ""))
}

// An imageBoot is what came of one boot of an image.
type imageBoot struct {
	firmware string
	console  *expectation
	out      *vmm.Outcome
}

// status is 0 if the text came, 1 if it did not, and 2 if that is not known: the VMM
// failed, or the guest was still at it.
func (b *imageBoot) status() results.Conformance {
	switch {
	case b.console.found != "":
		return results.Conformant
	case !b.out.Killed && (b.out.Status != 0 || b.out.Refused()):
		return results.CouldNotTell
	case b.out.Killed && b.out.Symptom == "" && !b.out.Still() && !b.console.prompt:
		return results.CouldNotTell // its time was up
	}
	return results.NotConformant
}

// expected is what was waited for.
func (e *expectation) expected() string {
	if e.text == "" {
		return "a Linux kernel"
	}
	return fmt.Sprintf("%q", e.text)
}

// words say what came, or what did instead.
func (b *imageBoot) words() string {
	e := b.console
	if e.found != "" {
		return fmt.Sprintf("%s: came after %.1f s: %s", b.firmware, b.out.Took.Seconds(), quoted(e.found))
	}
	var s strings.Builder
	word := "did not come"
	if b.status() == results.CouldNotTell {
		word = "could not be told"
	}
	fmt.Fprintf(&s, "%s: %s %s", b.firmware, e.expected(), word)
	if e.prompt && b.out.Symptom == "" {
		s.WriteString(": U-Boot found nothing to boot and waits at its prompt")
	}
	s.WriteString(ending(b.out) + "\n" + e.reached())
	if len(b.out.Last) > 0 {
		s.WriteString("\nthe guest's last lines:\n" + indent(b.out.Last))
	}
	return s.String()
}

// reached says how far the image came, for who must mend it.
func (e *expectation) reached() string {
	switch {
	case e.kernel:
		return "a Linux kernel started: is its console another than ttyAMA0, or is the text another?"
	case e.program != "":
		return "the firmware started the image's program, and no kernel was seen: " + quoted(e.program)
	case e.script:
		return "U-Boot started a script of the image, and no kernel was seen"
	}
	return "the firmware started nothing of the image"
}

// quoted is a guest's line for a person.
func quoted(line string) string {
	line = strings.TrimSpace(line)
	if len(line) > 160 {
		line = line[:160] + "..."
	}
	return fmt.Sprintf("%+q", line)
}
