package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every JSON reader reads what is quoted, and nothing but printable ASCII is.
func FuzzQuote(f *testing.F) {
	for _, text := range []string{"", "plain", `"\"`, "\b\f\n\r\t\x00\x1f\x7f", "é€\U0001f600", "\xff\xc0\xaf", "\u2028", "\ufffd", "#a ##[b ###"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted := quote(text)
		require.Negative(t, strings.IndexFunc(quoted, func(c rune) bool { return c < ' ' || c > '~' }), quoted)
		require.NotContains(t, quoted, "##")
		want := string([]rune(text)) // U+FFFD for what is not UTF-8
		var back string
		require.NoError(t, json.Unmarshal([]byte(quoted), &back), quoted)
		require.Equal(t, want, back)
		back, ok := unquote(quoted)
		require.True(t, ok)
		require.Equal(t, want, back)
	})
}

// FuzzUnquote: unquote takes the strings that encoding/json takes, and reads the
// same.
func FuzzUnquote(f *testing.F) {
	for _, text := range []string{
		``, `"`, `x`, `null`, `"a`, `"a"b"`, `"\"`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\u+123"`, "\"\t\"", "\"\x1f\"", `'a'`, `"\u`, `"\'"`, `"\0"`,
		`""`, `"plain"`, `"\"\\\/\b\f\n\r\t"`, `"\u00e9\u20ac\uD83D\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\n"`, `"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`,
		"\"\xff\"", "\"\x7f\u2028é\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, quoted string) {
		got, ok := unquote(quoted)
		if !isQuoted(quoted) {
			require.False(t, ok)
			return
		}
		var want string
		require.Equal(t, json.Unmarshal([]byte(quoted), &want) == nil, ok, quoted)
		if ok {
			require.Equal(t, want, got)
		}
	})
}
