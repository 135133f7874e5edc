package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// A kunitCase is a test point as the kernel's kunit.py understands it.
type kunitCase struct{ Name, Status string }

// asKUnit is a point as kunit.py should understand it: it excuses nothing.
func asKUnit(p results.Point) kunitCase {
	c := kunitCase{Name: p.ID + " " + p.Title, Status: "FAIL"}
	switch p.Verdict {
	case results.Pass:
		c.Status = "PASS"
	case results.Skip:
		c.Status = "SKIP"
	}
	return c
}

// needKUnit skips a test that runs kunit.py, unless VMSPEC_KUNIT says where it is.
func needKUnit(t *testing.T) {
	t.Helper()
	if os.Getenv("VMSPEC_KUNIT") == "" {
		t.Skip("runs the kernel's kunit.py: make consumers sets VMSPEC_KUNIT")
	}
}

// readByKUnit runs kunit.py on a report, and returns its exit status, the
// points that it read and what it said.
func readByKUnit(t *testing.T, report string) (status int, cases []kunitCase, said string) {
	t.Helper()
	// It goes to another directory before it opens files.
	verdicts := filepath.Join(t.TempDir(), "verdicts.json")
	cmd := exec.Command("python3", os.Getenv("VMSPEC_KUNIT"), "parse", "--json="+verdicts, save(t, report))
	out, _ := cmd.CombinedOutput() // the error is the exit status
	data, err := os.ReadFile(verdicts)
	require.NoError(t, err, string(out))
	var group struct {
		Cases []kunitCase `json:"test_cases"`
	}
	require.NoError(t, json.Unmarshal(data, &group))
	return cmd.ProcessState.ExitCode(), group.Cases, string(out)
}

func TestKUnitReadsReports(t *testing.T) {
	needKUnit(t)
	for name, text := range shown(t) {
		t.Run(name, func(t *testing.T) {
			report := parse(t, text)
			var want []kunitCase
			for _, p := range report.Points {
				want = append(want, asKUnit(p))
			}
			status, cases, said := readByKUnit(t, text)
			require.Equal(t, want, cases)
			require.NotContains(t, said, "[ERROR]")
			require.Equal(t, count(report, isOK) == len(report.Points), status == 0, said)
		})
	}
}

// And one that is damaged it refuses: the test above can fail.
func TestKUnitRefusesALostPoint(t *testing.T) {
	needKUnit(t)
	status, _, said := readByKUnit(t, without(t, written(flawless(t).TAP()), "ok 9 "))
	require.NotZero(t, status)
	require.Contains(t, said, "[ERROR]")
}
