package results

import (
	"maps"
	"slices"
	"strings"
)

// behind reads reports behind prefixes. It keeps a reading for each source whose
// report has begun and not ended.
type behind struct {
	shapes   []known             // of prefixes before first lines
	readings map[string]*reading // by the key of their source
	held     int                 // how many lines they hold
}

// A known shape is that of a prefix before a report's first line.
type known struct {
	*shape
	open int // how many readings are behind it
	used int // how many reports began behind it
}

const (
	maxShapes = 16
	// All readings together hold at most this many lines, some megabytes. One more
	// closes the oldest reading.
	maxHeld     = 100_000
	maxReadings = 256
)

// shapeOf returns the shape of the prefix before a report's first line: one that
// is known, or a new one.
func (b *behind) shapeOf(prefix string) *known {
	for i := range b.shapes {
		if n, _ := b.shapes[i].match(prefix, make([]string, 0, maxValues)); n == len(prefix) {
			b.shapes[i].used++
			return &b.shapes[i]
		}
	}
	s := learn(prefix)
	if s == nil {
		return nil
	}
	if len(b.shapes) == maxShapes {
		b.forget()
	}
	b.shapes = append(b.shapes, known{shape: s})
	return &b.shapes[len(b.shapes)-1]
}

// forget drops the shape that was used least, an older one first, and what is
// read behind it.
func (b *behind) forget() {
	least := 0
	for i, s := range b.shapes {
		if o := b.shapes[least]; s.used < o.used {
			least = i
		}
	}
	for key, r := range b.readings {
		if r.source.shape == b.shapes[least].shape {
			b.giveUp(key)
		}
	}
	b.shapes = slices.Delete(b.shapes, least, least+1)
}

// beginBehind begins to read behind a prefix.
func (p *Parser) beginBehind(a *attempt, prefix string) {
	s := p.behind.shapeOf(prefix)
	if s == nil {
		return
	}
	_, values := s.match(prefix, make([]string, 0, maxValues))
	a.source = source{shape: s.shape, values: values}
	for l := range levels {
		if !s.differs[l] {
			continue
		}
		key := string(s.key(nil, l, values))
		r := p.behind.readings[key]
		if r == nil {
			p.behind.room(p)
			r = &reading{Parser: p, level: l}
			p.behind.readings[key] = r
			p.behind.opened(s.shape, 1)
		}
		p.behind.held -= r.lines()
		r.source = a.source
		r.begin(a, prefix)
		p.behind.held++
	}
}

// room closes the oldest readings until there is room for one more.
func (b *behind) room(p *Parser) {
	if b.readings == nil {
		b.readings = map[string]*reading{}
	}
	for len(b.readings) >= maxReadings || b.held >= maxHeld {
		p.steps += len(b.readings)
		keys := b.byAge()
		for _, key := range keys[:len(keys)/4+1] { // not one by one: each takes a look at all
			b.giveUp(key)
		}
	}
}

// byAge returns the keys of the readings, the oldest first. Of the readings of one
// report the most likely comes last.
func (b *behind) byAge() []string {
	return slices.SortedFunc(maps.Keys(b.readings), func(x, y string) int {
		if b.readings[x].older(b.readings[y]) {
			return -1
		}
		return 1
	})
}

// older orders readings.
func (p *reading) older(o *reading) bool {
	if p.begun.at != o.begun.at {
		return p.begun.at < o.begun.at
	}
	return p.level > o.level
}

func (p *reading) lines() int {
	if p.now == nil {
		return 0
	}
	return len(p.now.Lines)
}

// giveUp drops a reading, and keeps its report as incomplete.
func (b *behind) giveUp(key string) {
	r := b.readings[key]
	b.held -= r.lines()
	r.abandon()
	b.drop(key)
}

func (b *behind) drop(key string) {
	r := b.readings[key]
	b.held -= r.lines()
	b.opened(r.source.shape, -1)
	delete(b.readings, key)
}

// opened counts the readings behind a shape.
func (b *behind) opened(s *shape, n int) {
	for i := range b.shapes {
		if b.shapes[i].shape == s {
			b.shapes[i].open += n
		}
	}
}

// lineBehind takes a line that may be of a report behind a prefix. It returns true
// if the line completed a report.
func (p *Parser) lineBehind(line string) (done bool) {
	if len(p.behind.readings) == 0 {
		return false
	}
	var room [maxValues]string
	for i := range p.behind.shapes {
		s := p.behind.shapes[i]
		if s.open == 0 {
			continue
		}
		p.steps++
		n, values := s.match(line, room[:])
		own := ofReport(line, n)
		if own.place == nowhere {
			continue
		}
		for l := range levels {
			if s.differs[l] && p.lineAt(s.shape, l, &own, values) {
				done = true
				break // the others read the same report
			}
		}
	}
	if p.behind.held >= maxHeld {
		p.behind.room(p)
	}
	return done
}

// lineAt takes a line behind a prefix at a level.
func (p *Parser) lineAt(s *shape, l level, line *ownLine, values []string) (done bool) {
	b := &p.behind
	var buffer [maxPrefix]byte
	key := s.key(buffer[:0], l, values)
	r := b.readings[string(key)]
	if r == nil {
		return false
	}
	r.source.vary(values, &r.latest)
	before := r.lines()
	if r.now != nil {
		done = r.take(line)
	}
	b.held += r.lines() - before
	if r.now == nil {
		b.drop(string(key))
	}
	if done {
		p.close(r.begun)
	}
	return done
}

// ofReport returns what stands behind a prefix of n bytes, if that may be a line
// of a report. rsyslog writes a blank behind a prefix only before a text that begins
// with none (sp-if-no-1st-sp).
func ofReport(line string, n int) ownLine {
	if n < 0 {
		return ownLine{}
	}
	own := belonging(line[n:])
	if own.place == nowhere && n > 0 && line[n-1] == ' ' && strings.HasPrefix(line[n:], " ") {
		return belonging(line[n-1:])
	}
	return own
}

// abandonBehind gives up readings behind prefixes.
func (p *Parser) abandonBehind(which func(*reading) bool) {
	p.steps += len(p.behind.readings)
	for _, key := range p.behind.byAge() {
		if r := p.behind.readings[key]; which(r) {
			p.behind.giveUp(key)
		}
	}
}

// close ends the other readings of a report that one reading has completed.
func (p *Parser) close(a *attempt) {
	p.steps += len(p.behind.readings)
	for key, r := range p.behind.readings {
		if r.begun == a {
			p.behind.drop(key)
		}
	}
}
