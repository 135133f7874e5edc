package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/suite"
)

// What the specification needs, by each profile: AArch32 and an image by all, and by
// v2.0 both GICs.
func TestSpecificationSet(t *testing.T) {
	require.NoError(t, specificationSet.check())
	for _, p := range suite.Profiles() {
		var targets, gics []string
		for _, b := range specificationSet.Boots {
			if !b.needed(string(p)) {
				continue
			}
			targets = append(targets, b.Target)
			if at := slices.Index(b.Flags, "--gic"); at >= 0 {
				gics = append(gics, b.Flags[at+1])
			}
		}
		require.True(t, slices.ContainsFunc(targets, func(name string) bool { g, err := target.Find(name); return err == nil && g.AArch32 }), p)
		require.True(t, slices.ContainsFunc(targets, func(name string) bool { g, err := target.Find(name); return err == nil && g.Image }), p)
		slices.Sort(gics)
		want := []string{"3"}
		if p == suite.V20 {
			want = []string{"2", "3"}
		}
		require.Equal(t, want, gics, p)
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
