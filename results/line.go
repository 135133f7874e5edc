package results

import "strings"

// clean takes out what a terminal would not show: escape sequences (ECMA-48,
// section 5.4), by which firmware draws its screens, and control characters.
// A tab stays.
func clean(line string) string {
	at := firstControl(line)
	if at == len(line) {
		return line
	}
	var out strings.Builder
	out.Grow(len(line))
	for {
		out.WriteString(line[:at])
		if line = line[at:]; line == "" {
			return out.String()
		}
		line = line[max(escape(line), 1):]
		at = firstControl(line)
	}
}

// firstControl returns where the first control character is, or the line's end.
func firstControl(line string) int {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return i
		}
	}
	return len(line)
}

// escape measures the escape sequence by which text begins; zero if there is
// none, or only a part of one.
func escape(text string) int {
	if len(text) < 2 || text[0] != 0x1b {
		return 0
	}
	switch text[1] {
	case '[':
		n := 2 + run(text[2:], in('0', '?'))
		n += run(text[n:], in(' ', '/'))
		return final(text, n, '@', '~')
	case ']': // a title, up to BEL or ESC \
		n := 2 + run(text[2:], func(c byte) bool { return c != 0x07 && c != 0x1b })
		switch {
		case strings.HasPrefix(text[n:], "\x07"):
			n++
		case strings.HasPrefix(text[n:], "\x1b\\"):
			n += 2
		}
		return n
	}
	n := 1 + run(text[1:], in(' ', '/'))
	if n < len(text) && (text[n] == '[' || text[n] == ']') {
		return 0
	}
	return final(text, n, '0', '~')
}

// final measures a sequence that ends in a byte of a range.
func final(text string, n int, from, to byte) int {
	if n < len(text) && in(from, to)(text[n]) {
		return n + 1
	}
	return 0
}

func in(from, to byte) func(byte) bool { return func(c byte) bool { return c >= from && c <= to } }
