// Package results reads what guests wrote on their serial consoles and says
// what follows from it.
//
// A report is believed only when it is whole: its last line states the number
// of points, a nonce, and a hash over every line before. Lines between that
// are no part of a report, such as the kernel's, are set aside, and so are
// escape sequences, control characters, and the time or the domain that
// somebody wrote before every line. One that was damaged is repaired from its
// frames, in which the guest wrote it twice more, each with a checksum. Where the
// VM stopped before its report, what the guest wrote before its trials counts: the
// provisional report, which is never conformant.
// Everything else is incomplete, and an incomplete report is never a verdict.
package results

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"vmspec/results/report"
)

// The words of a report are those of its format.
type (
	Point       = report.Point
	Verdict     = report.Verdict
	Conformance = report.Conformance
)

const (
	Pass  = report.Pass
	Fail  = report.Fail
	Skip  = report.Skip
	Error = report.Error

	Conformant    = report.Conformant
	NotConformant = report.NotConformant
	CouldNotTell  = report.CouldNotTell
	MetAsChosen   = report.MetAsChosen
)

// A Report is one report of a guest, as it arrived.
type Report struct {
	report.Report
	Lines []string
	// Prefix is what somebody wrote before the report's first line and, with
	// another time, before each line after it. Lines are without it.
	Prefix string
	// Repaired says what was damaged of a report that could be put right; empty
	// if it arrived as it was written.
	Repaired string
	// Later tells that another report began behind this one, and is not whole.
	Later bool
	// Outdated names the line of the log that shows a later boot without a report;
	// empty for none.
	Outdated string
	// Incomplete says why the report is not believed; nil if it is whole.
	Incomplete error
	// First and Last are the lines of the log from which it was read.
	First, Last LineNumber
	// Source is who wrote the report: the prefix without its time. Boot counts the
	// source's reports.
	Source string
	Boot   int
	// Observed is what a host judged in the guest's place: "ID VERDICT: TEXT".
	Observed []string
	// Lacks is what the host's processor does not have.
	Lacks []string
	// Without are the requirements to leave out to avoid the trial in which the VM
	// stopped.
	Without []string

	source  source
	level   level        // of the prefix behind which it was read
	strand  int          // counts the machines of one source, which a log without prefixes may hold
	early   *provisional // nil for a final report
	claimed bool         // the vendor's claims were compared
	waivers map[string]*Waiver
	series  *Series // what the host did around the boot; nil if it is of no series
}

// ErrNoReport says that a log holds no report, not even the beginning of one.
var ErrNoReport = errors.New("no report in the log")

// A Parser takes a guest's output line by line.
type Parser struct {
	// Nonce chooses the reports that carry it; empty takes any.
	Nonce string

	// Forgotten counts whole reports that are not kept.
	Forgotten int

	at             LineNumber // of the last line
	whole, partial *Report
	reports        []*Report // that are whole
	torn           []*Report // that are not, the last few
	plain          reading   // lines as they are
	woven          woven     // lines without the messages within them
	behind         behind    // lines behind prefixes
	frames         frames
	unpacked       unpacked // what frames carried last
	attempt        *attempt // the last
	traces         []Trace
	settled        int    // how many reports there were when traces were last matched
	doing          string // what the guest last said of itself
	steps          int    // a measure of the work done, for a test
}

// Parse reads a whole log and returns its last whole report, else its last
// incomplete one, else ErrNoReport. A read error is returned as it is.
func Parse(r io.Reader, nonce string) (*Report, error) {
	p := Parser{Nonce: nonce}
	if err := EachLine(r, func(line string) { p.Line(line) }); err != nil {
		return nil, err
	}
	return p.Report()
}

// maxLine bounds a line of a log: no report has one as long, and a guest that
// writes no line ends must not fill the host's memory.
const maxLine = 4096

// EachLine calls f with each line of r without its end: CR LF, CR CR LF or LF.
// A line that is too long comes in pieces. A line is part of a larger text: who
// keeps many of them copies them.
func EachLine(r io.Reader, f func(line string)) error {
	return eachPiece(r, maxLine, func(_ []byte, line string) { f(endless(line)) })
}

// endless takes the end off a line.
func endless(line string) string {
	n := len(line)
	for n > 0 && (line[n-1] == '\n' || line[n-1] == '\r') {
		n--
	}
	return line[:n]
}

// Line takes one line. It returns true for the line that completed a report that
// the parser was asked for.
func (p *Parser) Line(line string) bool {
	p.at++
	line = clean(line)
	p.plain.Parser = p
	begins := strings.HasSuffix(line, report.Begin)
	marked := strings.IndexByte(line, '#') >= 0 // as all is that the suite says beside its points
	if begins || marked {
		p.listen(line)
	}
	p.trace(line)
	if begins {
		line = p.own(line)
		a := p.attemptAt(line)
		if prefix := strings.TrimSuffix(line, report.Begin); prefix != "" {
			p.beginBehind(a, prefix)
		}
	}
	at := stamp(line)
	if at > 0 {
		p.fork()
	}
	done := p.plain.line(line, "")
	if done {
		p.woven = woven{}
	} else {
		done = p.unweave(line, at)
	}
	if !begins {
		done = p.lineBehind(line) || done
	}
	if (marked || len(p.frames.broken) > 0) && p.frames.expect(line) {
		done = p.repair(line) || done
	}
	return done
}

// own returns a copy of a text, for what is kept: a line as it came holds in memory
// all that came with it.
func (p *Parser) own(text string) string { return strings.Clone(text) }

// listen follows what the guest says of itself beside the report.
func (p *Parser) listen(line string) {
	_, said, ok := strings.Cut(line, report.Mark)
	switch {
	case strings.HasSuffix(line, report.Begin):
		p.doing = writing
	case ok && strings.HasPrefix(said, "end "):
		p.doing = ""
		p.follow(line, func(e *provisional) { e.ended = true })
		return
	case ok && !report.OfReport(said):
		p.doing = p.own(said)
	default:
		return
	}
	p.follow(line, func(e *provisional) { e.doing, e.ended = p.doing, false })
}

// Doing returns what the guest last said that it was doing; empty for nothing.
func (p *Parser) Doing() string { return p.doing }

// wanted tells whether the parser was asked for reports of that nonce.
func (p *Parser) wanted(nonce string) bool { return p.Nonce == "" || p.Nonce == nonce }

// keep keeps the last incomplete report. A first line alone replaces no other
// report: where lines have a prefix, a reading without it finds no more.
func (p *Parser) keep(r *Report) {
	begun := len(r.Lines) > 1
	if p.whole != nil && begun && (r.Nonce != p.whole.Nonce || r.Nonce == "-") {
		p.whole.Later = true
	}
	if p.partial == nil || begun {
		p.partial = r
	}
	if begun {
		p.torn = append(p.torn, r)
		p.dropTorn()
	}
}

// maxTorn bounds how many incomplete reports are kept, and maxTornLines how many
// lines they have.
const (
	maxTorn      = 64
	maxTornLines = 2 * maxLines
)

// dropTorn drops the oldest incomplete reports that are too many.
func (p *Parser) dropTorn() {
	lines := 0
	for i, r := range slices.Backward(p.torn) {
		if lines += len(r.Lines); lines > maxTornLines || len(p.torn)-i > maxTorn {
			p.torn = slices.Delete(p.torn, 0, i+1)
			return
		}
	}
}

// Report returns what was found so far, as Parse does. A provisional report is whole
// if no final one follows it.
func (p *Parser) Report() (*Report, error) {
	p.settle()
	p.abandonBehind(func(*reading) bool { return true })
	if p.woven.Parser != nil {
		p.woven.abandon()
	}
	if p.plain.Parser != nil {
		p.plain.abandon()
	}
	if p.whole != nil {
		return p.whole, nil
	}
	left := p.frames.left(p)
	switch {
	case p.partial != nil:
		r := *p.partial
		r.Points = report.ParsePoints(r.Lines)
		r.Incomplete = errors.Join(r.Incomplete, r.missing())
		if left != nil {
			r.Incomplete = fmt.Errorf("%w; %w", r.Incomplete, left)
		}
		return &r, nil
	case left != nil:
		return &Report{Incomplete: fmt.Errorf("none of its lines can be told; %w", left)}, nil
	}
	return nil, ErrNoReport
}
