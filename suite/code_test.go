package suite

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/results"
	"vmspec/suite/mutants"
	"vmspec/suite/mutants/mutantstest"
)

// A codeMutant is a check that was replaced by one that always says the same.
type codeMutant struct {
	requirement Requirement
	verdict     Verdict
	caught      bool
}

// codeMutants are of every check: always pass, and always fail.
func codeMutants() map[string][]*codeMutant {
	out := map[string][]*codeMutant{}
	for _, r := range Catalogue() {
		if r.Check == nil {
			continue
		}
		for _, f := range []Finding{pass("it always passes"), fail("it always fails")} {
			r.Check = func(*probes.Facts) Finding { return f }
			out[r.ID] = append(out[r.ID], &codeMutant{requirement: r, verdict: f.Verdict})
		}
	}
	return out
}

func (m *codeMutant) says(facts *probes.Facts) mutantstest.Point {
	f := m.requirement.judge(facts, anyCheck)
	return mutantstest.Point{Verdict: f.Verdict, Text: said(f)}
}

// A check that always passes, or always fails, is noticed by the golden files or by
// a row that names its requirement.
func TestCodeMutants(t *testing.T) {
	all := codeMutants()
	byGoldenFiles(t, all)
	rows := tableRows(t)
	for _, r := range rows {
		if !r.Live() && !mutantstest.IsLog(r) {
			byRow(t, row{r, nil}, all)
		}
	}
	for _, m := range codedMutants(t) {
		byCodedMutant(t, m, all)
	}
	count, survivors := 0, []string{}
	for id, list := range all {
		for _, m := range list {
			if count++; !m.caught {
				survivors = append(survivors, id+" always says "+string(m.verdict))
			}
		}
	}
	keepCodeMutants(t, count, survivors)
	require.Empty(t, survivors)
	require.Greater(t, count, 150)
}

// keepCodeMutants leaves what make mutants puts into its matrix.
func keepCodeMutants(t *testing.T, count int, survivors []string) {
	t.Helper()
	name := os.Getenv("VMSPEC_CODE_MUTANTS")
	if name == "" {
		return
	}
	data, err := json.Marshal(map[string]any{"mutants": count, "survived": survivors})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, data, 0o600))
}

// byGoldenFiles marks those that say something else of a captured guest than its
// golden file.
func byGoldenFiles(t *testing.T, all map[string][]*codeMutant) {
	t.Helper()
	names, err := filepath.Glob("testdata/*.tap")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		f, err := os.Open(name)
		require.NoError(t, err)
		golden, err := results.Parse(f, "")
		require.NoError(t, err)
		require.NoError(t, f.Close())
		facts := probes.Read(guesttest.Open(t, strings.TrimSuffix(filepath.Base(name), ".tap")))
		for _, p := range golden.Points {
			for _, m := range all[p.ID] {
				m.caught = m.caught || m.says(facts).Verdict != p.Verdict
			}
		}
	}
}

// byRow marks those of which the row's outcome is not as it says.
func byRow(t *testing.T, r row, all map[string][]*codeMutant) {
	t.Helper()
	var before, after *probes.Facts
	for _, list := range []map[string]mutants.Expected{r.Finds, r.With, r.Also} {
		for id := range list {
			for _, m := range all[id] {
				if m.caught {
					continue
				}
				if before == nil {
					before, after, _ = mutantstest.Facts(t, r.Row, r.files)
				}
				o := mutantstest.Compare(r.only(id), map[string]mutantstest.Point{id: m.says(before)}, map[string]mutantstest.Point{id: m.says(after)})
				m.caught = !o.Sound()
			}
		}
	}
}

// only is the row with what it says of one requirement.
func (r row) only(id string) *mutants.Row {
	one := *r.Row
	for _, list := range []*map[string]mutants.Expected{&one.Finds, &one.With, &one.Also} {
		if e, ok := (*list)[id]; ok {
			*list = map[string]mutants.Expected{id: e}
		} else {
			*list = nil
		}
	}
	return &one
}

// byCodedMutant marks those that say something else than a mutant wants.
func byCodedMutant(t *testing.T, c mutant, all map[string][]*codeMutant) {
	t.Helper()
	var facts *probes.Facts
	for id, want := range c.want {
		for _, m := range all[id] {
			if m.caught {
				continue
			}
			if facts == nil {
				facts = probes.Read(c.change(t, guesttest.Open(t, c.guest)))
			}
			m.caught = m.says(facts).Verdict != want
		}
	}
}
