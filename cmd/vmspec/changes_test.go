package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/releases"
	"vmspec/cmd/vmspec/internal/target"
	"vmspec/suite"
)

// The record of this version has all that a user sees. With -update it is kept: when
// a release is made, for the next one to be compared with.
func TestRecordOfRelease(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, record().Write(&b))
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join("internal", "releases", suite.Version+".yaml"), b.Bytes(), 0o644))
	}
	r, err := releases.Read(b.Bytes())
	require.NoError(t, err)
	require.Equal(t, suite.Version, r.Version)
	require.Len(t, r.Requirements, len(suite.Catalogue()))
	require.Len(t, r.Targets, len(target.All()))
	commands := map[string][]string{}
	for _, c := range r.Commands {
		for _, f := range c.Flags {
			commands[c.Name] = append(commands[c.Name], f.Name)
		}
	}
	require.Contains(t, commands["vmspec run exec"], "serial")
	require.Contains(t, commands["vmspec image check"], "guest-os")
	require.NotContains(t, commands, "vmspec man", "hidden")
	require.NotContains(t, commands, "vmspec", "it does nothing by itself")
	formats := map[string][]string{}
	for _, f := range r.Formats {
		formats[f.Name] = f.Commands
	}
	for _, name := range append([]string{"text", "tap"}, strings.Split(documentNames(), ", ")...) {
		require.Contains(t, formats[name], "vmspec report", name)
	}
	require.NotContains(t, formats["junit"], "vmspec diff")
}

// Whoever has a --format completes it: by that it is recorded.
func TestFormatsAreCompleted(t *testing.T) {
	for _, command := range record().Commands {
		c, _, err := newRoot().Find(strings.Fields(command.Name)[1:])
		require.NoError(t, err)
		if c.Flags().Lookup("format") != nil {
			require.NotEmpty(t, formatsOf(c), command.Name)
		}
	}
}

// What users of the last release had is there, or the notes of this one speak of it.
func TestNothingIsGoneWithoutAWord(t *testing.T) {
	was, err := releases.Before(suite.Version)
	require.NoError(t, err)
	for _, s := range releases.Compare(was, record()) {
		for _, gone := range s.Gone {
			require.Contains(t, releases.Notes(suite.Version), gone.Name, "say why in internal/releases/%s.md", suite.Version)
		}
	}
}
