package results

import "regexp"

// A 16550 takes 16 bytes at a time, and between two of its helpings the kernel
// may write a whole message to it: a line goes on behind the message, which
// ends in a line feed of its own. Woven takes such messages out, as long as
// they bear the kernel's time, and reads a report from what is left.
type woven struct {
	reading
	open bool   // the message in the line before broke a line
	text string // of which this has come so far
}

// fork begins to read without messages where the report is read as it comes,
// before the first line that has one within.
func (p *Parser) fork() {
	if p.woven.now == nil && p.plain.now != nil {
		p.woven.Parser, p.woven.now = p, p.plain.now.begun()
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
		w.open, w.text = true, w.text+line[:at]
		if len(w.text) > maxLine {
			*w = woven{}
		}
		return false
	case w.open:
		line = w.text + line
		w.open, w.text = false, ""
		w.Parser = p
		if p.frames.expect(line) {
			done = p.repair(line, "")
		}
	case w.now == nil:
		return false
	}
	if w.reading.line(line, "") {
		p.whole.Repaired, done = p.whole.damage(p.damaged(p.whole.Nonce)), true
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
	if at := kernelTime.FindStringIndex(line); at != nil {
		return at[0]
	}
	return -1
}

var kernelTime = regexp.MustCompile(`\[ *\d{1,9}\.\d{6}\] `)
