package results

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

const (
	// maxSets bounds how many sets of frames of a kind are kept at once.
	maxSets = 4
	// A frame that others broke may go on in one of so many lines after it.
	maxRest = 3
)

// frames puts frames together, whatever lies between them.
type frames struct {
	sets   []*frameSet // the oldest first
	broken []string    // beginnings of frames that may go on
	rest   int         // in so many lines
}

// A frameSet is the frames of one report or captured guest.
type frameSet struct {
	source, kind, nonce string
	pieces              []string // each a frame's BASE64
	have                int
	done                bool // it was complete and was read
}

// expect tells whether the line may hold a frame or a piece of one.
func (f *frames) expect(line string) bool { return f.rest > 0 || report.FindFrame(line) >= 0 }

// take takes a line, without prefix, and returns the sets that it completed.
func (f *frames) take(line, source string) []*frameSet {
	var complete []*frameSet
	add := func(text string) (length int, begun, whole bool) {
		found, length, begun, whole := report.ParseFrame(text)
		if whole {
			if set := f.add(found, source); set != nil {
				complete = append(complete, set)
			}
		}
		return length, begun, whole
	}
	f.join(line, add)
	for at := report.FindFrame(line); at >= 0; at = report.FindFrame(line) {
		line = line[at:]
		length, begun, whole := add(line)
		if begun && !whole {
			f.broken, f.rest = append(f.broken, line[:length]), maxRest
		}
		line = line[max(length, 1):]
	}
	return complete
}

// join tries what is left of broken frames with the line.
func (f *frames) join(line string, add func(string) (int, bool, bool)) {
	if f.rest == 0 {
		return
	}
	f.rest--
	for i, begin := range f.broken {
		if len(begin) > report.MaxLine {
			continue
		}
		rest := line[:min(len(line), report.MaxLine-len(begin))]
		if _, _, whole := add(begin + rest); whole {
			f.broken, f.rest = nil, 0
			return
		}
		// A narrow terminal breaks a frame more than once.
		if i == 0 && len(f.broken) < maxRest {
			f.broken = append(f.broken, begin+rest)
		}
	}
	if f.rest == 0 {
		f.broken = nil
	}
}

// add takes a frame, and returns its set if it was the last one missing.
func (f *frames) add(g report.Frame, source string) *frameSet {
	set := f.set(g, source)
	if set.pieces[g.Seq-1] == "" {
		set.pieces[g.Seq-1] = g.Text
		set.have++
	}
	if set.have < g.Total || set.done {
		return nil
	}
	set.done = true
	return set
}

// set returns the set that a frame belongs to: one that holds another frame in
// its place is of another boot.
func (f *frames) set(g report.Frame, source string) *frameSet {
	oldest, same := -1, 0
	for i, s := range slices.Backward(f.sets) {
		if s.kind != g.Kind {
			continue
		}
		if oldest, same = i, same+1; s.source == source && s.nonce == g.Nonce && len(s.pieces) == g.Total && (s.pieces[g.Seq-1] == "" || s.pieces[g.Seq-1] == g.Text) {
			return s
		}
	}
	if same == maxSets {
		f.sets = slices.Delete(f.sets, oldest, oldest+1)
	}
	s := &frameSet{source: source, kind: g.Kind, nonce: g.Nonce, pieces: make([]string, g.Total)}
	f.sets = append(f.sets, s)
	return s
}

// left says how many frames there are of the last report that was asked for,
// if they are too few; nil if there is none.
func (f *frames) left(p *Parser) error {
	for _, s := range slices.Backward(f.sets) {
		if s.kind == report.FrameReport && !s.done && p.wanted(s.nonce) {
			return fmt.Errorf("of its %d frames there are %d", len(s.pieces), s.have)
		}
	}
	return nil
}

// report reads the set's report, and what it says of other profiles.
func (s *frameSet) report() (*Report, error) {
	data, err := report.Unframe(s.pieces)
	if err != nil {
		return nil, err
	}
	r, lines, err := report.Unpack(data)
	if err == nil && r.Nonce != s.nonce {
		err = fmt.Errorf("their report carries the nonce %s", r.Nonce)
	}
	return &Report{Report: r, Lines: lines}, err
}

// repair takes a line that may hold a frame, and returns true if by it a
// report became whole that was not.
func (p *Parser) repair(line, prefix string) (done bool) {
	for _, set := range p.frames.take(line, source(prefix)) {
		if set.kind == report.FrameCapture {
			continue
		}
		r, err := set.report()
		if err != nil || !p.wanted(r.Nonce) {
			continue
		}
		if p.whole != nil && slices.Equal(p.whole.Lines, r.Lines) {
			p.whole.Appendix = r.Appendix
			continue
		}
		r.Prefix, r.Repaired = prefix, r.damage(p.damaged(r.Nonce))
		p.whole, p.partial, done = r, nil, true
	}
	return done
}

// Capture returns the captured guest, a .tar.gz, that came last as frames. It
// returns nil and no error if there is none, and an error that says how many
// frames are missing if it is not whole.
func (p *Parser) Capture() ([]byte, error) {
	var err error
	for _, s := range slices.Backward(p.frames.sets) {
		switch {
		case s.kind != report.FrameCapture || !p.wanted(s.nonce):
		case s.done:
			return report.Unframe(s.pieces)
		case err == nil:
			err = fmt.Errorf("of the captured guest's %d frames there are %d", len(s.pieces), s.have)
		}
	}
	return nil, err
}

// damaged returns the lines of a report that arrived, as far as they are known.
func (p *Parser) damaged(nonce string) []string {
	readings := append(slices.Clone(p.behind), &p.plain)
	for _, r := range readings {
		if r.now != nil {
			r.abandon()
		}
	}
	if p.partial == nil || p.partial.Nonce != "" && p.partial.Nonce != nonce {
		return nil
	}
	return p.partial.Lines
}

// damage says what of the report is not among the lines that arrived, and what
// of these is not of the report.
func (r *Report) damage(arrived []string) string {
	there := map[string]int{}
	for _, line := range arrived {
		there[line]++
	}
	lost, of := 0, ""
	var ids []string
	for _, line := range r.Lines {
		if p, ok := report.ParsePoint(line); ok {
			of = p.ID
		}
		if there[line] > 0 {
			there[line]--
			continue
		}
		if lost++; of != "" && !slices.Contains(ids, of) {
			ids = append(ids, of)
		}
	}
	more := 0
	for _, n := range there {
		more += n
	}
	return repaired(len(r.Lines), lost, more, ids)
}

// repaired says how much of a report its frames gave back.
func repaired(lines, lost, more int, ids []string) string {
	switch {
	case lost == lines:
		return "the whole report"
	case lost == 0 && more == 0:
		return "the order of its lines"
	case lost == 0:
		return fmt.Sprintf("%d lines that were none of its own", more)
	}
	text := fmt.Sprintf("%d of its %d lines", lost, lines)
	switch {
	case len(ids) > maxNamed:
		text += fmt.Sprintf(", of %d points", len(ids))
	case len(ids) > 0:
		text += ", of " + strings.Join(ids, " ")
	}
	return text
}

// maxNamed is how many points are named where more than that were damaged.
const maxNamed = 8
