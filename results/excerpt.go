package results

import (
	"strings"
	"unicode/utf8"

	"vmspec/results/report"
)

// An Excerpt is the lines of a log around a point's own.
type Excerpt struct {
	Line  LineNumber `json:"line"`  // the point's own
	First LineNumber `json:"first"` // of Lines
	Lines []string   `json:"lines"`

	raw string // the point's own, of which some is enough to tell its source
}

// Excerpts collects the lines around points while a log is read. It holds a
// bounded amount, whatever the log says.
type Excerpts struct {
	at     LineNumber
	before []string // the last lines
	open   *Excerpt // that lines are still added to
	left   int      // how many
	found  map[string][]*Excerpt
	kept   int
}

const (
	linesBefore = 3
	linesAfter  = 8
	// maxExcerpts bounds how many points are kept: 64 reports have fewer.
	maxExcerpts = 16 << 10
	// maxExcerptLine bounds a line, in bytes.
	maxExcerptLine = 200
)

// Take takes the next line.
func (e *Excerpts) Take(line string) {
	e.at++
	text := clean(line)
	p, ok := pointIn(text)
	shown := shorter(text)
	if ok && e.kept < maxExcerpts {
		e.begin(p.ID, shown)
	}
	if e.open != nil && e.left > 0 {
		e.open.Lines = append(e.open.Lines, shown)
		e.left--
	}
	if len(e.before) == linesBefore {
		e.before = append(e.before[:0], e.before[1:]...)
	}
	e.before = append(e.before, shown)
}

// begin begins an excerpt. The one before ends here: the next point is not around
// it.
func (e *Excerpts) begin(id, line string) {
	x := &Excerpt{Line: e.at, First: e.at - LineNumber(len(e.before)), raw: line}
	x.Lines = append(x.Lines, e.before...)
	if e.found == nil {
		e.found = map[string][]*Excerpt{}
	}
	e.found[id] = append(e.found[id], x)
	e.open, e.left = x, 1+linesAfter
	e.kept++
}

// pointIn finds a point's line behind whatever stands before it.
func pointIn(line string) (Point, bool) {
	at := strings.Index(line, "ok ")
	if at < 0 {
		return Point{}, false
	}
	if strings.HasSuffix(line[:at], "not ") {
		at -= len("not ")
	}
	return report.ParsePoint(line[at:])
}

// shorter clips a line, and makes its bytes text.
func shorter(line string) string {
	if len(line) > maxExcerptLine {
		n := maxExcerptLine
		for n > 0 && !utf8.RuneStart(line[n]) {
			n--
		}
		line = line[:n] + "…"
	}
	return strings.ToValidUTF8(line, "\ufffd")
}

// Of returns the lines around a report's point; nil if they are not known.
func (e *Excerpts) Of(id string, r *Report) *Excerpt {
	if e == nil || r.Last == 0 {
		return nil
	}
	for _, x := range e.found[id] {
		prefixed, same := r.source.writes(x.raw)
		if x.Line >= r.First && x.Line <= r.Last && (!prefixed || same) {
			return x
		}
	}
	return nil
}
