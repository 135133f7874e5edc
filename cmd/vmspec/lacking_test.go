package main

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
)

// rows reads a table of words: a line each, its first word the key.
func rows(t *testing.T, name string) map[string][]string {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	table := map[string][]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		require.Greater(t, len(words), 1, "%s: %q", name, lines.Text())
		require.NotContains(t, table, words[0], name)
		table[words[0]] = words[1:]
	}
	return table
}

// costs are the targets that cannot start without one of Debian's packages.
func costs(t *testing.T) map[string][]string {
	t.Helper()
	return rows(t, filepath.Join(repository, ".ci", "costs"))
}

// codename is this release's, as its os-release says; none elsewhere. Debian's
// testing and unstable have the same.
func codename() string {
	data, _ := os.ReadFile("/etc/os-release") // other systems have none
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "VERSION_CODENAME="); ok {
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return ""
}

// lacked names the package, of those that a release lacks, without which a
// target cannot start.
func lacked(to string, lacking []string, costs map[string][]string) string {
	for _, name := range lacking {
		if slices.Contains(costs[name], to) {
			return name
		}
	}
	return ""
}

// needTarget skips a test whose target this release cannot start: by the table
// of what a release lacks, and if nobody installed it otherwise.
func needTarget(t *testing.T, to string) {
	t.Helper()
	name := lacked(to, rows(t, filepath.Join("testdata", "lacking"))[codename()], costs(t))
	if name == "" {
		return
	}
	found, err := target.Find(to)
	require.NoError(t, err)
	if _, err := found.FindFirmware(""); err != nil {
		t.Skipf("%s has no package %s: %v", codename(), name, err)
	}
}

func TestLacked(t *testing.T) {
	costs := map[string][]string{"a": {"one", "two"}, "b": {"three"}}
	require.Equal(t, "a", lacked("two", []string{"b", "a"}, costs))
	require.Empty(t, lacked("three", []string{"a"}, costs))
	require.Empty(t, lacked("one", nil, costs))
}

// Each target is paid for by the packages that hold what it starts with.
func TestCosts(t *testing.T) {
	want := map[string][]string{}
	for _, to := range target.All() {
		names := []string{"qemu-system-arm"}
		switch {
		case to.UBoot:
			names = append(names, "u-boot-qemu")
		case to.UEFI && to.AArch32:
			names = append(names, "qemu-efi-arm")
		case to.UEFI:
			names = append(names, "qemu-efi-aarch64")
		}
		for _, name := range names {
			want[name] = append(want[name], to.Name)
		}
	}
	require.Equal(t, want, costs(t))
	for release, names := range rows(t, filepath.Join("testdata", "lacking")) {
		for _, name := range names {
			require.Contains(t, want, name, release)
		}
	}
}
