package results

import (
	"strings"

	"vmspec/results/report"
)

// A 16550 takes 16 bytes at a time, and between two of its helpings the kernel
// may write a whole message to it: a line goes on behind the message, which
// ends in a line feed of its own. Woven takes such messages out, as long as
// they bear the kernel's time, and reads a report from what is left.
type woven struct {
	reading
	open bool   // the message in the line before broke a line
	text []byte // of which this has come so far
}

// fork begins to read without messages where the report is read as it comes,
// before the first line that has one within.
func (p *Parser) fork() {
	if p.woven.now == nil && p.plain.now != nil {
		p.woven.reading = p.plain
		p.woven.now = p.plain.now.begun()
	}
}

// unweave takes a line, in which a message begins at a byte or, at -1, none. It
// returns true if by it a report became whole.
func (p *Parser) unweave(line string, at int) (done bool) {
	w := &p.woven
	switch {
	case at == 0:
		return false // the kernel's alone
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

// isKernelTime tells whether a text goes on as "[   12.345678] " does.
func isKernelTime(text string) bool {
	text = text[run(text, isBlank):]
	seconds := run(text, isDigit)
	if seconds == 0 || seconds > 9 || !strings.HasPrefix(text[seconds:], ".") {
		return false
	}
	rest := text[seconds+1:]
	return run(rest, isDigit) == 6 && strings.HasPrefix(rest[6:], "] ")
}
