package results

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

// repair takes a line that may hold a frame. It returns true if the line completed
// a report.
func (p *Parser) repair(line string) (done bool) {
	line = p.own(line)
	p.steps -= p.frames.steps
	defer func() { p.steps += p.frames.steps }()
	for _, frame := range p.frames.take(line, p.at, p.behind.shapes) {
		for _, set := range p.frames.add(frame) {
			switch {
			case set.kind == report.FrameReport:
				done = p.mend(set) || done
			case report.Stage(set.kind) > 0:
				p.takeProvisional(set)
			}
		}
	}
	return done
}

// mend takes a complete set of a report's frames.
func (p *Parser) mend(set *frameSet) bool {
	r, err := p.unpack(set)
	if err != nil || !p.wanted(r.Nonce) {
		return false
	}
	from := set.from.source
	if set.mixed {
		from = source{}
	}
	if same := p.same(r, from, set.level); same != nil {
		same.Appendix = r.Appendix
		return false
	}
	r.First, r.Last = set.from.at, p.at
	if !set.mixed {
		r.Prefix = set.from.prefix
	}
	arrived := p.damaged(r, from)
	if arrived != nil {
		r.First = arrived.First
	}
	if arrived != nil && set.mixed {
		from, r.Prefix = arrived.source, arrived.Prefix
	}
	r.Repaired = r.damage(arrived)
	p.found(r, from, set.level)
	return true
}

// An unpacked report is what a set of frames carried.
type unpacked struct {
	texts []string
	*Report
}

// unpack reads a set's report. A guest writes its frames twice, and each copy is in a
// set of every level: what was read last is not read again.
func (p *Parser) unpack(set *frameSet) (*Report, error) {
	texts := set.texts()
	if !slices.Equal(texts, p.unpacked.texts) {
		r, err := readFrames(texts)
		if err != nil {
			return nil, err
		}
		p.unpacked = unpacked{texts, r}
	}
	if p.unpacked.Nonce != set.nonce {
		return nil, fmt.Errorf("their report carries the nonce %s", p.unpacked.Nonce)
	}
	return p.unpacked.again(), nil
}

// again returns a copy: what the host knows changes a report's points.
func (u *unpacked) again() *Report {
	r := &Report{Report: u.Report.Report, Lines: u.Lines}
	r.Points = slices.Clone(r.Points)
	appendix := *r.Appendix
	appendix.Points = slices.Clone(appendix.Points)
	r.Appendix = &appendix
	return r
}

// same returns the report that was found already, of the same source, if no boot
// began behind it. What was put together of several sources has none of its own.
func (p *Parser) same(r *Report, from source, l level) *Report {
	p.steps += len(p.reports) + len(r.Lines)
	for _, other := range slices.Backward(p.reports) {
		if !slices.Equal(other.Lines, r.Lines) || p.bootedBehind(other) {
			continue
		}
		if l == anySource || from.fell || other.Source == from.String() {
			return other
		}
	}
	return nil
}

// Capture returns the captured guest, a .tar.gz, that came last as frames. It
// returns nil and no error if there is none, and an error that says how many
// frames are missing if it is not whole.
func (p *Parser) Capture() ([]byte, error) {
	var err error
	for _, sets := range p.frames.sets {
		for _, s := range slices.Backward(sets) {
			switch {
			case s.kind != report.FrameCapture || !p.wanted(s.nonce):
			case s.done:
				return report.Unframe(s.texts())
			default: // the set of all sources has most
				err = fmt.Errorf("of the captured guest's %d frames there are %d", s.total, len(s.pieces))
			}
		}
	}
	return nil, err
}

// damaged returns what arrived of a report whose frames are whole, as far as it is
// known.
func (p *Parser) damaged(r *Report, from source) *Report {
	if p.plain.now != nil && (from.shape == nil || p.plain.nonce == r.Nonce) {
		p.plain.abandon()
	}
	p.abandonBehind(func(open *reading) bool {
		prefixed, same := from.writes(open.now.Prefix)
		return prefixed && same || open.nonce == r.Nonce
	})
	var found *Report
	most := -1
	p.torn = slices.DeleteFunc(p.torn, func(torn *Report) bool {
		prefixed, same := from.writes(torn.Prefix)
		if torn.Nonce != r.Nonce && torn.Nonce != "" || prefixed && torn.source.shape != nil && !same {
			return false // another's
		}
		p.steps += len(torn.Lines)
		n, _, _, _ := r.common(torn)
		if torn.source.fell {
			n = 0 // the lines are several sources'
		}
		if n > most {
			found, most = torn, n
		}
		return true
	})
	return found
}

// damage says which lines of the report did not arrive, and which of the lines that
// arrived are not of the report.
func (r *Report) damage(arrived *Report) string {
	_, lost, more, ids := r.common(arrived)
	return repaired(len(r.Lines), lost, more, ids)
}

// common counts the lines of a report that arrived, those that are lost, with the
// IDs of their points, and lines that are not the report's.
func (r *Report) common(arrived *Report) (same, lost, more int, ids []string) {
	there := map[string]int{}
	if arrived != nil {
		for _, line := range arrived.Lines {
			there[line]++
		}
	}
	of := ""
	for _, line := range r.Lines {
		if p, ok := report.ParsePoint(line); ok {
			of = p.ID
		}
		if there[line] > 0 {
			there[line]--
			same++
			continue
		}
		if lost++; of != "" && !slices.Contains(ids, of) {
			ids = append(ids, of)
		}
	}
	for _, n := range there {
		more += n
	}
	return same, lost, more, ids
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
