package results

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
)

// Frames are the report once more, compressed, in lines that TAP takes for
// comments; suite.Report.Frames, which writes them, says how. A captured guest
// comes in the same way.

const (
	reportFrame  = "# v1 "
	captureFrame = "# c1 "

	// maxFrame is the longest frame, in bytes.
	maxFrame = 120
	// maxSets bounds how many sets of frames of a kind are kept at once,
	// maxReport how many frames a report has, maxPayload what they may hold.
	maxSets    = 4
	maxReport  = 999
	maxCapture = 99_999
	maxPayload = 4 << 20
	// A frame that others broke may go on in one of so many lines after it.
	maxRest = 3
)

// A frame is one line of those.
type frame struct {
	kind, nonce string
	seq, total  int
	text        string // BASE64
}

// parseFrame reads the frame by which text begins and returns how long it is.
// It has begun if everything is there up to its BASE64, and is whole if its
// checksum fits.
func parseFrame(text string) (f frame, length int, begun, whole bool) {
	r := &cursor{rest: text}
	f.kind = r.take(len(reportFrame))
	start := r.rest
	f.nonce = r.run(maxNonce, isNonce)
	r.skip(' ')
	f.seq = r.number()
	r.skip('/')
	f.total = r.number()
	place := start[:len(start)-len(r.rest)]
	r.skip(' ')
	crc := r.run(8, isHex)
	r.skip(' ')
	if r.bad || len(crc) != 8 {
		return f, 0, false, false
	}
	f.text = r.run(maxFrame, isBase64)
	length = len(text) - len(r.rest)
	sum := crc32.ChecksumIEEE([]byte(place + " " + f.text))
	return f, length, true, fmt.Sprintf("%08x", sum) == crc && f.fits()
}

// fits tells whether a frame of its kind may have its numbers.
func (f frame) fits() bool {
	most := maxReport
	if f.kind == captureFrame {
		most = maxCapture
	}
	return f.text != "" && f.seq >= 1 && f.seq <= f.total && f.total <= most
}

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

// mark returns where the first frame may begin in a line; -1 for none.
func mark(line string) int {
	for from := 0; ; {
		at := strings.Index(line[from:], "1 ")
		if at < 0 {
			return -1
		}
		end := from + at + len("1 ")
		if begin := end - len(reportFrame); begin >= 0 && (line[begin:end] == reportFrame || line[begin:end] == captureFrame) {
			return begin
		}
		from = end
	}
}

// expect tells whether the line may hold a frame or a piece of one.
func (f *frames) expect(line string) bool { return f.rest > 0 || mark(line) >= 0 }

// take takes a line, without prefix, and returns the sets that it completed.
func (f *frames) take(line, source string) []*frameSet {
	var complete []*frameSet
	add := func(text string) (length int, begun, whole bool) {
		found, length, begun, whole := parseFrame(text)
		if whole {
			if set := f.add(found, source); set != nil {
				complete = append(complete, set)
			}
		}
		return length, begun, whole
	}
	f.join(line, add)
	for at := mark(line); at >= 0; at = mark(line) {
		line = line[at:]
		length, begun, whole := add(line)
		if begun && !whole {
			f.broken, f.rest = append(f.broken, line[:length]), maxRest
		}
		line = line[max(length, len(reportFrame)):]
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
		if len(begin) > maxFrame {
			continue
		}
		rest := line[:min(len(line), maxFrame-len(begin))]
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
func (f *frames) add(g frame, source string) *frameSet {
	set := f.set(g, source)
	if set.pieces[g.seq-1] == "" {
		set.pieces[g.seq-1] = g.text
		set.have++
	}
	if set.have < g.total || set.done {
		return nil
	}
	set.done = true
	return set
}

// set returns the set that a frame belongs to: one that holds another frame in
// its place is of another boot.
func (f *frames) set(g frame, source string) *frameSet {
	oldest, same := -1, 0
	for i, s := range slices.Backward(f.sets) {
		if s.kind != g.kind {
			continue
		}
		if oldest, same = i, same+1; s.source == source && s.nonce == g.nonce && len(s.pieces) == g.total && (s.pieces[g.seq-1] == "" || s.pieces[g.seq-1] == g.text) {
			return s
		}
	}
	if same == maxSets {
		f.sets = slices.Delete(f.sets, oldest, oldest+1)
	}
	s := &frameSet{source: source, kind: g.kind, nonce: g.nonce, pieces: make([]string, g.total)}
	f.sets = append(f.sets, s)
	return s
}

// left says how many frames there are of the last report that was asked for,
// if they are too few; nil if there is none.
func (f *frames) left(p *Parser) error {
	for _, s := range slices.Backward(f.sets) {
		if s.kind == reportFrame && !s.done && p.wanted(s.nonce) {
			return fmt.Errorf("of its %d frames there are %d", len(s.pieces), s.have)
		}
	}
	return nil
}

// data returns what the set's frames hold.
func (s *frameSet) data() ([]byte, error) {
	var out []byte
	for i, piece := range s.pieces {
		var err error
		if out, err = base64.StdEncoding.AppendDecode(out, []byte(piece)); err != nil {
			return nil, fmt.Errorf("frame %d: %w", i+1, err)
		}
	}
	return out, nil
}

// text returns what a report's frames hold.
func (s *frameSet) text() (string, error) {
	packed, err := s.data()
	if err != nil {
		return "", err
	}
	in, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPayload+1))
	if err == nil && len(text) > maxPayload {
		err = errors.New("more than a report")
	}
	return string(text), err
}

// report reads the set's report, and what it says of other profiles.
func (s *frameSet) report() (*Report, error) {
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	p := Parser{Nonce: s.nonce}
	var rest []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if p.whole != nil {
			rest = append(rest, line)
			continue
		}
		p.plain.Parser = &p
		p.plain.line(line, "")
	}
	if p.whole == nil {
		return nil, errors.New("their report is not whole")
	}
	p.whole.others, err = parseOthers(rest)
	return p.whole, err
}

// repair takes a line that may hold a frame, and returns true if by it a
// report became whole that was not.
func (p *Parser) repair(line, prefix string) (done bool) {
	for _, set := range p.frames.take(line, source(prefix)) {
		if set.kind == captureFrame {
			continue
		}
		r, err := set.report()
		if err != nil || !p.wanted(r.Nonce) {
			continue
		}
		if p.whole != nil && slices.Equal(p.whole.Lines, r.Lines) {
			p.whole.others = r.others
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
		case s.kind != captureFrame || !p.wanted(s.nonce):
		case s.done:
			return s.data()
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
		if p, ok := parsePoint(line); ok {
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
