package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/suite"
	"vmspec/suite/mutants"
	"vmspec/suite/mutants/mutantstest"
)

// A mutantMatrix is what became of all rows, and of the mutants of the code.
type mutantMatrix struct {
	mu   sync.Mutex
	rows []mutantResult
}

// A mutantResult is a row of the matrix, as build/mutants.json has it.
type mutantResult struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind"`
	Profile    string   `json:"profile"`
	Live       bool     `json:"live"`
	Killed     []string `json:"killed"`
	Survived   []string `json:"survived"`
	Collateral []string `json:"collateral"`
	Unproven   []string `json:"unproven"`
}

// codeResult is what go test ./suite left of the checks that were replaced.
type codeResult struct {
	Mutants  int      `json:"mutants"`
	Survived []string `json:"survived"`
}

func (m *mutantMatrix) add(o *mutantstest.Outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = append(m.rows, mutantResult{o.Row.Name, o.Row.Kind, o.Row.Profile, o.Row.Live(), o.Killed, o.Survived, o.Collateral, o.Unproven})
}

// offline judges the rows that need no VM.
func (m *mutantMatrix) offline(t *testing.T, rows []*mutants.Row) {
	for _, r := range rows {
		if r.Live() {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			o := mutantstest.OutcomeOf(t, r, nil, judgeRow)
			m.add(o)
			require.Empty(t, o.Wrong(), r.At)
		})
	}
}

// judgeRow is what a row's profile says of facts.
func judgeRow(r *mutants.Row, facts *probes.Facts) map[string]mutantstest.Point {
	s := suite.Settings{Profile: suite.Profile(r.Profile)}
	if r.Guest == mutantstest.ImageAlone {
		s.Subjects = []suite.Subject{suite.Image}
	}
	out := map[string]mutantstest.Point{}
	for _, p := range suite.JudgeBy(s, "arm64", facts).Results {
		out[p.ID] = mutantstest.Point{Verdict: p.Finding.Verdict, Text: p.Problem + "; " + strings.Join(p.Found, "; ")}
	}
	return out
}

// finish keeps the matrix: as text for who ran it, and as data for the site.
func (m *mutantMatrix) finish(t *testing.T) {
	t.Helper()
	code := readCode(t)
	slices.SortFunc(m.rows, func(a, b mutantResult) int { return strings.Compare(a.Kind+a.Name, b.Kind+b.Name) })
	require.NoError(t, os.WriteFile(filepath.Join("..", "..", "build", "mutants.txt"), []byte(m.text(code)), 0o644))
	caught, uncaught := m.caughtBy()
	data, err := json.MarshalIndent(map[string]any{
		"catalogue": suite.CatalogueHash(), "rows": m.rows, "code": code, "caught_by": caught, "uncaught": uncaught,
	}, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join("..", "..", "build", "mutants.json"), append(data, '\n'), 0o644))
	require.Empty(t, code.Survived)
}

// caughtBy lists the rows that each requirement killed, and the requirements that
// killed none, as the site reads them.
func (m *mutantMatrix) caughtBy() (caught map[string][]string, uncaught []string) {
	caught = map[string][]string{}
	for _, r := range m.rows {
		for _, id := range r.Killed {
			caught[id] = append(caught[id], r.Name)
		}
	}
	for _, r := range suite.Catalogue() {
		if caught[r.ID] == nil {
			uncaught = append(uncaught, r.ID)
		}
	}
	return caught, uncaught
}

func readCode(t *testing.T) (code codeResult) {
	t.Helper()
	name := os.Getenv("VMSPEC_CODE_MUTANTS")
	require.NotEmpty(t, name, "make mutants sets VMSPEC_CODE_MUTANTS")
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &code))
	return code
}

// text is the matrix: the requirements, and the mutants that each killed or let
// survive; what else changed; and counts by kind.
func (m *mutantMatrix) text(code codeResult) string {
	by, kinds := newTable(), newTable()
	by.AppendHeader(table.Row{"requirement", "killed", "survived"})
	for _, r := range suite.Catalogue() {
		killed, survived := m.count(r.ID)
		if killed+survived > 0 {
			by.AppendRow(table.Row{r.ID, killed, survived})
		}
	}
	kinds.AppendHeader(table.Row{"kind", "mutants", "booted", "survived", "collateral", "no proof"})
	for _, kind := range mutants.Kinds() {
		kinds.AppendRow(m.tally(kind))
	}
	kinds.AppendRow(table.Row{"code", code.Mutants, 0, len(code.Survived), 0, 0})
	var wrong strings.Builder
	for _, r := range m.rows {
		for _, what := range slices.Concat(r.Survived, r.Collateral, r.Unproven) {
			fmt.Fprintf(&wrong, "%s (%s): %s\n", r.Name, r.Kind, what)
		}
	}
	return by.Render() + "\n\n" + kinds.Render() + "\n\n" + wrong.String()
}

// count tells of how many rows a requirement killed, and let survive.
func (m *mutantMatrix) count(id string) (killed, survived int) {
	for _, r := range m.rows {
		if slices.Contains(r.Killed, id) {
			killed++
		}
		if slices.ContainsFunc(r.Survived, func(s string) bool { return strings.HasPrefix(s, id+" ") }) {
			survived++
		}
	}
	return killed, survived
}

func (m *mutantMatrix) tally(kind string) table.Row {
	var all, booted, survived, collateral, unproven int
	for _, r := range m.rows {
		if r.Kind != kind {
			continue
		}
		all++
		if r.Live {
			booted++
		}
		survived += len(r.Survived)
		collateral += len(r.Collateral)
		unproven += len(r.Unproven)
	}
	return table.Row{kind, all, booted, survived, collateral, unproven}
}
