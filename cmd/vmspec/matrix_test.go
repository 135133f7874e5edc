package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/suite"
)

// What the specification needs is there, by each profile.
func TestSpecificationSet(t *testing.T) {
	require.NoError(t, specificationSet.check())
	with := func(flag, value string) func(setBoot, target.Target) bool {
		return func(b setBoot, _ target.Target) bool {
			at := slices.Index(b.Flags, flag)
			return at >= 0 && b.Flags[at+1] == value
		}
	}
	needs := map[string]struct {
		is   func(setBoot, target.Target) bool
		only []suite.Profile
	}{
		"direct":         {is: func(_ setBoot, g target.Target) bool { return !g.UEFI && !g.Image }},
		"tree by UEFI":   {is: func(_ setBoot, g target.Target) bool { return g.UEFI && !g.ACPI && !g.Image && !g.AArch32 }},
		"AArch32":        {is: func(_ setBoot, g target.Target) bool { return g.AArch32 && g.UEFI }},
		"image":          {is: func(_ setBoot, g target.Target) bool { return g.Image }},
		"GICv2":          {is: with("--gic", "2")},
		"GICv3":          {is: with("--gic", "3")},
		"hotplug":        {is: with("--needs", "all")},
		"two boots":      {is: with("--boots", "2")},
		"ACPI":           {is: func(_ setBoot, g target.Target) bool { return g.UEFI && g.ACPI && !g.GRUB }, only: []suite.Profile{suite.V20}},
		"both, the tree": {is: func(_ setBoot, g target.Target) bool { return g.GRUB && !g.Force }, only: []suite.Profile{suite.V20}},
		"both, ACPI":     {is: func(_ setBoot, g target.Target) bool { return g.GRUB && g.Force }, only: []suite.Profile{suite.V20}},
	}
	for name, need := range needs {
		for _, p := range suite.Profiles() {
			there := slices.ContainsFunc(specificationSet.Boots, func(b setBoot) bool {
				g, err := target.Find(b.Target)
				require.NoError(t, err)
				return b.needed(string(p)) && need.is(b, g)
			})
			require.Equal(t, need.only == nil || slices.Contains(need.only, p), there, "%s by %s", name, p)
		}
	}
}

// The whole set, booted: nothing that a text asks fails, is in error, or is open, but
// for what takes a guest OS under test.
func TestMatrixOfSpecification(t *testing.T) {
	if os.Getenv("VMSPEC_MATRIX") == "" {
		t.Skip("boots seven VMs: make matrix sets VMSPEC_MATRIX")
	}
	needBoot(t)
	t.Chdir(filepath.Join("..", ".."))
	_, stdout, stderr := vmspec(t, "matrix", "vmspec", "--profile", "rfc-v2,v1.0,v2.0")
	t.Log(stdout)
	require.NotContains(t, stdout, "FAIL", stderr)
	require.NotContains(t, stdout, "contradiction", stderr)
	require.NotRegexp(t, `(?m)^(failed|error) `, stdout)
	require.NotRegexp(t, `(?m)^untested `, stdout)
	for _, p := range suite.Profiles() {
		require.Regexp(t, "(?m)^"+regexp.QuoteMeta(string(p))+": conformant: all ", stdout)
	}
}

func TestSetArgs(t *testing.T) {
	own := setBoot{Name: "a", Target: "qemu-virt", Flags: []string{"--gic", "2"}}
	require.Equal(t, "run qemu-virt --log a.log --format tap --gic 2", strings.Join(own.args("a.log"), " "))
	other := setBoot{Name: "a", Command: command{"vmm", "--log"}, Flags: []string{"--serial", "x"}}
	require.Equal(t, "run exec --log a.log --format tap --claims c --serial x -- vmm --log", strings.Join(other.args("a.log", "--claims", "c"), " "))
}

// FuzzParseSet: a set that is read can be run.
func FuzzParseSet(f *testing.F) {
	f.Add("boots:\n  - name: a\n    command: true\n    profiles: [v2.0]\n")
	f.Add("platform: x\nboots: [{name: a, target: qemu-virt, flags: [--gic, '2']}]")
	f.Add("boots: [{name: a, command: [a, b]}]")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := parseSet([]byte(text))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.NotEmpty(t, set.Boots)
		for _, b := range set.Boots {
			require.NotEmpty(t, b.args(b.Name))
		}
	})
}
