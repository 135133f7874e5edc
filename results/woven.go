package results

import (
	"strings"

	"vmspec/results/report"
)

// A 16550 takes 16 bytes at a time. Between two such writes the kernel may print a
// whole message: the interrupted line continues behind the message and its line
// feed. Woven takes out messages that have the kernel's time, and reads a report
// from the rest.
type woven struct {
	reading
	open bool   // the message in the line before broke a line
	text []byte // of which this has come so far
}

// fork begins a reading without messages, as a copy of the plain reading, before the
// first line with a message in it.
func (p *Parser) fork() {
	if p.woven.now == nil && p.plain.now != nil {
		p.woven.reading = p.plain
		p.woven.now = p.plain.now.begun()
	}
}

// unweave takes a line, and the byte at which a message begins in it, -1 for none.
// It returns true if the line completed a report.
func (p *Parser) unweave(line string, at int) (done bool) {
	w := &p.woven
	switch {
	case at == 0:
		return false // all of it is the kernel's
	case at > 0:
		w.open, w.text = true, append(w.text, line[:at]...)
		if len(w.text) > maxLine {
			*w = woven{}
		}
		return false
	case w.open:
		line = string(w.text) + line
		w.open, w.text = false, w.text[:0]
		w.Parser = p
		if strings.HasSuffix(line, report.Begin) {
			p.attemptAt(line)
		}
		if p.frames.expect(line) {
			done = p.repair(line)
		}
	case w.now == nil:
		return false
	}
	if w.reading.line(line, "") {
		p.whole.Repaired, done = p.whole.damage(p.damaged(p.whole, source{})), true
	}
	return done
}

// begun returns a copy of a report that is being read.
func (r *Report) begun() *Report {
	c := *r
	c.Lines = append([]string(nil), r.Lines...)
	return &c
}

// stamp returns where in a line a message of the kernel begins: at its time, in
// seconds with six decimals. It returns -1 if there is none.
func stamp(line string) int {
	for from := 0; ; {
		at := strings.IndexByte(line[from:], '[')
		if at < 0 {
			return -1
		}
		at += from
		if isKernelTime(line[at+1:]) {
			return at
		}
		from = at + 1
	}
}

// isKernelTime tells whether a text begins with a time such as "[   12.345678] ".
func isKernelTime(text string) bool {
	text = text[run(text, isBlank):]
	seconds := run(text, isDigit)
	if seconds == 0 || seconds > 9 || !strings.HasPrefix(text[seconds:], ".") {
		return false
	}
	rest := text[seconds+1:]
	return run(rest, isDigit) == 6 && strings.HasPrefix(rest[6:], "] ")
}
