package suite

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxLine is the longest line of a report, in bytes without its end.
const MaxLine = 120

// wrap is where a diagnostic's value goes on to the next line: a report is
// read on terminals of 80 columns.
const wrap = 78

// Lines returns the report in TAP 13, a line each, without line ends:
//
//	TAP version 13
//	1..17
//	# vmspec VERSION catalogue=HASH profile=PROFILE arch=ARCH nonce=NONCE
//	ok 1 - FW-UEFI-BOOT The VM boots through UEFI firmware
//	  ---
//	  level: "must"
//	  ...
//	# vmspec: verdict conformant: 0 of 14 musts judged failed; 0 not judged
//	# vmspec: end points=17 sha256=HASH nonce=NONCE
//
// Each point is followed by its diagnostics, a YAML block of JSON strings; a
// long string is a list of pieces to be put together as they are. A point that
// is only told and was skipped has none. The hash is
// over all lines before the last, each with a line feed. No line is longer
// than MaxLine.
func (r Report) Lines() []string {
	nonce := r.Settings.nonce()
	arch := r.Arch
	if arch == "" {
		arch = "-"
	}
	lines := []string{
		"TAP version 13",
		fmt.Sprintf("1..%d", len(r.Results)),
		fmt.Sprintf("# vmspec %s catalogue=%s profile=%s arch=%s nonce=%s", Version, CatalogueHash(), r.Settings.Profile, arch, nonce),
	}
	for _, p := range r.Settings.Problems {
		lines = append(lines, cut("# vmspec: parameter "+plain(p), MaxLine))
	}
	for i, res := range r.Results {
		lines = append(lines, res.lines(i+1, r.Settings.Profile)...)
	}
	conformance, musts := r.Conclude()
	lines = append(lines, fmt.Sprintf("# vmspec: verdict %s: %s", conformance, musts))
	hash := sha256.Sum256([]byte(strings.Join(lines, "\n") + "\n"))
	return append(lines, fmt.Sprintf("# vmspec: end points=%d sha256=%s nonce=%s", len(r.Results), hex.EncodeToString(hash[:]), nonce))
}

// nonce tells the report from an older one; a dash where nobody gave one.
func (s Settings) nonce() string { return cmp.Or(s.Nonce, "-") }

// Wire returns all that a guest writes to a console: the report, then its
// frames as often as the settings say.
func (r Report) Wire() []string {
	lines := r.Lines()
	if r.Settings.Frames == 0 {
		return lines
	}
	frames := r.frames(lines)
	for range r.Settings.Frames {
		lines = append(lines, frames...)
	}
	return lines
}

// lines are a point and its block. One that no profile asks, and that was not
// tried, has no block: a console's bytes are dear.
func (r Result) lines(n int, profile Profile) []string {
	if r.Verdict == Skip && r.Clauses == toldEverywhere() {
		return []string{r.point(n)}
	}
	lines := []string{r.point(n), "  ---"}
	for _, d := range []struct{ key, value string }{
		{"level", string(r.Clause.Level)},
		{"clause", r.clause(profile)},
		{"kind", string(r.Kind)},
		{"problem", r.problem()},
		{"found", strings.Join(r.Found, "; ")},
		{"fix", r.fix()},
	} {
		if d.value != "" {
			lines = append(lines, diagnostic(d.key, d.value)...)
		}
	}
	return append(lines, "  ...")
}

// clause names the clause with its profile; empty if the profile asks nothing.
func (r Result) clause(profile Profile) string {
	if r.Clause == (Clause{}) || r.Clause.String() == "" {
		return ""
	}
	return fmt.Sprintf("%s %s", profile, r.Clause)
}

// problem is told but for a skip, whose reason stands on the point's own line.
func (r Result) problem() string {
	if r.Verdict == Skip {
		return ""
	}
	return r.Problem
}

// fix is told only to those who have something to mend.
func (r Result) fix() string {
	if r.Verdict != Fail {
		return ""
	}
	return r.Fix
}

// point is the result's own line. One that is too long loses title, never
// ID or directive.
func (r Result) point(n int) string {
	word, directive := "ok", ""
	switch {
	case r.Verdict == Skip:
		directive = " # SKIP " + plain(r.Problem)
	case r.Verdict == Error:
		word, directive = "not ok", " # ERROR "+plain(r.Problem)
	case r.Missed():
		word, directive = "not ok", " # TODO "+string(r.Clause.Level)
	case r.Verdict == Fail:
		word = "not ok"
	}
	start := fmt.Sprintf("%s %d - %s", word, n, r.ID)
	directive = cut(directive, MaxLine-len(start))
	return start + cut(" "+r.Title, MaxLine-len(start)-len(directive)) + directive
}

// plain makes text fit for a directive: one line of printable ASCII, without
// the characters that mean something there.
func plain(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '#' || c == '\\':
			return '_'
		case c < ' ', c > '~':
			return '?'
		}
		return c
	}, text)
}

// cut shortens ASCII text to n bytes, at a space where there is one late enough.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	n = max(n, 0)
	if space := strings.LastIndexByte(text[:n], ' '); space > n/2 {
		n = space
	}
	return strings.TrimRight(text[:n], " ")
}

// diagnostic writes one entry of a point's YAML block.
func diagnostic(key, value string) []string {
	if line := fmt.Sprintf("  %s: %s", key, quote(value)); len(line) <= wrap {
		return []string{line}
	}
	lines := []string{fmt.Sprintf("  %s:", key)}
	for len(value) > 0 {
		n := readable(value, pieceLen(value, wrap-len("    - ")))
		lines = append(lines, "    - "+shield(quote(value[:n])))
		value = value[n:]
	}
	return lines
}

// keyed finds the colon by which prove's YAML reader takes a list's item for a
// key and its value, quotes or not: behind a first word, with a space or the
// end behind it. It is -1 if there is none.
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

// readable moves a break one word back where what follows would have to be
// shielded: an escape is for programs, and people read this too.
func readable(value string, n int) int {
	if n == len(value) || keyed(`"`+value[n:]) < 0 {
		return n
	}
	if word := strings.LastIndexByte(strings.TrimRight(value[:n], " "), ' ') + 1; word > 0 {
		return word
	}
	return n
}

// pieceLen returns how many bytes of value fit into width when quoted, up to
// the last space if there is one.
func pieceLen(value string, width int) int {
	width -= len(`""`)
	end, space := 0, 0
	for i := 0; i < len(value); i = end {
		c, size := utf8.DecodeRuneInString(value[i:])
		if width -= len(quote(value[i:i+size])) - len(`""`); width < 0 {
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

// quote writes text as a JSON string of ASCII alone (RFC 8259, section 7). Bytes
// that are not UTF-8 become U+FFFD. It is written by hand: encoding/json would
// add 0.1 MB to the guest, and time to each of its boots.
func quote(text string) string {
	var out strings.Builder
	out.Grow(len(text) + len(`""`))
	out.WriteByte('"')
	for _, c := range text {
		short := strings.IndexRune("\b\f\n\r\t", c)
		switch {
		case c == '"' || c == '\\':
			out.WriteString(`\` + string(c))
		case c >= ' ' && c <= '~':
			out.WriteByte(byte(c))
		case short >= 0:
			out.WriteString(`\` + "bfnrt"[short:short+1])
		case c > 0xffff:
			c -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
	}
	out.WriteByte('"')
	return out.String()
}
