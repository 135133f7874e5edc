package main

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
	"vmspec/results/report"
	"vmspec/suite/mutants"
	"vmspec/suite/mutants/mutantstest"
)

// Each live row of the table is booted by make mutants, and those that say so by make
// test. What must be found is, nothing else is, and the guest shows that it saw the
// change.
func TestBootMutants(t *testing.T) {
	t.Parallel()
	canBoot(t)
	rows, err := mutants.Rows()
	require.NoError(t, err)
	everything := os.Getenv("VMSPEC_MUTANTS") != ""
	var m mutantMatrix
	t.Run("boots", func(t *testing.T) {
		for _, r := range rows {
			if r.Live() && (everything || r.Test) {
				t.Run(r.Name, func(t *testing.T) {
					t.Parallel()
					needBoot(t)
					o := outcomeOf(t, r)
					m.add(o)
					require.Empty(t, o.Wrong(), r.At)
				})
			}
		}
	})
	if everything {
		t.Run("captured", func(t *testing.T) { m.offline(t, rows) })
		m.finish(t)
	}
}

// outcomeOf boots a row.
func outcomeOf(t *testing.T, r *mutants.Row) *mutantstest.Outcome {
	t.Helper()
	how, ok := ways[r.Boot]
	require.True(t, ok, "%s: no way to boot is called %s", r.At, r.Boot)
	b := newMutantBoot(t, r)
	status, stdout, stderr := vmspec(t, how.args(t, b)...)
	if r.Dead {
		return outcomeOfDead(r, status, stderr)
	}
	require.NotEmpty(t, stdout, stderr)
	after := pointsBy(t, r, parse(t, stdout))
	said := strings.Join(strings.Fields(strings.ReplaceAll(stdout+stderr, "\n#", "")), " ")
	for id := range r.Expected() { // what only the host saw
		if _, text, seen := strings.Cut(said, "seen by the host: "+id+" fail: "); seen {
			after[id] = mutantstest.Point{Verdict: report.Fail, Text: text}
		}
	}
	o := mutantstest.Compare(r, unbroken(r, how.fails(b), after), after)
	for _, p := range r.Proof {
		if text := after[p.ID].Text; p.ID == "host" && !strings.Contains(said, p.Text) || p.ID != "host" && !strings.Contains(text, p.Text) {
			o.Unproven = append(o.Unproven, p.ID+" does not say "+p.Text+": "+text)
		}
	}
	return o
}

// outcomeOfDead is that of a guest without a report: nobody can tell, and what ended it
// is said.
func outcomeOfDead(r *mutants.Row, status results.Conformance, stderr string) *mutantstest.Outcome {
	o := &mutantstest.Outcome{Row: r}
	if status != results.CouldNotTell {
		o.Survived = append(o.Survived, "it ends as "+string(status)+": "+stderr)
	}
	for _, p := range r.Proof {
		if !strings.Contains(stderr, p.Text) {
			o.Unproven = append(o.Unproven, "the host does not say "+p.Text+": "+stderr)
		}
	}
	return o
}

// pointsBy are the points by the row's profile, each with what the host saw of it.
func pointsBy(t *testing.T, r *mutants.Row, report *results.Report) map[string]mutantstest.Point {
	t.Helper()
	merged, err := results.MergeOf(results.Boot{Name: r.Name, Report: report}).By(r.Profile)
	require.NoError(t, err)
	out := map[string]mutantstest.Point{}
	for _, p := range merged.Points {
		out[p.ID] = mutantstest.Point{Verdict: p.Verdict, Text: p.Problem + p.Reason + "; " + p.Found}
	}
	return out
}

// unbroken are the points of a target that is not broken: what it fails is known,
// and all else is as the broken one has it, but for what the row says of it.
func unbroken(r *mutants.Row, fails map[string]results.Verdict, after map[string]mutantstest.Point) map[string]mutantstest.Point {
	out := maps.Clone(after)
	for id, p := range out {
		verdict, known := fails[id]
		_, listed := r.Expected()[id]
		busy := p.Verdict == report.Error && strings.Contains(p.Text, "too busy to tell")
		switch {
		case busy && !listed:
		case known:
			p.Verdict = verdict
		case listed || p.Verdict == report.Fail || p.Verdict == report.Error:
			p.Verdict = report.Pass
		}
		out[id] = p
	}
	return out
}

// A row without proof could be one that the VM repairs.
func TestLiveRows(t *testing.T) {
	rows, err := mutants.Rows()
	require.NoError(t, err)
	tested := 0
	for _, r := range rows {
		require.False(t, r.Test && !r.Live(), r.At)
		require.False(t, len(r.May) > 0 && !r.Live(), "%s: a captured guest has one kernel", r.At)
		if !r.Live() {
			continue
		}
		require.NotEmpty(t, r.Proof, "%s: what shows that the guest saw the change?", r.At)
		require.Contains(t, ways, r.Boot, r.At)
		require.False(t, r.Dead && len(r.Finds)+len(r.With)+len(r.Also)+len(r.May) > 0, "%s: a dead guest finds nothing", r.At)
		if r.Test {
			tested++
		}
	}
	require.Equal(t, 8, tested, "make test boots eight")
}
