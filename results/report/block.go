package report

import (
	"strings"
	"unicode/utf8"
)

// A point's block is YAML, in which each value is a JSON string, or a list of
// them that are to be put together as they are:
//
//	  ---
//	  level: "must"
//	  found:
//	    - "a long text, "
//	    - "in pieces"
//	  ...

// An entry of a block: its key, and where a point has its value.
type entry struct {
	key   string
	value *string
}

// entries are those of the point's block, in their order.
func (p *Point) entries() [8]entry {
	return [...]entry{
		{"level", (*string)(&p.Level)},
		{"clause", &p.Clause},
		{"kind", &p.Kind},
		{"follows", &p.Follows},
		{"problem", &p.Problem},
		{"found", &p.Found},
		{"fix", &p.Fix},
		{"boot", &p.Boot},
	}
}

// block returns the point's block. A skip has none if nothing is known of it but
// that no text asks it: consoles are slow.
func (p *Point) block() []string {
	lines := []string{"  ---"}
	for _, e := range p.entries() {
		if *e.value != "" {
			lines = append(lines, diagnostic(e.key, *e.value)...)
		}
	}
	if len(lines) == 1 || len(lines) == 2 && p.Verdict == Skip && p.Level == Info {
		return nil
	}
	return append(lines, "  ...")
}

// wrap is the width, in bytes, at which a value is continued in the next line:
// reports are read on terminals of 80 columns.
const wrap = 78

// diagnostic writes one entry of a block.
func diagnostic(key, value string) []string {
	if line := "  " + key + ": " + quote(value); len(line) <= wrap {
		return []string{line}
	}
	lines := []string{"  " + key + ":"}
	for len(value) > 0 {
		n := readable(value, pieceLen(value, wrap-len("    - ")))
		lines = append(lines, "    - "+shield(quote(value[:n])))
		value = value[n:]
	}
	return lines
}

// pieceLen returns how many bytes of value fit into width when quoted, up to
// the last space if there is one.
func pieceLen(value string, width int) int {
	width -= len(`""`)
	end, space := 0, 0
	for i := 0; i < len(value); i = end {
		c, size := utf8.DecodeRuneInString(value[i:])
		if width -= quotedLen(value[i : i+size]); width < 0 {
			break
		}
		if end = i + size; c == ' ' {
			space = end
		}
	}
	if end < len(value) && space > 0 {
		return space
	}
	return max(end, 1)
}

// quotedLen is how many bytes a character takes at most when it is quoted; what
// stands before a "#" decides how it is written.
func quotedLen(c string) int {
	if c == "#" {
		c = "##"
	}
	return len(quote(c)) - len(`""`)
}

// keyed finds a colon that makes prove's YAML reader take a list's item for a key
// and a value, even between quotes: the one behind the first word, if a space or
// the end follows it. It returns -1 if there is none.
func keyed(quoted string) int {
	word, rest, more := strings.Cut(quoted[1:], " ")
	behind := strings.TrimLeft(rest, " ")
	switch {
	case more && strings.HasSuffix(word, ":"):
		return len(word)
	case !more && strings.HasSuffix(word, `:"`):
		return len(word) - 1
	case more && (strings.HasPrefix(behind, ": ") || behind == `:"`):
		return len(quoted) - len(behind)
	}
	return -1
}

// shield escapes such colons.
func shield(quoted string) string {
	for {
		colon := keyed(quoted)
		if colon < 0 {
			return quoted
		}
		quoted = quoted[:colon] + `\u003a` + quoted[colon+1:]
	}
}

// readable moves a break one word back if the text behind it would need an escaped
// colon: people read reports, too.
func readable(value string, n int) int {
	if n == len(value) || keyed(`"`+value[n:]) < 0 {
		return n
	}
	if word := strings.LastIndexByte(strings.TrimRight(value[:n], " "), ' ') + 1; word > 0 {
		return word
	}
	return n
}

// isBlock tells whether a line is one of a block: a mark of its begin or end, a
// key with or without a value, or a piece of one.
func isBlock(line string) bool {
	text, indented := strings.CutPrefix(line, "  ")
	if !indented || text == "---" || text == "..." {
		return indented
	}
	if piece, ok := strings.CutPrefix(text, "  - "); ok {
		return isQuoted(piece)
	}
	key, value, ok := strings.Cut(text, ":")
	return ok && key != "" && all(key, isKeyByte) &&
		(value == "" || value[0] == ' ' && isQuoted(value[1:]))
}

func isKeyByte(c byte) bool { return c >= 'a' && c <= 'z' }

// parseEntry reads a line of the point's block. A piece belongs to the key of
// the line before it; parseEntry returns that for the next line.
func (p *Point) parseEntry(line, key string) string {
	text := strings.TrimSpace(line)
	piece, listed := strings.CutPrefix(text, "- ")
	if !listed {
		key, piece, _ = strings.Cut(text, ":")
	}
	for _, e := range p.entries() {
		if e.key != key {
			continue
		}
		if value, ok := unquote(strings.TrimSpace(piece)); ok {
			*e.value += value
		}
	}
	return key
}
