package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestBlock(t *testing.T) {
	for _, c := range []struct {
		name  string
		point Point
		want  []string
	}{
		{"nothing is known", Point{Verdict: Pass}, nil},
		{"skipped, and no text asks it", Point{Verdict: Skip, Level: Info}, nil},
		{"skipped", Point{Verdict: Skip, Level: Must}, []string{"  ---", `  level: "must"`, "  ..."}},
		{"skipped, of evidence", Point{Verdict: Skip, Level: Info, Kind: "evidence"}, []string{"  ---", `  level: "info"`, `  kind: "evidence"`, "  ..."}},
		{"no text asks it", Point{Verdict: Pass, Level: Info}, []string{"  ---", `  level: "info"`, "  ..."}},
		{"all keys", Point{Verdict: Fail, Level: "l", Clause: "c", Kind: "k", Problem: "p", Found: "f", Fix: "x"},
			[]string{"  ---", `  level: "l"`, `  clause: "c"`, `  kind: "k"`, `  problem: "p"`, `  found: "f"`, `  fix: "x"`, "  ..."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, c.point.block())
			c.point.ID, c.point.Number = "FW-ONE", 1
			require.Equal(t, []Point{c.point}, ParsePoints(c.point.lines()))
		})
	}
}

// FuzzDiagnostic: what is written is in form, and is read as it was.
func FuzzDiagnostic(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := diagnostic("found", text)
		var parsed Point
		key := ""
		for i, line := range lines {
			require.LessOrEqual(t, len(line), MaxLine)
			require.True(t, isBlock(line), line)
			piece := strings.TrimPrefix(line, "    - ")
			require.Equal(t, i == 0 && len(lines) > 1, line == "  found:")
			require.False(t, piece != line && keyed(piece) >= 0, "prove takes %s for a key", piece)
			key = parsed.parseEntry(line, key)
		}
		if utf8.ValidString(text) {
			require.Equal(t, text, parsed.Found)
		}
	})
}

func TestKeyed(t *testing.T) {
	for quoted, want := range map[string]int{
		`""`: -1, `"a"`: -1, `"a:b"`: -1, `"a b: c"`: -1, `"a :b: c"`: -1, `"a  "`: -1, `"  `: -1, `"`: -1, `":`: -1,
		`":"`: 1, `": a"`: 1, `"a: b"`: 2, `"a:b: c"`: 4, `"a : b"`: 3, `"a   :"`: 5, `"a:"`: 2, `"a: `: 2, `" : b`: 2,
	} {
		require.Equal(t, want, keyed(quoted), quoted)
	}
}
