package results

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Frames are the report once more, compressed, in lines that TAP takes for
// comments; suite.Report.Frames, which writes them, says how.

var (
	frameBegin = regexp.MustCompile(`# v1 [A-Za-z0-9_-]{1,16} \d{1,3}/\d{1,3} [0-9a-f]{8} [A-Za-z0-9+/]*={0,2}`)
	frameWhole = regexp.MustCompile(`^# v1 (\S+) (\d+)/(\d+) ([0-9a-f]{8}) (\S+)$`)
)

const (
	frameMark = "# v1 "
	// maxSets bounds how many reports' frames are kept at once, and maxPayload
	// what they may hold.
	maxSets    = 4
	maxPayload = 4 << 20
	// A frame that others broke may go on in one of so many lines after it.
	maxRest = 3
)

// frames puts the frames of reports together, whatever lies between them.
type frames struct {
	sets   []*frameSet // the oldest first
	broken []string    // beginnings of frames that may go on
	rest   int         // in so many lines
}

// A frameSet is the frames of one report.
type frameSet struct {
	source, nonce string
	pieces        []string // each a frame's BASE64
	have          int
	done          bool // it was complete and was read
}

// expect tells whether the line may hold a frame or a piece of one.
func (f *frames) expect(line string) bool {
	return f.rest > 0 || strings.Contains(line, frameMark)
}

// take takes a line, without prefix, and returns the sets that it completed.
func (f *frames) take(line, source string) []*frameSet {
	var complete []*frameSet
	add := func(text string) bool {
		set, ok := f.add(text, source)
		if set != nil {
			complete = append(complete, set)
		}
		return ok
	}
	f.join(line, add)
	for _, text := range frameBegin.FindAllString(line, -1) {
		if !add(text) {
			f.broken, f.rest = append(f.broken, text), maxRest
		}
	}
	return complete
}

// join tries what is left of broken frames with the line.
func (f *frames) join(line string, add func(string) bool) {
	if f.rest == 0 {
		return
	}
	f.rest--
	for i, begin := range f.broken {
		if len(begin) > maxFrame {
			continue
		}
		rest := line[:min(len(line), maxFrame-len(begin))]
		if add(begin + rest) {
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

// maxFrame is the longest frame, in bytes.
const maxFrame = 120

// add takes a frame. It returns false for what is none or damaged, and the set
// if the frame was the last one missing.
func (f *frames) add(text, source string) (complete *frameSet, ok bool) {
	m := frameWhole.FindStringSubmatch(text)
	if m == nil || fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(m[1]+" "+m[2]+"/"+m[3]+" "+m[5]))) != m[4] {
		return nil, false
	}
	seq, _ := strconv.Atoi(m[2])
	total, _ := strconv.Atoi(m[3])
	if seq < 1 || seq > total {
		return nil, false
	}
	set := f.set(source, m[1], total, seq, m[5])
	if set.pieces[seq-1] == "" {
		set.pieces[seq-1] = m[5]
		set.have++
	}
	if set.have < total || set.done {
		return nil, true
	}
	set.done = true
	return set, true
}

// set returns the set that a frame belongs to: one that holds another frame in
// its place is of another boot.
func (f *frames) set(source, nonce string, total, seq int, text string) *frameSet {
	for _, s := range slices.Backward(f.sets) {
		if s.source == source && s.nonce == nonce && len(s.pieces) == total && (s.pieces[seq-1] == "" || s.pieces[seq-1] == text) {
			return s
		}
	}
	if len(f.sets) == maxSets {
		f.sets = slices.Delete(f.sets, 0, 1)
	}
	s := &frameSet{source: source, nonce: nonce, pieces: make([]string, total)}
	f.sets = append(f.sets, s)
	return s
}

// left says how many frames there are of the last report that was asked for,
// if they are too few; nil if there is none.
func (f *frames) left(p *Parser) error {
	for _, s := range slices.Backward(f.sets) {
		if !s.done && p.wanted(s.nonce) {
			return fmt.Errorf("of its %d frames there are %d", len(s.pieces), s.have)
		}
	}
	return nil
}

// text returns what the set's frames hold.
func (s *frameSet) text() (string, error) {
	var packed bytes.Buffer
	for _, piece := range s.pieces {
		data, err := base64.StdEncoding.DecodeString(piece)
		if err != nil {
			return "", err
		}
		packed.Write(data)
	}
	in, err := gzip.NewReader(&packed)
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
