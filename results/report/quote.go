package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON strings (RFC 8259, section 7) are written and read by hand: encoding/json
// would add 0.1 MB to the guest, and time to each of its boots.

// shorts are the characters with an escape of one letter, and these letters.
const (
	shorts  = "\b\f\n\r\t"
	letters = "bfnrt"
)

// quote writes text as a JSON string of ASCII alone. Bytes that are not UTF-8
// become U+FFFD. Of "##", by which commands to a CI begin wherever they stand, the
// second is escaped.
func quote(text string) string {
	var out strings.Builder
	out.Grow(len(text) + len(`""`))
	out.WriteByte('"')
	last := rune(0)
	for _, c := range text {
		short := strings.IndexRune(shorts, c)
		switch {
		case c == '"' || c == '\\':
			out.WriteString(`\` + string(c))
		case c == '#' && last == '#':
			out.WriteString(`\u0023`)
		case c >= ' ' && c <= '~':
			out.WriteByte(byte(c))
		case short >= 0:
			out.WriteString(`\` + letters[short:short+1])
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
		last = c
	}
	out.WriteByte('"')
	return out.String()
}

func isQuoted(text string) bool {
	return len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"'
}

// unquote reads a JSON string. What is not UTF-8, and half a surrogate pair,
// become U+FFFD.
func unquote(quoted string) (text string, ok bool) {
	if !isQuoted(quoted) {
		return "", false
	}
	rest := quoted[1 : len(quoted)-1]
	if strings.IndexFunc(rest, isSpecial) < 0 {
		return rest, true
	}
	var out strings.Builder
	for rest != "" {
		c, size := utf8.DecodeRuneInString(rest)
		switch {
		case c < ' ' || c == '"':
			return "", false
		case c == '\\':
			if c, size = unescape(rest); size == 0 {
				return "", false
			}
		}
		out.WriteRune(c)
		rest = rest[size:]
	}
	return out.String(), true
}

// isSpecial tells whether a character may mean something else than itself.
func isSpecial(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }

// unescape reads the escape by which text begins; its size is 0 if it is none.
func unescape(text string) (c rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	if letter := strings.IndexByte(letters, text[1]); letter >= 0 {
		return rune(shorts[letter]), 2
	}
	switch text[1] {
	case '"', '\\', '/':
		return rune(text[1]), 2
	}
	c, ok := unescapeHex(text)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(c):
		return c, 6
	}
	if low, ok := unescapeHex(text[6:]); ok {
		if pair := utf16.DecodeRune(c, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// unescapeHex reads an escape such as \u00e4.
func unescapeHex(text string) (c rune, ok bool) {
	if len(text) < 6 || text[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(n), err == nil
}
