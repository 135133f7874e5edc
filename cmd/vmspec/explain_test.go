package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"vmspec/suite"
)

// What is explained is in the catalogue, and what it names, too.
func TestExplanations(t *testing.T) {
	all, err := readExplanations(explainText)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	id := regexp.MustCompile(`\b(?:FW|HW|PLAT|IMG|OS)-[A-Z][A-Z0-9-]+\b`)
	for name, e := range all {
		_, known := suite.Find(name)
		require.True(t, known, name)
		texts := append([]string{e.Why}, e.Traps...)
		for vmm, fix := range e.Fix {
			require.Contains(t, explainedVMMs, vmm, name)
			texts = append(texts, fix)
		}
		for _, text := range texts {
			require.NotEmpty(t, text, name)
			require.Equal(t, '.', rune(text[len(text)-1]), "%s: %s", name, text)
			require.Negative(t, strings.IndexFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }), "%s: %s", name, text)
			for _, other := range id.FindAllString(text, -1) {
				_, known := suite.Find(other)
				require.True(t, known, "%s names %s", name, other)
			}
		}
	}
	_, err = readExplanations([]byte("FW-RTC:\n  becuase: x\n"))
	require.ErrorContains(t, err, "becuase")
}

// No requirement is without a word of why it matters.
func TestEachRequirementIsExplained(t *testing.T) {
	all, err := readExplanations(explainText)
	require.NoError(t, err)
	for _, r := range suite.Catalogue() {
		require.NotEmpty(t, all[r.ID].Why, r.ID)
	}
}

// Each requirement can be explained, on 80 columns, and what rests on it is the
// reverse of what it rests on.
func TestExplainEach(t *testing.T) {
	for _, r := range suite.Catalogue() {
		var out strings.Builder
		require.NoError(t, explainID(&out, r.ID))
		for line := range strings.Lines(out.String()) {
			require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 80, line)
		}
		require.Equal(t, r.Check != nil, strings.Contains(out.String(), "\nfound by"), r.ID)
		if r.RestsOn != "" {
			require.True(t, slices.Contains(restingOn(r.RestsOn), r.ID), r.ID)
		}
	}
}
