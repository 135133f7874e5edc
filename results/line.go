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
	i := 0
	for i < len(line) {
		if i+8 <= len(line) && !mayControl(line[i:i+8]) {
			i += 8
			continue
		}
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return i
		}
		i++
	}
	return i
}

// mayControl tells whether one of eight bytes may be a control character: it is below
// a blank, or 0x7f or above.
func mayControl(s string) bool {
	const ones = 0x0101010101010101
	_ = s[7]
	word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return ((word-' '*ones)|(word+ones))&(0x80*ones) != 0
}

// escape measures the escape sequence by which text begins; zero if there is
// none, or only a part of one.
func escape(text string) int {
	if len(text) < 2 || text[0] != 0x1b {
		return 0
	}
	switch text[1] {
	case '[':
		n := 2 + span(text[2:], '0', '?')
		n += span(text[n:], ' ', '/')
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
	n := 1 + span(text[1:], ' ', '/')
	if n < len(text) && (text[n] == '[' || text[n] == ']') {
		return 0
	}
	return final(text, n, '0', '~')
}

// final measures a sequence that ends in a byte of a range.
func final(text string, n int, from, to byte) int {
	if n < len(text) && text[n] >= from && text[n] <= to {
		return n + 1
	}
	return 0
}

// span counts the bytes of a range by which text begins.
func span(text string, from, to byte) int {
	n := 0
	for n < len(text) && text[n] >= from && text[n] <= to {
		n++
	}
	return n
}
