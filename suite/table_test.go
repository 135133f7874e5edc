package suite

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/results"
	"vmspec/results/report"
	"vmspec/suite/mutants"
	"vmspec/suite/mutants/mutantstest"
)

// neverFails are those that no set of boots can fail, and why. The texts ask them
// only if the physical CPUs implement AArch32 at EL1, or the physical GICv3 supports
// legacy operation. So a failure takes two facts: that the host has it, and that no VM
// gets it. A boot shows what one VM got, and a host's record names only what its guests
// cannot have. A merge passes them, or leaves them open: TestWhatNeverFailsIsLeftOpen.
var neverFails = map[string]string{
	"PLAT-AARCH32":        "no boot shows that the host has AArch32 at EL1 and starts no VM in it",
	"PLAT-GIC-COMPATIBLE": "no boot shows that the host's GICv3 can work as a GICv2 and is not offered so",
}

// What cannot fail has a row that loses its pass, and leaves it open.
func TestWhatNeverFailsIsLeftOpen(t *testing.T) {
	open := map[string]bool{}
	for _, r := range tableRows(t) {
		for id, e := range r.Finds {
			open[id] = open[id] || r.Kind == mutants.Merge && e.Verdict == report.Skip
			require.False(t, neverFails[id] != "" && e.Verdict == report.Fail, "%s: %s fails after all", r.At, id)
		}
	}
	for id := range neverFails {
		require.True(t, open[id], id)
	}
}

func tableRows(t testing.TB) []*mutants.Row {
	t.Helper()
	rows, err := mutants.Rows()
	require.NoError(t, err)
	return rows
}

// outcome judges a row that needs no VM.
func (r row) outcome(t testing.TB) *mutantstest.Outcome {
	t.Helper()
	return mutantstest.OutcomeOf(t, r.Row, r.files, judgeRow)
}

// judgeRow is what a row's profile says of facts.
func judgeRow(r *mutants.Row, facts *probes.Facts) map[string]mutantstest.Point {
	s := Settings{Profile: Profile(r.Profile)}
	if r.Guest == mutantstest.ImageAlone {
		s.Subjects = []Subject{Image}
	}
	out := map[string]mutantstest.Point{}
	for id, f := range verdicts(JudgeBy(s, "arm64", facts)) {
		out[id] = mutantstest.Point{Verdict: f.Verdict, Text: said(f)}
	}
	return out
}

// What must be found on each row of the table that needs no VM is found, and nothing
// else.
func TestTable(t *testing.T) {
	for _, r := range tableRows(t) {
		if !r.Live() {
			t.Run(r.Name, row{r, nil}.test)
		}
	}
}

// A control finds nothing, and a blind guest blames nobody.
func TestControlsAndBlindGuests(t *testing.T) {
	for _, r := range tableRows(t) {
		for id, verdict := range r.Expected() {
			switch r.Kind {
			case mutants.Control:
				require.Equal(t, report.Pass, verdict, "%s: %s", r.At, id)
			case mutants.Blind:
				require.NotEqual(t, report.Fail, verdict, "%s: %s", r.At, id)
			}
		}
	}
}

// Every must, should and recommendation that is judged at all has a row that it
// must catch.
func TestEveryRequirementCatches(t *testing.T) {
	var idle []string
	for _, r := range Catalogue() {
		if !r.counts() || r.Check == nil && !results.JudgedByHost(r.ID) {
			continue
		}
		caught, err := mutants.CaughtBy(r.ID)
		require.NoError(t, err)
		if len(caught) == 0 && neverFails[r.ID] == "" {
			idle = append(idle, r.ID)
		}
	}
	require.Empty(t, idle, "they catch no row: vmspec help contribute")
}

// counts tells whether a text asks it with a word that counts.
func (r Requirement) counts() bool {
	for _, p := range Profiles() {
		if c, asked := r.Clauses.By(p); asked && c.Level != Info && c.Level != May {
			return true
		}
	}
	return false
}

// Each row has a name of its own, names requirements that its profile asks, and is
// of a kind that is counted.
func TestRowsOfTheTable(t *testing.T) {
	names := map[string]bool{}
	for _, r := range tableRows(t) {
		require.False(t, names[r.Name], "%s: two rows are called %q", r.At, r.Name)
		names[r.Name] = true
		require.Contains(t, mutants.Kinds(), r.Kind, r.At)
		require.Contains(t, Profiles(), Profile(r.Profile), r.At)
		require.NotEqual(t, r.Live(), r.Guest != "" || mutantstest.IsLog(r), "%s: a row boots, changes a captured guest, or has logs", r.At)
		for _, list := range []map[string]mutants.Expected{r.Finds, r.With, r.Also} {
			for id := range list {
				requirement, ok := Find(id)
				_, asked := requirement.Clauses.By(Profile(r.Profile))
				require.True(t, ok && asked, "%s: %s does not ask %s", r.At, r.Profile, id)
			}
		}
	}
}
