package results

import (
	"encoding/binary"
	"hash/maphash"
	"maps"
	"reflect"
	"slices"
	"sync"

	"vmspec/results/report"
)

// clone copies what of a parser may change.
func clone(p *Parser) *Parser {
	q := *p
	c := cloner{of: &q, attempts: map[*attempt]*attempt{}}
	q.whole, q.partial = copied(p.whole), copied(p.partial)
	q.reports = slices.Clone(p.reports)
	for i, r := range p.reports {
		switch {
		case r == p.whole:
			q.reports[i] = q.whole
		case r.early != nil:
			q.reports[i] = copied(r)
		}
	}
	q.torn = slices.Clone(p.torn)
	q.attempt = c.attempt(p.attempt)
	q.traces = slices.Clone(p.traces)
	for i := range q.traces {
		q.traces[i].begun = c.attempt(q.traces[i].begun)
	}
	q.plain, q.woven.reading = c.reading(p.plain), c.reading(p.woven.reading)
	q.woven.text = slices.Clone(p.woven.text)
	q.behind.shapes = slices.Clone(p.behind.shapes)
	q.behind.readings = map[string]*reading{}
	for key, r := range p.behind.readings {
		r := c.reading(*r)
		q.behind.readings[key] = &r
	}
	q.frames.broken = slices.Clone(p.frames.broken)
	for l, sets := range p.frames.sets {
		q.frames.sets[l] = nil
		for _, s := range sets {
			s := *s
			s.pieces = maps.Clone(s.pieces)
			q.frames.sets[l] = append(q.frames.sets[l], &s)
		}
	}
	return &q
}

// A cloner keeps what readings of a parser share.
type cloner struct {
	of       *Parser
	attempts map[*attempt]*attempt
}

func (c cloner) reading(p reading) reading {
	if p.Parser != nil {
		p.Parser = c.of
	}
	p.now, p.begun = copied(p.now), c.attempt(p.begun)
	return p
}

func (c cloner) attempt(a *attempt) *attempt {
	if a == nil {
		return nil
	}
	if c.attempts[a] == nil {
		b := *a
		c.attempts[a] = &b
	}
	return c.attempts[a]
}

func copied(r *Report) *Report {
	if r == nil {
		return nil
	}
	c := *r
	c.Lines = slices.Clip(r.Lines)
	if r.early != nil {
		early := *r.early
		early.points = slices.Clone(early.points)
		c.early, c.Points = &early, slices.Clone(r.Points)
	}
	return &c
}

var seed = maphash.MakeSeed()

// hash covers all that a parser holds and that decides which report it finds:
// not what it says is repaired, nor what it tells of other boots.
func hash(p *Parser) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	q := *p
	if q.partial != nil {
		q.partial = &Report{}
	}
	q.torn, q.traces, q.settled, q.frames.steps, q.steps = nil, nil, 0, 0, 0
	for i := range q.behind.shapes {
		q.behind.shapes = slices.Clone(q.behind.shapes)
		q.behind.shapes[i].used = 0
	}
	q.frames.sets = [levels + 1][]*frameSet{}
	walk(&h, reflect.ValueOf(q))
	for _, sets := range p.frames.sets {
		number(&h, uint64(len(sets)))
		for _, s := range sets {
			hashSet(&h, *s)
		}
	}
	for _, r := range p.reports {
		if r.early != nil {
			truth(&h, p.rebooted(r, p.at))
		}
	}
	return h.Sum64()
}

// hashSet covers a set of frames, with its pieces in whatever order they come.
func hashSet(h *maphash.Hash, s frameSet) {
	var sum uint64
	for n, piece := range s.pieces {
		sum += maphash.Comparable(seed, n) ^ maphash.String(seed, piece)
	}
	number(h, uint64(len(s.pieces)))
	number(h, sum)
	s.pieces = nil
	walk(h, reflect.ValueOf(s))
}

// skipped are pointed to by what is walked through anyway, are made once and
// never changed, or only order or tell.
var skipped = []reflect.Type{reflect.TypeFor[*Parser](), reflect.TypeFor[*attempt](), reflect.TypeFor[LineNumber](), reflect.TypeFor[[]*Report]()}

// walkedFields are a struct's that are not skipped, by its type.
var walkedFields sync.Map

func walkedOf(t reflect.Type) []int {
	if known, ok := walkedFields.Load(t); ok {
		return known.([]int)
	}
	var out []int
	for i := range t.NumField() {
		if !slices.Contains(skipped, t.Field(i).Type) {
			out = append(out, i)
		}
	}
	walkedFields.Store(t, out)
	return out
}

var appendixType = reflect.TypeFor[*report.Appendix]()

func walk(h *maphash.Hash, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			h.WriteByte(0)
			return
		}
		h.WriteByte(1)
		if v.Type() == appendixType { // made once and never changed
			number(h, uint64(v.Pointer()))
			return
		}
		walk(h, v.Elem())
	case reflect.Struct:
		for _, i := range walkedOf(v.Type()) {
			walk(h, v.Field(i))
		}
	case reflect.Slice, reflect.Array:
		number(h, uint64(v.Len()))
		for i := range v.Len() {
			walk(h, v.Index(i))
		}
	case reflect.Map:
		number(h, mapped(v))
	case reflect.String:
		number(h, uint64(v.Len()))
		h.WriteString(v.String())
	case reflect.Bool:
		truth(h, v.Bool())
	case reflect.Int, reflect.Int8:
		number(h, uint64(v.Int()))
	case reflect.Uint8, reflect.Uint32:
		number(h, v.Uint())
	default:
		panic("a parser holds a " + v.Type().String())
	}
}

// mapped hashes a map in whatever order it comes.
func mapped(v reflect.Value) (sum uint64) {
	for at := v.MapRange(); at.Next(); {
		var h maphash.Hash
		h.SetSeed(seed)
		walk(&h, at.Key())
		walk(&h, at.Value())
		sum += h.Sum64()
	}
	return sum + uint64(v.Len())
}

func number(h *maphash.Hash, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h.Write(b[:])
}

func truth(h *maphash.Hash, is bool) {
	if is {
		number(h, 1)
		return
	}
	number(h, 0)
}
