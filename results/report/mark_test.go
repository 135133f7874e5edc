package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var marked = map[string]Marks{
	"found none; left 0a1b2c3d/1 -/0 poweroff": {None: MarkNone, Left: &BootMark{"-", 0, "0a1b2c3d", 1, "poweroff"}},
	"boot 2 of 3 of 7f3a: found 0a1b2c3d/1 7f3a/1 reboot; left removed": {
		Series: "7f3a", Boot: 2, Of: 3, Found: &BootMark{"7f3a", 1, "0a1b2c3d", 1, "reboot"}, Nothing: MarkRemoved},
	"boot 1 of 1 of -: found foreign; left nothing":         {Series: "-", Boot: 1, Of: 1, None: MarkForeign, Nothing: MarkNothing},
	"found unknown; left refused: EROFS: read-only; left x": {None: MarkUnknown, Nothing: MarkRefused, Why: "EROFS: read-only; left x"},
}

func TestMarks(t *testing.T) {
	for text, want := range marked {
		require.Equal(t, text, want.String())
		got, ok := ParseMarks(text)
		require.True(t, ok, text)
		require.Equal(t, want, got)
	}
	for name, text := range map[string]string{
		"empty":               "",
		"one half":            "found none",
		"another word":        "found some; left nothing",
		"no reason":           "found none; left refused",
		"a reason too much":   "found none; left removed: x",
		"a word of the other": "found removed; left none",
		"boot 0":              "boot 0 of 2 of a: found none; left nothing",
		"boot 3 of 2":         "boot 3 of 2 of a: found none; left nothing",
		"too many boots":      "boot 3 of 100 of a: found none; left nothing",
		"no series":           "boot 1 of 2 of : found none; left nothing",
		"written so":          "boot 01 of 2 of a: found none; left nothing",
		"no token":            "found none; left /1 -/0 poweroff",
		"another end":         "found none; left 0a1b2c3d/1 -/0 sleep",
		"no count":            "found none; left 0a1b2c3d/0 -/0 halt",
		"a nonce's byte":      "found none; left 0a1b2c3d/1 a.b/0 halt",
		"more":                "found none; left 0a1b2c3d/1 -/0 halt x",
	} {
		_, ok := ParseMarks(text)
		require.False(t, ok, name)
	}
}

// They go through a report's block as they are, though they are long.
func TestMarksInABlock(t *testing.T) {
	for text := range marked {
		p := Point{Number: 1, ID: "FW-X", Verdict: Skip, Reason: "needs-two-boots", Level: "should", Found: text}
		lines := p.lines()
		require.Equal(t, text, ParsePoints(lines)[0].Found, strings.Join(lines, "\n"))
	}
}

// FuzzParseMarks: what is read is what was written.
func FuzzParseMarks(f *testing.F) {
	for text := range marked {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, ok := ParseMarks(text)
		if !ok {
			require.Zero(t, m)
			return
		}
		require.Equal(t, text, m.String())
		require.True(t, (m.Found == nil) != (m.None == ""))
		require.True(t, (m.Left == nil) != (m.Nothing == ""))
	})
}
