package results

import (
	"slices"
	"strings"
)

// A finder finds the first of many texts. It looks at two bytes, which say how far
// the next place is at which a text may begin (Wu and Manber, "A fast algorithm for
// multi-pattern searching", 1994): of most lines it looks at one byte in four.
type finder struct {
	window int                 // how long the shortest text is
	shifts [pairs]uint8        // by the pair of bytes at the end of the window
	texts  map[uint16][]string // by the pair at which they end in the window
}

// pairs is how many pairs of bytes are told apart.
const pairs = 1 << 12

// pair numbers two bytes. What share a number are looked at more often.
func pair(a, b byte) uint16 { return (uint16(a)<<5 ^ uint16(b)) % pairs }

func newFinder(texts ...string) *finder {
	f := &finder{window: len(slices.MinFunc(texts, func(a, b string) int { return len(a) - len(b) })), texts: map[uint16][]string{}}
	for i := range f.shifts {
		f.shifts[i] = uint8(f.window - 1)
	}
	for _, t := range texts {
		for end := 2; end <= f.window; end++ {
			p := pair(t[end-2], t[end-1])
			f.shifts[p] = min(f.shifts[p], uint8(f.window-end))
		}
		last := pair(t[f.window-2], t[f.window-1])
		f.texts[last] = append(f.texts[last], t)
	}
	return f
}

// find returns where the first text is in a line; -1 if there is none.
func (f *finder) find(line string) int {
	for end := f.window; end <= len(line); {
		p := pair(line[end-2], line[end-1])
		if shift := int(f.shifts[p]); shift > 0 {
			end += shift
			continue
		}
		at := end - f.window
		if slices.ContainsFunc(f.texts[p], func(t string) bool { return strings.HasPrefix(line[at:], t) }) {
			return at
		}
		end++
	}
	return -1
}
