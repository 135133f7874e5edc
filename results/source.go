package results

import (
	"strings"
)

// A source is who wrote lines: a shape, and the values in it that stayed the
// same. The zero source is that of lines without a prefix.
type source struct {
	*shape
	values []string
	varied uint32 // a bit for each value that did not stay the same
	fell   bool   // a number that may name a source went down: it is no time
}

// latest are the values of the last line.
type latest [maxValues]string

// vary takes the values of one more line.
func (s *source) vary(values []string, last *latest) {
	for i, c := range s.classes {
		if c == clock {
			continue
		}
		if s.values[i] != values[i] {
			s.varied |= 1 << i
		}
		if last[i] != values[i] {
			s.fell = s.fell || less(values[i], last[i])
			last[i] = strings.Clone(values[i])
		}
	}
}

// less orders numbers.
func less(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return len(a) < len(b) || len(a) == len(b) && a < b
}

// stays tells whether the value i names the source.
func (s source) stays(i int) bool { return s.classes[i] != clock && s.varied>>i&1 == 0 }

// writes tells whether a line may be the source's.
func (s source) writes(line string) (prefixed, same bool) {
	if s.shape == nil {
		return false, true
	}
	n, values := s.match(line, make([]string, 0, maxValues))
	if n < 0 {
		return false, false
	}
	for i := range s.classes {
		if s.stays(i) && values[i] != s.values[i] {
			return true, false
		}
	}
	return true, true
}

// String is the prefix without its time.
func (s source) String() string {
	if s.shape == nil {
		return ""
	}
	var out strings.Builder
	i := 0
	for _, p := range s.parts {
		if p.text != "" {
			if !p.quiet {
				out.WriteString(p.text)
			}
			continue
		}
		if p.space {
			out.WriteByte(' ')
		}
		if s.stays(i) {
			out.WriteString(s.values[i])
		}
		i++
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	if strings.IndexFunc(text, func(c rune) bool { return c > '~' || isLetter(byte(c)) || isDigit(byte(c)) }) < 0 {
		return "" // nothing but a time
	}
	return text
}
