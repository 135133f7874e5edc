package mutantstest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/results"
	"vmspec/suite/mutants"
)

// IsLog tells whether a row is about logs and what their host kept.
func IsLog(r *mutants.Row) bool {
	for _, s := range r.Steps {
		if slices.Contains([]string{"log", "lost", "came"}, s.Word) {
			return true
		}
	}
	return false
}

// Logs are what the merge of a row's logs says: of those as they were kept, and of
// those that the row breaks.
func Logs(t testing.TB, r *mutants.Row) (before, after *results.Merged) {
	t.Helper()
	return merge(t, r, false), merge(t, r, true)
}

func merge(t testing.TB, r *mutants.Row, broken bool) *results.Merged {
	t.Helper()
	var boots []results.Boot
	for _, s := range r.Steps {
		switch {
		case s.Word == "log" || s.Word == "lost" && !broken || s.Word == "came" && broken:
			boots = append(boots, results.Boot{Name: fmt.Sprintf("boot %d", len(boots)+1), Report: kept(t, s.Args[0])})
		case s.Word == "lost" || s.Word == "came" || !broken:
		default:
			require.NotEmpty(t, boots, r.At)
			require.NoError(t, breakLog(boots[len(boots)-1].Report, s), r.At)
		}
	}
	for i := range boots {
		boots[i].Lines = boots[i].TAP()
	}
	merged, err := results.MergeOf(boots...).By(r.Profile)
	require.NoError(t, err, r.At)
	return merged
}

// kept is the report of a captured guest; or FOLDER/LOG, one that is published, which
// has all profiles.
func kept(t testing.TB, name string) *results.Report {
	t.Helper()
	root := filepath.Join(guesttest.Testdata(t), "..", "..")
	file := filepath.Join(root, "suite", "testdata", name+".tap")
	if strings.Contains(name, "/") {
		file = filepath.Join(root, "results", "published", filepath.FromSlash(name))
	}
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	report, err := results.Parse(f, "")
	require.NoError(t, err)
	return report
}

// breakLog is "point ID VERDICT FOUND", what the guest said, with the reason of a skip, or "host JSON", what its
// host kept.
func breakLog(report *results.Report, s mutants.Step) error {
	switch {
	case s.Word == "host" && len(s.Args) == 1:
		h, err := results.ReadHostRun(strings.NewReader(s.Args[0]))
		if err != nil {
			return err
		}
		return report.Observe(h)
	case s.Word == "point" && (len(s.Args) == 3 || len(s.Args) == 4):
		for i := range report.Points {
			if p := &report.Points[i]; p.ID == s.Args[0] {
				if p.Verdict, p.Found = results.Verdict(s.Args[1]), s.Args[2]; len(s.Args) == 4 {
					p.Reason, p.Problem = s.Args[3], ""
				}
				return nil
			}
		}
		return fmt.Errorf("no point %s", s.Args[0])
	}
	return fmt.Errorf("no such line: %s with %d words", s.Word, len(s.Args))
}

// pointsOf are the points of a merge.
func pointsOf(m *results.Merged) map[string]Point {
	out := map[string]Point{}
	for _, p := range m.Points {
		out[p.ID] = Point{Verdict: p.Verdict, Text: p.Problem + p.Reason + "; " + p.Found}
	}
	return out
}
