package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
)

// needTarget skips a test whose target this release of Debian cannot start: by
// the table of what releases lack, and if nobody installed it otherwise.
func needTarget(t *testing.T, to string) {
	t.Helper()
	found, err := target.Find(to)
	require.NoError(t, err)
	firmware, system := found.Firmware(), target.ThisSystem()
	if firmware == nil || !system.Lacks(firmware.Package) {
		return
	}
	if _, err := firmware.Find(""); err != nil {
		t.Skip(err)
	}
}

// costs are the targets that cannot start without one of Debian's packages, as
// .ci/install knows them.
func costs(t *testing.T) map[string][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(repository, ".ci", "costs"))
	require.NoError(t, err)
	defer f.Close()
	table := map[string][]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		require.Greater(t, len(words), 1, lines.Text())
		require.NotContains(t, table, words[0])
		table[words[0]] = words[1:]
	}
	return table
}

// Each target is paid for by the packages that hold what it starts with.
func TestCosts(t *testing.T) {
	want := map[string][]string{}
	for _, to := range target.All() {
		names := []string{"qemu-system-arm"}
		if f := to.Firmware(); f != nil {
			names = append(names, f.Package.Debian)
		}
		for _, name := range names {
			want[name] = append(want[name], to.Name)
		}
	}
	require.Equal(t, want, costs(t))
}
