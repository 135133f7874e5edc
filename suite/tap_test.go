package suite

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
)

var update = flag.Bool("update", false, "rewrite the golden reports")

// golden is where a captured guest's report lies.
func golden(guest string) string { return filepath.Join("testdata", guest+".tap") }

func TestGoldenReports(t *testing.T) {
	for name, files := range guesttest.All(t) {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(Judge(probes.Read(files)).Lines(), "\n") + "\n"
			if *update {
				require.NoError(t, os.WriteFile(golden(name), []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden(name))
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// hostile is a report in which everything that came from the guest is as bad
// as it can be.
func hostile(text string) Report {
	r := Requirement{ID: "PLAT-GIC", Title: strings.Repeat("long title ", 20), Kind: Evidence, Fix: strings.Repeat("mend it ", 40)}
	c := Clause{Must, "VM Platform", 5}
	var results []Result
	for _, v := range []Verdict{Pass, Fail, Skip, Error} {
		results = append(results, Result{Requirement: r, Clause: c, Finding: Finding{Verdict: v, Problem: text, Found: []string{text, text}}})
	}
	return Report{Results: results, Arch: "arm64", Settings: Settings{Profile: RFCv2, Nonce: strings.Repeat("n", MaxNonce), Problems: []string{text}}}
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

func TestReportStaysInForm(t *testing.T) {
	for name, text := range hostileTexts {
		t.Run(name, func(t *testing.T) {
			points := 0
			for _, line := range hostile(text).Lines() {
				require.LessOrEqual(t, len(line), MaxLine, line)
				require.Equal(t, -1, strings.IndexFunc(line, func(c rune) bool { return c < ' ' || c > '~' }), "%q", line)
				if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "not ok ") {
					points++
					require.Contains(t, line, " - PLAT-GIC")
				}
			}
			require.Equal(t, 4, points)
		})
	}
}

func TestProveTakesHostileReports(t *testing.T) {
	if _, err := exec.LookPath("prove"); err != nil && os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("prove is not installed")
	}
	for name, text := range hostileTexts {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report.tap")
			require.NoError(t, os.WriteFile(file, []byte(strings.Join(hostile(text).Lines(), "\n")+"\n"), 0o644))
			out, _ := exec.Command("prove", "--exec", "cat", file).CombinedOutput()
			require.Contains(t, string(out), "Failed 2/4 subtests")
			require.NotContains(t, string(out), "Parse errors")
		})
	}
}

func TestDirectives(t *testing.T) {
	r := Requirement{ID: "FW-RTC", Title: "The clock"}
	for _, c := range []struct {
		name    string
		level   Level
		finding Finding
		want    string
	}{
		{"pass", Must, pass(), "ok 7 - FW-RTC The clock"},
		{"a must failed", Must, fail("no"), "not ok 7 - FW-RTC The clock"},
		{"a should missed", Should, fail("no"), "not ok 7 - FW-RTC The clock # TODO should"},
		{"a recommendation missed", StronglyRecommended, fail("no"), "not ok 7 - FW-RTC The clock # TODO strongly-recommended"},
		{"skipped", Must, skip("untested"), "ok 7 - FW-RTC The clock # SKIP untested"},
		{"error", Must, unknown("read x: #1\n"), "not ok 7 - FW-RTC The clock # ERROR read x: _1?"},
		{"a long reason costs title", Must, unknown(strings.Repeat("r", 200)), "not ok 7 - FW-RTC # ERROR " + strings.Repeat("r", 94)},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, Result{Requirement: r, Finding: c.finding, Clause: Clause{Level: c.level}}.point(7))
		})
	}
}

func FuzzDiagnostic(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := diagnostic("found", text)
		var joined strings.Builder
		for i, line := range lines {
			require.LessOrEqual(t, len(line), MaxLine)
			piece := strings.TrimPrefix(strings.TrimPrefix(line, "  found: "), "    - ")
			if i == 0 && len(lines) > 1 {
				require.Equal(t, "  found:", line)
				continue
			}
			require.False(t, len(lines) > 1 && keyed(piece) >= 0, "prove takes %s for a key", piece)
			var value string
			require.NoError(t, json.Unmarshal([]byte(piece), &value))
			joined.WriteString(value)
		}
		if utf8.ValidString(text) {
			require.Equal(t, text, joined.String())
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

// Every JSON reader reads what is quoted, and nothing but printable ASCII is.
func FuzzQuote(f *testing.F) {
	for _, text := range []string{"", "plain", `"\"`, "\b\f\n\r\t\x00\x1f\x7f", "é€\U0001f600", "\xff\xc0\xaf", "\u2028", "\ufffd"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted := quote(text)
		require.Negative(t, strings.IndexFunc(quoted, func(c rune) bool { return c < ' ' || c > '~' }), quoted)
		var back string
		require.NoError(t, json.Unmarshal([]byte(quoted), &back), quoted)
		require.Equal(t, string([]rune(text)), back) // U+FFFD for what is not UTF-8
	})
}
