package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPointLine(t *testing.T) {
	for _, c := range []struct {
		name  string
		point Point
		want  string
	}{
		{"pass", Point{Verdict: Pass, Level: Must}, "ok 7 - FW-RTC The clock"},
		{"a must failed", Point{Verdict: Fail, Level: Must}, "not ok 7 - FW-RTC The clock"},
		{"a should missed", Point{Verdict: Fail, Level: Should}, "not ok 7 - FW-RTC The clock # TODO should"},
		{"a recommendation missed", Point{Verdict: Fail, Level: StronglyRecommended}, "not ok 7 - FW-RTC The clock # TODO strongly-recommended"},
		{"a failure of what is not asked", Point{Verdict: Fail}, "not ok 7 - FW-RTC The clock"},
		{"skipped", Point{Verdict: Skip, Level: Must, Reason: "untested"}, "ok 7 - FW-RTC The clock # SKIP untested"},
		{"error", Point{Verdict: Error, Level: Must, Reason: "read x: #1\n"}, "not ok 7 - FW-RTC The clock # ERROR read x: _1?"},
		{"a long reason costs title", Point{Verdict: Error, Level: Must, Reason: strings.Repeat("r", 200)}, "not ok 7 - FW-RTC # ERROR " + strings.Repeat("r", 94)},
		{"a long reason of words costs title", Point{Verdict: Error, Level: Must, Reason: strings.Repeat("re ", 30) + "res more"}, "not ok 7 - FW-RTC # ERROR" + strings.Repeat(" re", 30) + " res"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.point.Number, c.point.ID, c.point.Title = 7, "FW-RTC", "The clock"
			require.Equal(t, c.want, c.point.line())
			parsed, ok := ParsePoint(c.want)
			require.True(t, ok)
			require.Equal(t, c.point.Verdict, parsed.Verdict)
			parsed.Level = c.point.Level // the block says it
			require.Equal(t, c.want, parsed.line(), "what was read is written as it came")
		})
	}
}

func TestParsePoints(t *testing.T) {
	cases := []struct {
		name  string
		lines []string
		want  Point
	}{
		{"pass", []string{"ok 1 - FW-ONE It holds"},
			Point{Title: "It holds", Verdict: Pass}},
		{"fail", []string{"not ok 1 - FW-ONE It holds"},
			Point{Title: "It holds", Verdict: Fail}},
		{"no title", []string{"not ok 1 - FW-ONE"},
			Point{Verdict: Fail}},
		{"no title but a directive", []string{"ok 1 - FW-ONE # SKIP untested"},
			Point{Verdict: Skip, Reason: "untested", Level: "info"}},
		{"skip", []string{"ok 1 - FW-ONE It holds # SKIP no disk under test"},
			Point{Title: "It holds", Verdict: Skip, Reason: "no disk under test", Level: "info"}},
		{"skip without a reason", []string{"ok 1 - FW-ONE It holds # SKIP"},
			Point{Title: "It holds", Verdict: Skip, Level: "info"}},
		{"skip with a level", []string{"ok 1 - FW-ONE It holds # SKIP", "  ---", `  level: "must"`, "  ..."},
			Point{Title: "It holds", Verdict: Skip, Level: "must"}},
		{"missed", []string{"not ok 1 - FW-ONE It holds # TODO should"},
			Point{Title: "It holds", Verdict: Fail}},
		{"missed and met", []string{"ok 1 - FW-ONE It holds # TODO should"},
			Point{Title: "It holds", Verdict: Pass}},
		{"error", []string{"not ok 1 - FW-ONE It holds # ERROR read efi: EPERM"},
			Point{Title: "It holds", Verdict: Error, Reason: "read efi: EPERM"}},
		{"error that says ok", []string{"ok 1 - FW-ONE It holds # ERROR read efi: EPERM"},
			Point{Title: "It holds", Verdict: Error, Reason: "read efi: EPERM"}},
		{"value of one piece", []string{"ok 1 - FW-ONE It holds", "  ---", `  level: "must"`, `  found: "a \"b\" \\ c\u003a \u00e9 \ud83d\ude00"`, "  ..."},
			Point{Title: "It holds", Verdict: Pass, Level: "must", Found: `a "b" \ c: é 😀`}},
		{"value of many pieces, joined as they are",
			[]string{"ok 1 - FW-ONE It holds", "  ---", "  found:", `    - "one "`, `    - " two"`, `    - ""`, `    - "- three"`, `    - "fix: \"4\""`, `  kind: "evidence"`, "  ..."},
			Point{Title: "It holds", Verdict: Pass, Found: `one  two- threefix: "4"`, Kind: "evidence"}},
		{"all keys", []string{"not ok 1 - FW-ONE It holds", "  ---", `  level: "l"`, `  clause: "c"`, `  kind: "k"`, `  problem: "p"`, `  found: "f"`, `  fix: "x"`, "  ..."},
			Point{Title: "It holds", Verdict: Fail, Level: "l", Clause: "c", Kind: "k", Problem: "p", Found: "f", Fix: "x"}},
		{"unknown key", []string{"ok 1 - FW-ONE It holds", "  ---", `  later: "x"`, `    - "y"`, `  level: "must"`, "  ..."},
			Point{Title: "It holds", Verdict: Pass, Level: "must"}},
		{"value that is no JSON", []string{"ok 1 - FW-ONE It holds", "  ---", `  found: "a\x"`, "  ..."},
			Point{Title: "It holds", Verdict: Pass}},
		{"piece without a key", []string{"ok 1 - FW-ONE It holds", "  ---", `    - "x"`, "  ..."},
			Point{Title: "It holds", Verdict: Pass}},
		{"block before the point", []string{"  ---", `  level: "must"`, "  ...", "ok 1 - FW-ONE It holds"},
			Point{Title: "It holds", Verdict: Pass}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.want.Number, c.want.ID = 1, "FW-ONE"
			require.Equal(t, []Point{c.want}, ParsePoints(c.lines))
		})
	}
}

// A line that only looks like a point is none.
func TestParsePointRefuses(t *testing.T) {
	for _, line := range []string{
		"ok 1 FW-ONE no dash",
		"ok - FW-ONE no number",
		"ok 12345 - FW-ONE five digits",
		"ok 1 - fw-one lower case",
		"ok 1 - FW-ONE a # in the title",
		"ok 1 - FW-ONE It holds # skip lower case",
		"ok 1 - FW-ONE It holds # LATER unknown",
		" ok 1 - FW-ONE indented",
	} {
		_, ok := ParsePoint(line)
		require.False(t, ok, line)
	}
}
