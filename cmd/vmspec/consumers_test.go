package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/results"
	"vmspec/results/report"
	"vmspec/suite"
)

// needProve skips a test that runs prove, unless VMSPEC_BOOT says that it must
// not be skipped.
func needProve(t *testing.T) {
	t.Helper()
	if os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("runs prove: make test sets VMSPEC_BOOT")
	}
	_, err := exec.LookPath("prove")
	require.NoError(t, err, "make test installs it")
}

// needTapParser skips a test that runs node's tap-parser, unless
// VMSPEC_TAP_PARSER says where it is.
func needTapParser(t *testing.T) {
	t.Helper()
	if os.Getenv("VMSPEC_TAP_PARSER") == "" {
		t.Skip("runs node's tap-parser: make consumers sets VMSPEC_TAP_PARSER")
	}
}

// shown are the reports that others must be able to read: the golden ones and
// a flawless one, each as it is and with frames behind it.
func shown(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "suite", "testdata", "*.tap"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	said := map[string]*report.Report{"flawless": flawless(t)}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".tap")
		golden, err := os.ReadFile(file)
		require.NoError(t, err)
		said[name] = suite.Judge(probes.Read(guesttest.Open(t, name))).Report()
		require.Equal(t, string(golden), written(said[name].TAP()))
	}
	reports := map[string]string{}
	for name, r := range said {
		reports[name] = written(r.TAP())
		reports[name+" and frames"] = written(r.Wire(2))
	}
	return reports
}

// written are lines as they are on a console.
func written(lines []string) string { return strings.Join(lines, "\n") + "\n" }

// flawless is a captured guest's report on nothing but what passes and what is
// skipped there.
func flawless(t *testing.T) *report.Report {
	t.Helper()
	facts := probes.Read(guesttest.Open(t, "qemu-virt-uefi-gicv3"))
	settings := suite.Settings{Profile: suite.RFCv2}
	for _, r := range suite.JudgeBy(settings, facts.Kernel.Arch, facts).Results {
		if r.Verdict == suite.Pass || r.Verdict == suite.Skip {
			settings.Only = append(settings.Only, r.ID)
		}
	}
	r := suite.JudgeBy(settings, facts.Kernel.Arch, facts).Report()
	text := written(r.TAP())
	require.NotContains(t, text, "\nnot ok ")
	require.Contains(t, text, " # SKIP ")
	require.Contains(t, text, "FW-UEFI-BOOT The VM boots through UEFI firmware\n")
	return r
}

// without takes the first line that begins so out of a report.
func without(t *testing.T, report, start string) string {
	t.Helper()
	before, line, found := strings.Cut(report, "\n"+start)
	require.True(t, found)
	_, after, _ := strings.Cut(line, "\n")
	return before + "\n" + after
}

// save writes a report to a file, for programs that want one.
func save(t *testing.T, report string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.tap")
	require.NoError(t, os.WriteFile(file, []byte(report), 0o644))
	return file
}

// isOK tells whether a point begins with ok.
func isOK(p results.Point) bool { return p.Verdict == results.Pass || p.Verdict == results.Skip }

// excused tells whether a point that is not ok is marked TODO.
func excused(p results.Point) bool { return p.Verdict == results.Fail && !p.Must() }

// count counts the points of which something holds.
func count(report *results.Report, holds func(results.Point) bool) int {
	return len(slices.DeleteFunc(slices.Clone(report.Points), func(p results.Point) bool { return !holds(p) }))
}

// prove runs prove on a report, which is in form, and returns what it said.
func prove(t *testing.T, report string, wantOK bool) string {
	t.Helper()
	out, err := exec.Command("prove", "--exec", "cat", save(t, report)).CombinedOutput()
	require.Equal(t, wantOK, err == nil, string(out))
	require.NotContains(t, string(out), "Parse errors")
	return string(out)
}

func TestProveReadsReports(t *testing.T) {
	needProve(t)
	for name, text := range shown(t) {
		t.Run(name, func(t *testing.T) {
			report := parse(t, text)
			points := len(report.Points)
			failed := count(report, func(p results.Point) bool { return !isOK(p) && !excused(p) })
			skipped := count(report, func(p results.Point) bool { return p.Verdict == results.Skip })

			said := prove(t, text, failed == 0)
			require.Contains(t, said, fmt.Sprintf("Files=1, Tests=%d,", points))
			if failed > 0 {
				require.Contains(t, said, fmt.Sprintf("Failed %d/%d subtests", failed, points))
				require.Contains(t, said, fmt.Sprintf("(less %d skipped subtests: %d okay)", skipped, points-failed-skipped))
			}
		})
	}
}

// A tapPoint is a test point as tap-parser understands it.
type tapPoint struct {
	OK         bool
	ID         int
	Name       string
	Skip, Todo any // false, or the reason
	Diag       map[string]any
	TapError   any // what is wrong with its form
}

// A tapEnd is what tap-parser concludes.
type tapEnd struct {
	OK                            bool
	Count, Pass, Fail, Skip, Todo int
	Failures                      []tapPoint // those that no TODO excuses, and all that is wrong with the form
}

// asTAP is a point as tap-parser should understand it. TAP knows no ERROR: it
// is part of the name. A long line has lost its title.
func asTAP(p results.Point) tapPoint {
	point := tapPoint{OK: isOK(p), ID: p.Number, Name: strings.TrimSpace(p.ID + " " + p.Title), Skip: false, Todo: false, Diag: map[string]any{}}
	switch {
	case p.Verdict == results.Skip:
		point.Skip = p.Reason
	case p.Verdict == results.Error:
		point.Name += " # ERROR " + p.Reason
	case excused(p):
		point.Todo = string(p.Level)
	}
	for key, value := range map[string]string{
		"level": string(p.Level), "clause": p.Clause, "kind": p.Kind, "problem": p.Problem, "found": p.Found, "fix": p.Fix,
		"follows": p.Follows,
	} {
		if value != "" {
			point.Diag[key] = value
		}
	}
	if p.Verdict == results.Skip && p.Kind == "" { // it has no block
		point.Diag = nil
	}
	return point
}

// asTAPEnd is what tap-parser should conclude from points.
func asTAPEnd(report *results.Report) tapEnd {
	end := tapEnd{
		Count: len(report.Points),
		Pass:  count(report, isOK),
		Skip:  count(report, func(p results.Point) bool { return p.Verdict == results.Skip }),
		Todo:  count(report, excused),
		// JSON's empty list is not nil.
		Failures: []tapPoint{},
	}
	for _, p := range report.Points {
		if !isOK(p) && !excused(p) {
			end.Failures = append(end.Failures, asTAP(p))
		}
	}
	end.Fail = end.Count - end.Pass
	end.OK = len(end.Failures) == 0
	return end
}

// joinPieces makes one string of a diagnostic's list.
func joinPieces(points []tapPoint) {
	for _, p := range points {
		for key, value := range p.Diag {
			if pieces, ok := value.([]any); ok {
				p.Diag[key] = fmt.Sprint(pieces...)
			}
		}
	}
}

// readStrictly runs tap-parser --strict on a report, and returns its exit
// status, the points that it read and what it concluded.
func readStrictly(t *testing.T, report string) (status int, points []tapPoint, end tapEnd) {
	t.Helper()
	cmd := exec.Command(os.Getenv("VMSPEC_TAP_PARSER"), "--strict", "--json")
	cmd.Stdin = strings.NewReader(report)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, _ := cmd.Output() // the error is the exit status
	var events [][]json.RawMessage
	require.NoError(t, json.Unmarshal(out, &events), "%s%s", out, &stderr)
	for _, event := range events {
		switch kind := string(event[0]); kind {
		case `"assert"`:
			points = append(points, tapPoint{})
			require.NoError(t, json.Unmarshal(event[1], &points[len(points)-1]))
		case `"complete"`:
			require.NoError(t, json.Unmarshal(event[1], &end))
		case `"extra"`:
			t.Logf("not TAP: %s", event[1])
		}
	}
	joinPieces(points)
	joinPieces(end.Failures)
	return cmd.ProcessState.ExitCode(), points, end
}

func TestTapParserReadsReports(t *testing.T) {
	needTapParser(t)
	for name, text := range shown(t) {
		t.Run(name, func(t *testing.T) {
			report := parse(t, text)
			var want []tapPoint
			for _, p := range report.Points {
				want = append(want, asTAP(p))
			}
			status, points, end := readStrictly(t, text)
			require.Equal(t, want, points)
			require.Equal(t, asTAPEnd(report), end)
			require.Equal(t, end.OK, status == 0)
		})
	}
}

// And what is not in form it refuses: the test above can fail.
func TestTapParserRefusesOtherThings(t *testing.T) {
	needTapParser(t)
	report := written(flawless(t).TAP())
	for name, text := range map[string]string{
		"a point is lost":       without(t, report, "ok 9 "),
		"YAML without its end":  without(t, report, "  ..."),
		"the kernel interrupts": strings.Replace(report, "\nok 9 ", "\n[    1.000000] random: crng init done\nok 9 ", 1),
	} {
		t.Run(name, func(t *testing.T) {
			status, _, end := readStrictly(t, text)
			require.NotZero(t, status)
			require.False(t, end.OK)
		})
	}
}
