package results

import (
	"bytes"
	"slices"
	"strconv"
)

// A token is a value as it is written: without its quotes, or a list with its
// brackets.
type token struct {
	b     []byte
	quote byte // '"', '\'', '[' of a list, '{' of an object, 0 of a plain value
}

// isText tells whether a value may be a console's.
func (t token) isText() bool {
	return t.quote == '"' || t.quote == '\'' || t.quote == 0 && !slices.Contains([]string{"null", "true", "false", "~"}, string(t.b)) || t.quote == '['
}

// append appends what the value means.
func (t token) append(out []byte) []byte {
	switch t.quote {
	case '"':
		return unquoted(out, t.b)
	case '\'':
		return append(out, bytes.ReplaceAll(t.b, []byte("''"), []byte("'"))...)
	case '[': // bytes, which journald writes of a line that is not printable
		return appendBytes(out, bytes.Trim(t.b, "[]"))
	}
	return append(out, t.b...)
}

// appendBytes appends the bytes of a list of numbers, up to one that is none.
func appendBytes(out, list []byte) []byte {
	for s := (scan{b: list}); ; s.i++ {
		s.blanks()
		n, start := 0, s.i
		for s.i < len(list) && isDigit(list[s.i]) && n <= 255 {
			n = 10*n + int(list[s.i]-'0')
			s.i++
		}
		none := s.i == start || n > 255
		s.blanks()
		if none || s.i < len(list) && list[s.i] != ',' {
			return out
		}
		out = append(out, byte(n))
		if s.i == len(list) {
			return out
		}
	}
}

// escapesOf are those of one letter, in JSON and in YAML (1.2.2, section 5.7).
var escapesOf = [256]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r", 'e': "\x1b",
	'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

// hexEscapes are how many digits follow.
var hexEscapes = [256]int{'x': 2, 'u': 4, 'U': 8}

// unquoted appends what a text in double quotes means.
func unquoted(out, text []byte) []byte {
	for {
		n := bytes.IndexByte(text, '\\')
		if n < 0 || n+1 == len(text) {
			return append(out, text...)
		}
		out = append(out, text[:n]...)
		c := text[n+1]
		text = text[n+2:]
		short, digits := escapesOf[c], hexEscapes[c]
		switch {
		case short != "":
			out = append(out, short...)
		case digits > 0:
			code, err := strconv.ParseUint(string(text[:min(digits, len(text))]), 16, 32)
			if err != nil || len(text) < digits {
				return append(out, text...)
			}
			out = append(out, string(rune(code))...) // a console's byte is below 128, but for U+FFFD
			text = text[digits:]
		default:
			out = append(out, c)
		}
	}
}

// A scan reads JSON, and of YAML what fits in one line.
type scan struct {
	b []byte
	i int
}

// maxDepth bounds how deep objects lie in each other.
const maxDepth = 8

func (s *scan) blanks() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t') {
		s.i++
	}
}

// skip takes a byte, with blanks around it.
func (s *scan) skip(c byte) bool {
	s.blanks()
	if s.i == len(s.b) || s.b[s.i] != c {
		return false
	}
	s.i++
	s.blanks()
	return true
}

// object reads an object and calls each with its keys and values, and with those
// of the objects in it.
func (s *scan) object(depth int, each func(key, value token)) bool {
	if depth == maxDepth || !s.skip('{') {
		return false
	}
	if s.skip('}') {
		return true
	}
	for {
		key, ok := s.value(depth, nil)
		if !ok || !s.skip(':') {
			return false
		}
		value, ok := s.value(depth, each)
		if !ok {
			return false
		}
		if each != nil {
			each(key, value)
		}
		if s.skip('}') {
			return true
		}
		if !s.skip(',') {
			return false
		}
	}
}

// value reads a value.
func (s *scan) value(depth int, each func(key, value token)) (token, bool) {
	s.blanks()
	if s.i == len(s.b) {
		return token{}, false
	}
	start := s.i
	switch c := s.b[s.i]; c {
	case '"', '\'':
		s.i++
		return token{s.b[start+1:], c}.upTo(s)
	case '{':
		ok := s.object(depth+1, each)
		return token{s.b[start:s.i], '{'}, ok
	case '[':
		return s.list(depth)
	}
	for s.i < len(s.b) && !endsPlain(s.b[s.i]) {
		s.i++
	}
	return token{b: bytes.TrimRight(s.b[start:s.i], " \t")}, s.i > start
}

// endsPlain tells whether a byte stands behind a value without quotes.
func endsPlain(c byte) bool { return c == ',' || c == ']' || c == '}' || c == ':' }

// list reads a list.
func (s *scan) list(depth int) (token, bool) {
	start := s.i
	if depth == maxDepth || !s.skip('[') {
		return token{}, false
	}
	for !s.skip(']') {
		s.numbers()
		if _, ok := s.value(depth+1, nil); !ok {
			return token{}, false
		}
		s.skip(',')
	}
	return token{s.b[start:s.i], '['}, true
}

// numbers takes the numbers of a list that have another one behind a comma: those of
// a console's bytes are most of a log.
func (s *scan) numbers() {
	for i := s.i; ; {
		start := i
		for i < len(s.b) && isDigit(s.b[i]) {
			i++
		}
		if i == start || i+1 >= len(s.b) || s.b[i] != ',' || !isDigit(s.b[i+1]) {
			return
		}
		i++
		s.i = i
	}
}

// upTo ends a text at its quote.
func (t token) upTo(s *scan) (token, bool) {
	for n := 0; ; n++ {
		at := bytes.IndexByte(t.b[n:], t.quote)
		if at < 0 {
			return t, false
		}
		n += at
		if t.quote == '\'' && n+1 < len(t.b) && t.b[n+1] == '\'' {
			n++
			continue
		}
		if t.quote == '"' && escaped(t.b[:n]) {
			continue
		}
		s.i += n + 1
		return token{t.b[:n], t.quote}, true
	}
}

// escaped tells whether a text ends in a backslash that escapes what follows.
func escaped(text []byte) bool {
	n := len(text)
	for n > 0 && text[n-1] == '\\' {
		n--
	}
	return (len(text)-n)%2 == 1
}
