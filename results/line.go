package results

import (
	"regexp"
	"strings"
)

// clean takes out what a terminal would not show: escape sequences (ECMA-48,
// section 5.4), by which firmware draws its screens, and control characters.
// A tab stays.
func clean(line string) string {
	if strings.IndexFunc(line, control) < 0 {
		return line
	}
	return strings.Map(func(c rune) rune {
		if control(c) {
			return -1
		}
		return c
	}, escapes.ReplaceAllString(line, ""))
}

func control(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }

var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])`)

// prefixes are what others write before each line of a console: Xen before a
// domain's, the kernel, ts and LAVA the time, syslog the time, host and
// program as well.
var prefixes = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`\(XEN\) `,
	`\(d\d+\) `,
	`DOM\d+: `,
	`<\d+>`,
	`\[ *\d+\.\d+\] `,
	`\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]? `,
	`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:[\w.-]+ [\w./-]+(?:\[\d+\])?: )?`,
}, `|`) + `)+`)

// split takes such a prefix off a line.
func split(line string) (prefix, text string) {
	n := len(prefixes.FindString(line))
	return line[:n], line[n:]
}

// source names who wrote behind a prefix: the same from line to line, while
// the time goes on. A Xen domain's number stays.
func source(prefix string) string {
	var out strings.Builder
	keep := false
	for i := range len(prefix) {
		c := prefix[i]
		switch {
		case !isDigit(c) && c != ' ':
			keep = strings.HasSuffix(prefix[:i+1], "DOM") || strings.HasSuffix(prefix[:i+1], "(d")
			out.WriteByte(c)
		case keep:
			out.WriteByte(c)
		}
	}
	return out.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
