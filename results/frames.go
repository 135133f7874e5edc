package results

import (
	"fmt"
	"slices"

	"vmspec/results/report"
)

const (
	// maxSets bounds the sets of reports' frames that are kept for one level, and
	// maxCaptures those of captured guests, which are larger.
	maxSets     = 64
	maxCaptures = 3
	// The rest of a broken frame is looked for in this many lines after it.
	maxRest = 3
	// At most this many broken frames are followed at once.
	maxBroken = 2
)

// frames puts frames together, whatever lies between them. Each is put into a
// set for each level at which the text before it may name its source, and into
// one of all sources: the hash of a report says which was right.
type frames struct {
	sets   [levels + 1][]*frameSet // the oldest first
	broken []brokenFrame
	seen   bool       // there was one
	booted LineNumber // the last of a boot's first lines behind a report
	steps  int        // how many were tried, for a test
	room   [maxValues]string
}

// anySource is the level of sets that take every source's frames.
const anySource = levels

// A brokenFrame is the beginning of a frame that may go on.
type brokenFrame struct {
	text string
	from origin
	left int // lines in which it may still go on
}

// An origin is where a frame came from.
type origin struct {
	source source
	prefix string
	at     LineNumber
}

// A frameSet is the frames of one report or captured guest.
type frameSet struct {
	level       level
	key         string // of the source
	kind, nonce string
	total       int
	pieces      map[int]string // each a frame's BASE64, by its number
	done        bool           // it was complete and was read
	from        origin         // of its first frame
	latest      latest
	mixed       bool // it has frames of several sources
}

// expect tells whether the line may hold a frame or a piece of one.
func (f *frames) expect(line string) bool { return len(f.broken) > 0 || report.FindFrame(line) >= 0 }

// A seen frame is one with its origin.
type seenFrame struct {
	report.Frame
	from origin
}

// take takes a line and returns the frames that it completed.
func (f *frames) take(line string, at LineNumber, shapes []known) []seenFrame {
	found := f.join(line)
	first := report.FindFrame(line)
	if first < 0 {
		return found
	}
	f.seen = true
	from := f.originOf(line[:first], shapes)
	from.at = at
	broken := 0
	for at := first; at >= 0; at = report.FindFrame(line) {
		line = line[at:]
		f.steps++
		frame, length, begun, whole := report.ParseFrame(line)
		switch {
		case whole:
			found = append(found, seenFrame{frame, from})
		case begun && broken < maxBroken:
			broken++
			f.broken = append(f.broken, brokenFrame{line[:length], from.kept(), maxRest})
		}
		line = line[max(length, 1):]
	}
	return found
}

// kept is an origin whose values stay when the next frame comes.
func (o origin) kept() origin {
	o.source.values = slices.Clone(o.source.values)
	return o
}

// originOf tells what the text before a frame says of its source: if it begins
// as the prefix of a report did, the rest is noise.
func (f *frames) originOf(text string, shapes []known) origin {
	if text == "" {
		return origin{}
	}
	var from origin
	for _, s := range shapes {
		if n, _ := s.match(text, f.room[:]); n > len(from.prefix) {
			from = origin{source: source{shape: s.shape}, prefix: text[:n]}
		}
	}
	if from.prefix != "" {
		_, from.source.values = from.source.match(text, f.room[:])
		return from
	}
	if s := learn(text); s != nil {
		if n, values := s.match(text, f.room[:]); n == len(text) {
			return origin{source: source{shape: s, values: values}, prefix: text}
		}
	}
	return from
}

// join tries what is left of broken frames with the line.
func (f *frames) join(line string) (found []seenFrame) {
	begun := len(f.broken)
	for i := 0; i < begun; i++ {
		b := f.broken[i]
		text := line
		if b.from.source.shape != nil {
			if n, _ := b.from.source.match(line, make([]string, 0, maxValues)); n >= 0 {
				text = line[n:]
			}
		}
		if len(b.text) > report.MaxLine || text == "" || !report.GoesOn(text[0]) {
			continue
		}
		rest := text[:min(len(text), report.MaxLine-len(b.text))]
		f.steps++
		if frame, _, _, whole := report.ParseFrame(b.text + rest); whole {
			f.broken = f.broken[:0]
			return []seenFrame{{frame, b.from}}
		}
		// A narrow terminal breaks a frame more than once.
		if b.left == maxRest {
			f.broken = append(f.broken, brokenFrame{b.text + rest, b.from, b.left})
		}
	}
	for i := range f.broken {
		f.broken[i].left--
	}
	f.broken = slices.DeleteFunc(f.broken, func(b brokenFrame) bool { return b.left <= 0 })
	return nil
}

// add puts a frame into each set that it belongs to, the one of all sources last. It
// returns those that are complete now.
func (f *frames) add(g seenFrame) (complete []*frameSet) {
	for l := range anySource {
		if s := g.from.source.shape; s != nil && s.differs[l] {
			var buffer [maxPrefix]byte
			complete = f.addAt(g, l, s.key(buffer[:0], l, g.from.source.values), complete)
		}
	}
	return f.addAt(g, anySource, nil, complete)
}

// addAt puts a frame into its set of a level. It adds the set to those that are
// complete if this was the last frame that was missing.
func (f *frames) addAt(g seenFrame, l level, key []byte, complete []*frameSet) []*frameSet {
	set := f.set(g, l, key)
	if set.pieces[g.Seq] == "" {
		set.pieces[g.Seq] = g.Text
	}
	set.take(g.from)
	if len(set.pieces) < g.Total || set.done {
		return complete
	}
	set.done = true
	return append(complete, set)
}

// take takes the origin of one more frame.
func (s *frameSet) take(from origin) {
	switch was := &s.from.source; {
	case s.mixed:
	case was.shape == nil || from.source.shape == nil:
		s.mixed = was.shape != from.source.shape
	case s.level == anySource:
		_, same := was.writes(from.prefix)
		s.mixed = !same
	case len(was.values) == len(from.source.values):
		was.vary(from.source.values, &s.latest)
	}
}

// set returns the set that a frame belongs to. A set that holds another frame with
// the same number is of another boot.
func (f *frames) set(g seenFrame, l level, key []byte) *frameSet {
	most := maxSets
	if g.Kind == report.FrameCapture {
		most = maxCaptures
	}
	oldest, same := -1, 0
	for i, s := range slices.Backward(f.sets[l]) {
		if s.kind != g.Kind || s.past(f.booted) {
			continue
		}
		if oldest, same = i, same+1; s.key == string(key) && s.nonce == g.Nonce && s.total == g.Total && (s.pieces[g.Seq] == "" || s.pieces[g.Seq] == g.Text) {
			return s
		}
	}
	if same >= most {
		f.sets[l] = slices.Delete(f.sets[l], oldest, oldest+1)
	}
	s := &frameSet{level: l, key: string(key), kind: g.Kind, nonce: g.Nonce, total: g.Total, pieces: map[int]string{}, from: g.from.kept()}
	f.sets[l] = append(f.sets[l], s)
	return s
}

// past tells whether the set is of an earlier boot. The next boot may write the
// same provisional report again.
func (s *frameSet) past(booted LineNumber) bool {
	return s.done && s.from.at < booted && report.Stage(s.kind) > 0
}

// texts are the frames' BASE64 in their order.
func (s *frameSet) texts() []string {
	out := make([]string, s.total)
	for i := range out {
		out[i] = s.pieces[i+1]
	}
	return out
}

// left says how many frames there are of the last report that was asked for,
// if they are too few; nil if there is none.
func (f *frames) left(p *Parser) error {
	for _, s := range slices.Backward(f.sets[anySource]) {
		if s.done || !p.wanted(s.nonce) {
			continue
		}
		switch {
		case s.kind == report.FrameReport:
			return fmt.Errorf("of its %d frames there are %d", s.total, len(s.pieces))
		case report.Stage(s.kind) == 1:
			return fmt.Errorf("of its provisional report's %d frames there are %d", s.total, len(s.pieces))
		}
	}
	return nil
}

// readFrames reads the report that the BASE64 of frames carries, and what it says of
// other profiles.
func readFrames(texts []string) (*Report, error) {
	data, err := report.Unframe(texts)
	if err != nil {
		return nil, err
	}
	r, lines, err := report.Unpack(data)
	return &Report{Report: r, Lines: lines}, err
}
