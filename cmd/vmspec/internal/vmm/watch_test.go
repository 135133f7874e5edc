package vmm

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"plain", "a b", "a b"},
		{"spaces around", "  a  ", "a"},
		{"colour", "\x1b[1;31mred\x1b[0m", "red"},
		{"cursor", "\x1b[2J\x1b[01;01Hmenu\x1b[?25l", "menu"},
		{"sequence without an end", "a\x1b[12", "a12"},
		{"sequence that makes another", "\x1b\x1b[m[mb", "b"},
		{"only an escape", "\x1b", ""},
		{"escape and bracket", "\x1b[", ""},
		{"other escapes", "\x1b]0;title\x07a", "]0;titlea"},
		{"control characters", "a\x00\x07\x08\r\tb\x7f", "ab"},
		{"not ASCII", "é\u2028a\xff\xfe", "a"},
		{"a thousand sequences", strings.Repeat("\x1b[m", 1000) + "a", "a"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, printable(c.text)) })
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[1;31mred\x1b[0m\x1b\x1b[m[12")
	f.Fuzz(func(t *testing.T, text string) {
		got := printable(text)
		for _, c := range []byte(got) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q in %q", c, got)
			}
		}
		require.LessOrEqual(t, len(got), len(text))
	})
}

func TestTail(t *testing.T) {
	b := &tail{max: 4}
	for _, c := range []struct{ write, want string }{
		{"", ""}, {"ab", "ab"}, {"cd", "abcd"}, {"e", "bcde"}, {"fghijk", "hijk"},
	} {
		n, err := io.WriteString(b, c.write)
		require.NoError(t, err)
		require.Len(t, c.write, n)
		require.Equal(t, c.want, b.String())
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		out  Outcome
		want bool
	}{
		{"ended well", Outcome{}, false},
		{"failed before the guest", Outcome{Status: 1}, true},
		{"failed after the guest spoke", Outcome{Status: 1, Last: []string{"a"}}, false},
		{"killed by us", Outcome{Status: -1, Killed: true}, false},
		{"killed by another", Outcome{Status: -1}, true},
		{"reported and failed", Outcome{Status: 1, Report: &results.Report{}, Last: []string{"a"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.out.Refused()) })
	}
}
