package results

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmspec/results/report"
)

// A reading is one way to read a log.
type reading struct {
	*Parser
	source source // of the lines
	level  level
	now    *Report
	begun  *attempt
	nonce  string // of the head
	latest latest
}

// line takes a line that may be of the report.
func (p *reading) line(line, prefix string) bool {
	// Firmware and kernel may leave something on the line before.
	if strings.HasSuffix(line, report.Begin) {
		p.begin(p.attempt, prefix)
		return false
	}
	if p.now == nil {
		return false
	}
	l := belonging(line)
	return p.take(&l)
}

// An ownLine is a line that may be one of a report behind its first.
type ownLine struct {
	text  string
	kept  bool // the text is a copy
	place place
	end   report.End
}

// A place is where in a report a line may stand.
type place int8

const (
	nowhere place = iota
	within
	atEnd
	damagedEnd // it begins as the end line does
)

// belonging returns a line, and where it may stand in a report behind the first
// line.
func belonging(line string) ownLine {
	if strings.HasPrefix(line, endMark) {
		if end, ok := report.ParseEnd(line); ok {
			return ownLine{text: line, place: atEnd, end: end}
		}
		return ownLine{text: line, place: damagedEnd}
	}
	if report.IsLine(line) {
		return ownLine{text: line, place: within}
	}
	return ownLine{text: line}
}

const endMark = report.Mark + "end "

// keep copies the line, once for all that read it.
func (l *ownLine) keep(p *Parser) string {
	if !l.kept {
		l.text, l.kept = p.own(l.text), true
	}
	return l.text
}

// take takes a line where a report is open.
func (p *reading) take(l *ownLine) bool {
	switch l.place {
	case atEnd:
		return p.end(l.keep(p.Parser), l.end)
	case within:
		line := l.keep(p.Parser)
		if nonce, ok := headNonce(line); ok {
			p.nonce = nonce
		}
		p.now.Lines = append(p.now.Lines, line)
	}
	if len(p.now.Lines) > maxLines {
		p.abandon()
	}
	return false
}

// maxLines bounds a report; one of 200 points has some 2,000 lines.
const maxLines = 20_000

// begin begins a report, and gives up the one before it.
func (p *reading) begin(a *attempt, prefix string) {
	p.abandon()
	p.begun, p.nonce, p.latest = a, "", latest{}
	p.now = &Report{Lines: []string{report.Begin}, Prefix: prefix, First: p.at, source: p.source}
}

// end checks the report against its last line.
func (p *reading) end(line string, end report.End) bool {
	r := p.now
	p.now = nil
	if twin := p.twin(r.Lines, line); twin != nil {
		r.Report = *twin
	} else {
		r.Report, r.Incomplete = report.Parse(r.Lines, end)
	}
	r.Lines, r.Last, r.source = append(r.Lines, line), p.at, p.source
	p.begun.reached(r)
	if !p.wanted(cmp.Or(r.Nonce, end.Nonce)) {
		p.begun.unwanted = true
		return false
	}
	if r.Incomplete != nil {
		p.keep(r)
		return false
	}
	p.begun.whole = true
	p.found(r, p.source, p.level)
	return true
}

// twin returns what the last whole report says if it has the same lines: a guest
// writes its report to every console.
func (p *Parser) twin(lines []string, end string) *report.Report {
	last := p.whole
	if last == nil || last.early != nil || len(last.Lines) != len(lines)+1 || last.Lines[len(lines)] != end || !slices.Equal(last.Lines[:len(lines)], lines) {
		return nil
	}
	same := last.Report
	same.Points, same.Appendix = slices.Clone(same.Points), nil
	return &same
}

// abandon keeps a report that has no end line as incomplete.
func (p *reading) abandon() {
	r := p.now
	if p.now = nil; r == nil {
		return
	}
	r.Report, r.Last, r.source = report.ParseSummary(r.Lines), p.at, p.source
	p.begun.reached(r)
	if r.Nonce != "" && !p.wanted(r.Nonce) {
		p.begun.unwanted = true
		return
	}
	r.Incomplete = errors.New("it has no end line")
	p.keep(r)
}

// maxGone is how many missing points are named: a plan may promise thousands.
const maxGone = 50

// missing names the planned points that are not there.
func (r *Report) missing() error {
	there := map[int]bool{}
	for _, pt := range r.Points {
		there[pt.Number] = true
	}
	var gone []string
	for n := 1; n <= r.Planned && len(gone) < maxGone; n++ {
		if there[n] {
			continue
		}
		first := n
		for n < r.Planned && !there[n+1] {
			n++
		}
		gone = append(gone, ranged(first, n))
	}
	switch {
	case r.Planned == 0:
		return errors.New("its plan is missing")
	case len(gone) == 0:
		return nil
	}
	return fmt.Errorf("of %d points, missing: %s", r.Planned, strings.Join(gone, " "))
}

// ranged writes the numbers from first to last: "5", "5-88".
func ranged(first, last int) string {
	if first == last {
		return strconv.Itoa(first)
	}
	return fmt.Sprintf("%d-%d", first, last)
}
