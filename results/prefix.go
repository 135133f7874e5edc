package results

import (
	"slices"
	"strings"
)

// A shape describes the prefix that a tool writes before each line of a console:
// texts that stay the same, and values between them. It is learnt from a line whose
// own text is known, such as the first of a report.
//
// One line does not show which values are time and which name the source. So lines
// are read at several levels at once, and the hash of a report says which was right.
type shape struct {
	parts   []part
	width   int          // of the prefix that it was learnt from, in bytes
	classes []class      // of its values
	texts   string       // all its texts
	differs [levels]bool // whether a level keeps other values than the one before it
}

// A part is a text, or a value if that is empty.
type part struct {
	text  string
	class class
	form  form
	seps  string // between the digits of a number
	space bool   // blanks stood before it
	quiet bool   // a text that belongs to a time
}

// A class is what a value may be, by its form alone.
type class int8

const (
	clock class = iota // a time or a date: it names no source
	count              // a number that stands alone: it may count lines or seconds
	name               // a number within a name, such as vm1 or qemu[812]
)

// A form is how a value is written.
type form int8

const (
	digits form = iota
	timed       // digits with units, such as 1m2.5s
	word        // of a date, such as Nov
	hex
)

// A level says which values tell two sources apart.
type level int8

const (
	strict level = iota // all but times
	loose               // those within names
	looser              // none
	levels
)

// keeps tells whether a value of a class tells two sources apart.
func (l level) keeps(c class) bool { return c == name && l < looser || c == count && l < loose }

const (
	maxPrefix = 256 // bytes; a longer text before a line is no prefix
	maxValues = 16
)

// learn returns the shape of a prefix; nil for one that would not come again.
func learn(prefix string) *shape {
	if len(prefix) > maxPrefix {
		return nil
	}
	s := &shape{width: len(prefix)}
	text, values := 0, 0
	for i := 0; i < len(prefix); {
		v, n := value(prefix, i)
		if n == 0 {
			i++
			continue
		}
		if values++; values > maxValues {
			return nil
		}
		before := strings.TrimRight(prefix[text:i], " ")
		v.space = len(before) < i-text
		s.add(before)
		s.parts = append(s.parts, v)
		i += n
		text = i
		if n := zone(prefix[i:]); n > 0 && v.class == clock && strings.Contains(v.seps, ":") {
			s.parts = append(s.parts, part{text: prefix[i : i+n], quiet: true})
			i += n
			text = i
		}
	}
	s.add(prefix[text:])
	s.date()
	s.summarize()
	return s
}

// summarize takes from the parts what is asked of every line.
func (s *shape) summarize() {
	for _, p := range s.parts {
		if p.text == "" {
			s.classes = append(s.classes, p.class)
		}
		s.texts += p.text + "\x00"
	}
	for l := range levels {
		s.differs[l] = l == strict || slices.ContainsFunc(s.classes, func(c class) bool { return (l - 1).keeps(c) && !l.keeps(c) })
	}
}

// zone measures the time zone at the beginning of text.
func zone(text string) int {
	switch {
	case strings.HasPrefix(text, "Z"):
		return 1
	case text == "" || text[0] != '+' && text[0] != '-':
		return 0
	case run(text[1:], isDigit) == 4:
		return 5
	case run(text[1:], isDigit) == 2 && len(text) >= 6 && text[3] == ':' && run(text[4:], isDigit) == 2:
		return 6
	}
	return 0
}

// date finds the parts of a date that only their neighbours show: a day beside a
// month, and the T before a time.
func (s *shape) date() {
	for i := range s.parts {
		p := &s.parts[i]
		switch {
		case p.text == "T" && i > 0 && s.parts[i-1].class == clock:
			p.quiet = true
		case p.form == word && p.text == "":
			s.day(i-1, -1)
			s.day(i+1, +1)
		}
	}
}

// day takes a number for a day of the month.
func (s *shape) day(i, step int) {
	if i >= 0 && i < len(s.parts) && (s.parts[i].text == "/" || s.parts[i].text == "-") {
		i += step
	}
	if i >= 0 && i < len(s.parts) && s.parts[i].text == "" && s.parts[i].class == count {
		s.parts[i].class = clock
	}
}

func (s *shape) add(text string) {
	if text != "" {
		s.parts = append(s.parts, part{text: text})
	}
}

// value returns the value that begins at a byte of a prefix, and how long it is;
// zero if there is none.
func value(prefix string, at int) (v part, n int) {
	text := prefix[at:]
	if n = run(text, isHexDigit); n >= minHex && !alnumBefore(prefix, at) && !alnumAt(text, n) && run(text, isDigit) < n && strings.ContainsAny(text[:n], "0123456789") {
		return part{class: name, form: hex}, n
	}
	if n = run(text, isLetter); n > 0 {
		if !alnumBefore(prefix, at) && isDateWord(text[:n]) {
			return part{class: clock, form: word}, n
		}
		return part{}, 0
	}
	if v.seps, n = numeral(text); n == 0 {
		return part{}, 0
	}
	if more := withUnits(text); more > n {
		v.form, n = timed, more
	}
	v.class = v.classify(text[:n], glued(prefix, at))
	return v, n
}

// minHex is how long a number must be to be taken for a hexadecimal one: a TAI64
// label, a container's ID.
const minHex = 8

// isDateWord tells whether a word is one of a date.
func isDateWord(text string) bool {
	switch text {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
		"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "AM", "PM", "am", "pm":
		return true
	}
	return false
}

// numeral measures digits with separators between, those of a time or a date.
func numeral(text string) (seps string, n int) {
	n = run(text, isDigit)
	if n == 4 && len(text) >= 10 && (text[4] == '-' || text[4] == '/') && text[7] == text[4] &&
		run(text[5:], isDigit) == 2 && run(text[8:], isDigit) == 2 {
		return text[4:5] + text[4:5], 10
	}
	for n > 0 && n+1 < len(text) && isSeparator(text[n]) && isDigit(text[n+1]) {
		seps += text[n : n+1]
		n += 1 + run(text[n+1:], isDigit)
	}
	return seps, n
}

// units are those of a duration.
var units = strings.Fields("d h m s ms us ns min")

// withUnits measures a duration such as 1m2.5s; zero if it is none.
func withUnits(text string) (n int) {
	for {
		_, length := numeral(text[n:])
		unit := run(text[n+length:], isLetter)
		if length == 0 || !slices.Contains(units, text[n+length:n+length+unit]) {
			return 0
		}
		if n += length + unit; n == len(text) || !isDigit(text[n]) {
			return n
		}
	}
}

// glued tells whether the text at a byte continues a name.
func glued(prefix string, at int) bool {
	if at == 0 {
		return false
	}
	switch c := prefix[at-1]; {
	case c == 'T' || c == 't': // of a date and a time
		return !(at > 1 && isDigit(prefix[at-2]))
	case isLetter(c), c == '_':
		return true
	case c == '/' && at > 3 && isDateWord(prefix[at-4:at-1]):
		return false
	default:
		return strings.IndexByte("-/.[@(", c) >= 0 && alnumBefore(prefix, at-1)
	}
}

// epoch is how many digits the seconds since 1970 have.
const epoch = 10

func (v part) classify(text string, glued bool) class {
	colons := strings.Count(v.seps, ":")
	rest := strings.TrimLeft(v.seps, ":")
	switch {
	case glued:
		return name
	case v.form == timed, v.seps == "--", v.seps == "//":
		return clock
	case v.seps == "" && len(text) >= epoch:
		return clock
	case v.seps != "" && colons <= 3 && len(rest) <= 1: // 06:50, 06:50:01.123, 12.345678
		return clock
	}
	return count
}

// match finds a prefix of the shape in a line. It returns the prefix's length, -1
// for none, and its values, in the given slice if they fit.
func (s *shape) match(line string, room []string) (n int, values []string) {
	values = room[:0]
	for i, p := range s.parts {
		if p.text != "" {
			if i == len(s.parts)-1 && i > 0 && strings.Trim(p.text, " ") == "" {
				return s.gap(line, n, p.text), values
			}
			text := p.text
			if i > 0 && strings.HasPrefix(text, "  ") { // the value fills a column
				text = strings.TrimLeft(text, " ")
				n += run(line[n:], isBlank)
			}
			if !strings.HasPrefix(line[n:], text) {
				return -1, values
			}
			n += len(text)
			continue
		}
		n += run(line[n:], isBlank)
		next := ""
		if i+1 < len(s.parts) {
			next = s.parts[i+1].text
		}
		length := p.take(line[n:], next)
		if length <= 0 {
			return -1, values
		}
		values = append(values, line[n:n+length])
		n += length
	}
	return n, values
}

// gap takes the blanks behind the last value, which may fill a column.
func (s *shape) gap(line string, n int, blanks string) int {
	end := n + len(blanks)
	if len(blanks) > 1 {
		end = max(s.width, n+1)
	}
	if end > len(line) || strings.Trim(line[n:end], " ") != "" {
		return -1
	}
	return end
}

// take measures the value at the beginning of text, given what follows it.
func (v part) take(text, next string) int {
	n := 0
	switch v.form {
	case word:
		if n = run(text, isLetter); !isDateWord(text[:n]) {
			return -1
		}
		return n
	case hex:
		return run(text, isHexDigit)
	case digits:
		n = run(text, isDigit)
		for i := 0; i < len(v.seps) && n > 0 && n+1 < len(text) && text[n] == v.seps[i] && isDigit(text[n+1]); i++ {
			n += 1 + run(text[n+1:], isDigit)
		}
		if n == 0 || follows(text[n:], next) {
			return n
		}
	}
	// Another form, such as 1.02s behind 999ms.
	if text == "" || !isDigit(text[0]) {
		return -1
	}
	for n = min(run(text, isTimeByte), maxPrefix); n > 0 && !follows(text[n:], next); n-- {
	}
	return n
}

// follows tells whether a text may begin with the part that follows a value.
func follows(text, next string) bool {
	return strings.HasPrefix(text, next) || next != "" && next[0] == ' ' && strings.HasPrefix(text, " ")
}

// key appends to a buffer what identifies a source at a level.
func (s *shape) key(buffer []byte, l level, values []string) []byte {
	buffer = append(append(buffer, byte(l)), s.texts...)
	for i, c := range s.classes {
		if l.keeps(c) {
			buffer = append(append(buffer, values[i]...), 0)
		}
	}
	return buffer
}

// run counts the bytes of a kind at the beginning of text.
func run(text string, is func(byte) bool) int {
	n := 0
	for n < len(text) && is(text[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool     { return c >= '0' && c <= '9' }
func isBlank(c byte) bool     { return c == ' ' }
func isLetter(c byte) bool    { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isAlnum(c byte) bool     { return isDigit(c) || isLetter(c) }
func isHexDigit(c byte) bool  { return isDigit(c) || c >= 'a' && c <= 'f' }
func isSeparator(c byte) bool { return c == ':' || c == '.' || c == ',' }
func isTimeByte(c byte) bool {
	return isDigit(c) || isSeparator(c) || strings.IndexByte("dhmsuni", c) >= 0
}

func alnumBefore(text string, at int) bool { return at > 0 && isAlnum(text[at-1]) }
func alnumAt(text string, at int) bool     { return at < len(text) && isAlnum(text[at]) }
