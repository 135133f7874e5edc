package results

import (
	"slices"
	"strings"

	"vmspec/results/report"
)

// A LineNumber is a line of a log, counted from 1.
type LineNumber int

// An attempt is a report's first line, by whichever reading it is read.
type attempt struct {
	at       LineNumber
	text     string // the line
	source   source // by the text before it
	nonce    string
	proved   bool // lines followed behind the same prefix
	whole    bool // it was read to its end
	unwanted bool // its nonce was not asked for
}

// reached notes how far a reading of the attempt came.
func (a *attempt) reached(r *Report) {
	if r.Nonce != "" {
		a.nonce = r.Nonce
	}
	a.proved = a.proved || r.Prefix != "" && len(r.Lines) > 1
}

// A Trace is a line that tells of a boot whose report is not in the log.
type Trace struct {
	At      LineNumber
	Text    string
	Meaning string

	begun *attempt
}

// BeginsReport tells whether the line is a report's first.
func (t Trace) BeginsReport() bool { return t.begun != nil }

// Unreported tells whether the line is of a source that has no whole report, and the
// source.
func (t Trace) Unreported(reports []*Report) (name string, ok bool) {
	if slices.ContainsFunc(reports, t.Of) {
		return "", false
	}
	if t.begun != nil && t.begun.proved {
		return t.begun.source.String(), true
	}
	for _, r := range reports {
		if r.source.shape == nil {
			continue
		}
		if n, values := r.source.match(t.Text, make([]string, 0, maxValues)); n >= 0 {
			return source{shape: r.source.shape, values: values, varied: r.source.varied}.String(), true
		}
	}
	return "", false
}

// Of tells whether the line is surely of a report's source.
func (t Trace) Of(r *Report) bool {
	prefixed, same := r.source.writes(t.Text)
	return prefixed && same
}

const (
	// maxTraces bounds how many of them are kept, and maxReports how many whole
	// reports.
	maxTraces  = 64
	maxReports = 64
)

// attemptAt notes a report's first line.
func (p *Parser) attemptAt(line string) *attempt {
	p.attempt = &attempt{at: p.at, text: line}
	p.traced(Trace{p.at, line, "a report begins that is not whole", p.attempt})
	return p.attempt
}

// trace notes a sign of another boot, or of death, behind a whole report.
func (p *Parser) trace(line string) {
	if p.whole == nil || strings.HasPrefix(line, "# v1 ") {
		return
	}
	if meaning := ominous(line); meaning != "" {
		p.traced(Trace{p.at, strings.Clone(line), meaning, nil})
		if Boots(line) {
			p.frames.booted = p.at
		}
	}
}

// traced keeps a trace. Where there are too many, the first are kept.
func (p *Parser) traced(t Trace) {
	if len(p.traces) == maxTraces && p.settled < len(p.reports) {
		p.traces, p.settled = p.open(), len(p.reports)
	}
	if len(p.traces) < maxTraces {
		p.traces = append(p.traces, t)
	}
}

// open returns the traces of boots that have no report.
func (p *Parser) open() []Trace {
	p.steps += len(p.traces) * len(p.reports)
	return slices.DeleteFunc(slices.Clone(p.traces), func(t Trace) bool {
		return t.begun != nil && (t.begun.whole || t.begun.unwanted) ||
			slices.ContainsFunc(p.reports, func(r *Report) bool { return p.answers(r, t) })
	})
}

// answers tells whether a report is that of a trace's boot, or of a later one
// of its source.
func (p *Parser) answers(r *Report, t Trace) bool {
	if t.begun != nil && r.Nonce != "-" && t.begun.nonce == r.Nonce {
		return true // another console's, or damaged and repaired
	}
	if p.explains(r, t) {
		return true
	}
	if r.Last <= t.At {
		return false
	}
	prefixed, same := r.source.writes(t.Text)
	if prefixed {
		return same
	}
	if t.begun != nil && t.begun.proved {
		return false
	}
	return r.source.shape != nil || !p.ofOthers(t.Text)
}

// ofOthers tells whether a line is of a known source that writes a prefix.
func (p *Parser) ofOthers(line string) bool {
	return slices.ContainsFunc(p.reports, func(r *Report) bool {
		prefixed, same := r.source.writes(line)
		return prefixed && same
	})
}

// found takes a whole report. A report with the same lines that was put together
// from the frames of several sources is not another machine's.
func (p *Parser) found(r *Report, from source, l level) {
	r.level = l
	p.reports = slices.DeleteFunc(p.reports, func(o *Report) bool {
		return o.level > l && (o.level == anySource || o.source.fell) && slices.Equal(o.Lines, r.Lines)
	})
	r.source, r.Source, r.Boot = from, from.String(), 1
	p.reports = slices.DeleteFunc(p.reports, func(o *Report) bool { return r.early == nil && p.replaces(r, o) })
	p.steps += len(p.reports) + len(p.traces) + len(r.Lines)
	for i, other := range slices.Backward(p.reports) {
		if other.Source != r.Source {
			continue
		}
		booted := p.bootedBehind(other)
		if other.early != nil {
			booted = p.rebooted(other, r.First)
		}
		switch {
		case booted:
			r.Boot, r.strand = other.Boot+1, other.strand
		case slices.Equal(other.Lines, r.Lines): // another console's of the same boot
			r.Boot, r.strand, r.First = other.Boot, other.strand, other.First
			if r.Appendix == nil {
				r.Appendix = other.Appendix
			}
			p.reports = slices.Delete(p.reports, i, i+1)
		default: // another VM's, or a boot would show
			r.strand = other.strand + 1
		}
		break
	}
	if len(p.reports) == maxReports {
		p.forget()
	}
	p.reports = append(p.reports, r)
	p.whole, p.partial = r, nil
}

// bootedBehind tells whether a line behind a report shows another boot of its
// source.
func (p *Parser) bootedBehind(r *Report) bool {
	return len(p.traces) == maxTraces || slices.ContainsFunc(p.traces, func(t Trace) bool {
		prefixed, same := r.source.writes(t.Text)
		return t.begun == nil && t.At > r.Last && (same || !prefixed)
	})
}

// forget drops a report of which its source has a later one, else the first.
func (p *Parser) forget() {
	least := 0
	for i, r := range p.reports {
		if slices.ContainsFunc(p.reports[i+1:], func(o *Report) bool { return o.follows(r) }) {
			least = i
			break
		}
	}
	p.reports = slices.Delete(p.reports, least, least+1)
	p.Forgotten++
}

// Reports returns the whole reports of the log, in the order of their ends, and the
// traces of boots that have none. It is called when the log has ended. Of very many
// reports the first are forgotten.
func (p *Parser) Reports() ([]*Report, []Trace) {
	_, _ = p.Report()
	return p.reports, p.open()
}

// follows tells whether a report is of a later boot of another's machine.
func (r *Report) follows(other *Report) bool {
	return r.Source == other.Source && r.strand == other.strand
}

// LastBoots returns the last report of each source.
func LastBoots(reports []*Report) (last []*Report) {
	for i, r := range reports {
		if !slices.ContainsFunc(reports[i+1:], func(o *Report) bool { return o.follows(r) }) {
			last = append(last, r)
		}
	}
	return last
}

// headNonce returns the nonce of a report's head; ok is false for another line.
func headNonce(line string) (nonce string, ok bool) {
	if !strings.HasPrefix(line, "# vmspec ") {
		return "", false
	}
	_, nonce, ok = strings.Cut(line, " nonce=")
	return nonce, ok && report.IsLine(line)
}
