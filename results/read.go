package results

import (
	"cmp"
	"errors"
	"fmt"
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
	if end, ok := report.ParseEnd(line); ok {
		return p.end(line, end)
	}
	if report.IsLine(line) {
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
	r.Report, r.Incomplete = report.Parse(r.Lines, end)
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
