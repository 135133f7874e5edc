package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
	"vmspec/suite"
)

// Whatever neither a guest, nor a host, nor a merge judges is listed, with the
// reason; and nothing else is.
func TestUntestedAreListed(t *testing.T) {
	text, err := os.ReadFile("../../suite/testdata/clauses.tsv")
	require.NoError(t, err)
	listed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); f[0] == "untested" {
			require.Len(t, f, 3, line)
			require.GreaterOrEqual(t, len(f[2]), 40, line)
			require.False(t, listed[f[1]], line)
			listed[f[1]] = true
		}
	}
	unjudged := map[string]bool{}
	for _, r := range suite.Catalogue() {
		if r.Check == nil && !results.JudgedByHost(r.ID) {
			unjudged[r.ID] = true
		}
	}
	require.Equal(t, unjudged, listed)
}
