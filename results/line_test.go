package results

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// escapes are the sequences of ECMA-48 as an expression, which is ten times as
// slow.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])`)

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "a\tb", "\x1b[1;32mok\x1b[m", "\x1b]0;qemu\x07x", "\x1b]0;a\x1b\\b", "\x1b[1;3", "\x1b(B", "\x1b", "\x1b[", "a\x00\x7fb\xff", "\x1b[2J\x1b[01;01H\x1b[=3h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.ToValidUTF8(strings.ReplaceAll(line, "\n", ""), "?")
		want := strings.Map(func(c rune) rune {
			if c < ' ' && c != '\t' || c == 0x7f {
				return -1
			}
			return c
		}, escapes.ReplaceAllString(line, ""))
		require.Equal(t, want, clean(line))
	})
}

// times are what a line's key is without, as an expression.
var times = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]|\d+(?:[:.,]\d+)+Z?`)

func FuzzTimeless(f *testing.F) {
	for _, seed := range []string{"", "a 10:00:01 b", "2026-11-29T10:00:03.123Z UEFI", "[    0.000000] Booting", "1.2.3,4:5Z6", "12026-11-29 ", "1:", "2026-11-29", "a2026-11-29 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if regexp.MustCompile(`\d{5}-`).MatchString(line) {
			return // the expression finds a date within a longer number
		}
		require.Equal(t, strings.TrimSpace(times.ReplaceAllString(line, "")), timeless(line))
	})
}
