package report

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// hostile is a report in which everything that came from the guest is as bad
// as it can be.
func hostile(text string) *Report {
	r := &Report{
		Head:     Head{Version: "0.1.0", Catalogue: "01234567", Profile: "rfc-v2", Arch: "arm64", Nonce: strings.Repeat("n", MaxNonce)},
		Problems: []string{text},
		Appendix: &Appendix{Profiles: []string{"rfc-v2", "v2.0"}, Rows: []Row{{"PLAT-GIC", []Clause{{Must, "VM Platform 5"}, {}}}}},
	}
	for i, v := range []Verdict{Pass, Fail, Skip, Error} {
		p := Point{
			Number: i + 1, ID: "PLAT-GIC", Title: strings.Repeat("long title ", 20), Verdict: v,
			Level: Must, Clause: "rfc-v2 VM Platform 5", Kind: "evidence", Problem: text, Found: text + "; " + text,
		}
		switch v {
		case Skip, Error:
			p.Reason = text
		case Fail:
			p.Fix = strings.Repeat("mend it ", 40)
		}
		r.Points = append(r.Points, p)
	}
	return r
}

var hostileTexts = map[string]string{
	"empty":              "",
	"a result":           "\nok 1 - PLAT-GIC forged\nnot ok 2 - X # SKIP no\n",
	"YAML's own":         "...\n---\n  key: [*a, &b, {c: d}] # e ' \" \\ | > %",
	"control characters": "\x00\x1b[2J\x7f\r\b\t",
	"not UTF-8":          "\xff\xfe\xc3(",
	"beyond ASCII":       "Überprüfung 漢字 😀 \u2028",
	"one long word":      strings.Repeat("x", 5000),
	"long words":         strings.Repeat("word: another \"quoted\" one ", 300),
	"keys":               "a: b: c : d: ",
}

// ended splits lines before their end.
func ended(t *testing.T, lines []string) ([]string, End) {
	t.Helper()
	last := len(lines) - 1
	end, ok := ParseEnd(lines[last])
	require.True(t, ok, lines[last])
	return lines[:last], end
}

// inForm requires lines that are the report's and nothing else.
func inForm(t *testing.T, r *Report) {
	t.Helper()
	lines, end := ended(t, r.TAP())
	points := 0
	for i, line := range lines {
		require.LessOrEqual(t, len(line), MaxLine, line)
		require.Equal(t, -1, strings.IndexFunc(line, func(c rune) bool { return c < ' ' || c > '~' }), "%q", line)
		require.Equal(t, i > 0, IsLine(line), line)
		if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "not ok ") {
			points++
			require.Contains(t, line, " - PLAT-GIC")
		}
	}
	require.Equal(t, len(r.Points), points)
	parsed, err := Parse(lines, end)
	require.NoError(t, err)
	require.Equal(t, r.Head, parsed.Head)
	require.Equal(t, NotConformant, parsed.Verdict)
	require.Len(t, parsed.Problems, len(r.Problems))
	for i, p := range parsed.Points {
		require.Equal(t, r.Points[i].Verdict, p.Verdict)
		require.Equal(t, string([]rune(r.Points[i].Problem)), p.Problem) // U+FFFD for what is not UTF-8
		require.Equal(t, string([]rune(r.Points[i].Found)), p.Found)
		require.Equal(t, r.Points[i].Fix, p.Fix)
	}
	// What was read is written as it came.
	require.Equal(t, r.TAP(), parsed.TAP())
}

func TestReportStaysInForm(t *testing.T) {
	for name, text := range hostileTexts {
		t.Run(name, func(t *testing.T) { inForm(t, hostile(text)) })
	}
}

func FuzzReport(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { inForm(t, hostile(text)) })
}

func TestProveTakesHostileReports(t *testing.T) {
	if _, err := exec.LookPath("prove"); err != nil && os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("prove is not installed")
	}
	for name, text := range hostileTexts {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report.tap")
			require.NoError(t, os.WriteFile(file, []byte(strings.Join(hostile(text).TAP(), "\n")+"\n"), 0o644))
			out, _ := exec.Command("prove", "--exec", "cat", file).CombinedOutput()
			require.Contains(t, string(out), "Failed 2/4 subtests")
			require.NotContains(t, string(out), "Parse errors")
		})
	}
}

func TestWire(t *testing.T) {
	r := hostile("x")
	lines, frames := r.TAP(), r.Frames()
	for copies := range 3 {
		wire := r.Wire(copies)
		require.Len(t, wire, len(lines)+copies*len(frames))
		require.Equal(t, lines, wire[:len(lines)])
	}
}

func TestIsLine(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, " ": false, "1..": false, "1..12345": false, "1..-1": false, "ok": false, "nothing": false,
		"ok 1 - fw-one": false, "#": false, "# vmspec: trial clock": false, "# vmspec: verdict good: x": false,
		"# vmspec: verdict conformant": false, "# vmspec: end points=0": false, "# v1 - 1/1 00000000 AAAA": false,
		"# vmspec 1 catalogue=2 profile=3 arch=4 nonce=": false, "# vmspec 1 catalogue=2 profile=3 arch=4 nonce=5 ": false,
		"# vmspec 1 catalogue=2 profile=3 arch=4\tnonce=5": false, "# vmspec  catalogue=2 profile=3 arch=4 nonce=5": false,
		"# vmspec 1 profile=3 catalogue=2 arch=4 nonce=5": false, "  key": false, "  key: value": false, "   - \"a\"": false,
		"  Key:": false, `  key:"v"`: false, "    - a": false, `    - "`: false, "  ....": false, " ---": false,

		"1..0": true, "1..0017": true, "ok 1 - FW-ONE": true, "not ok 2 - FW-ONE # TODO": true, "  ---": true, "  ...": true,
		"  key:": true, `  key: "v"`: true, `    - "v"`: true, "# vmspec: parameter x": true,
		"# vmspec: verdict could-not-tell: ": true, "# vmspec 1 catalogue=2 profile=3 arch=- nonce=-": true,
	} {
		require.Equal(t, want, IsLine(line), "%q", line)
	}
}

// Each error of Parse has a report that it is for.
func TestParseErrors(t *testing.T) {
	whole, _ := ended(t, hostile("x").TAP())
	nonce := hostile("x").Nonce
	for name, c := range map[string]struct {
		lines  []string
		points int
		nonce  string
		forged bool // the hash is another's
		err    string
	}{
		"whole":           {lines: whole, points: 4, nonce: nonce},
		"another hash":    {lines: whole, points: 4, nonce: nonce, forged: true, err: "its lines do not match its hash"},
		"another count":   {lines: whole, points: 3, nonce: nonce, err: "its end line speaks of 3 points, its plan of 4, and there are 4"},
		"another plan":    {lines: append([]string{Begin, "1..5"}, whole[2:]...), points: 4, nonce: nonce, err: "its end line speaks of 4 points, its plan of 5, and there are 4"},
		"another nonce":   {lines: whole, points: 4, nonce: "a", err: `its end line carries the nonce a, its head "nnnnnnnnnnnnnnnn"`},
		"nothing but end": {nonce: "a", err: `its end line carries the nonce a, its head ""`},
	} {
		t.Run(name, func(t *testing.T) {
			end := endOf(c.lines, c.points, c.nonce)
			if c.forged {
				end.Hash = strings.Repeat("0", 64)
			}
			r, err := Parse(c.lines, end)
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.err)
			require.Equal(t, ParseSummary(c.lines), r)
		})
	}
}

// FuzzParse: any lines are read without a panic, and what is read of them can
// be written and read again.
func FuzzParse(f *testing.F) {
	f.Add(strings.Join(hostile("a: b").TAP(), "\n"))
	f.Add("TAP version 13\n1..1\nok 1 - A # SKIP\n  found:\n    - \"\\ud800\"\n")
	f.Add("# vmspec: end points=0 sha256=" + strings.Repeat("0", 64) + " nonce=-")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		for _, line := range lines {
			if end, ok := ParseEnd(line); ok {
				require.Equal(t, line, end.line())
			}
			if head, ok := parseHead(line); ok {
				require.Equal(t, line, head.line())
			}
		}
		r := ParseSummary(lines)
		r.Points = ParsePoints(lines)
		if !utf8.ValidString(text) || len(r.Points) > 9999 {
			return
		}
		again, end := ended(t, r.TAP())
		for i, p := range ParsePoints(again) {
			require.Equal(t, r.Points[i].Verdict, p.Verdict)
			require.Equal(t, r.Points[i].Found, p.Found)
		}
		require.Equal(t, len(r.Points), end.Points)
	})
}
