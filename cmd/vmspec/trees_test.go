package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest"
	"vmspec/results"
)

// always are the broken trees that are booted even without VMSPEC_TREES.
var always = []string{"an interrupt of two cells", "a device in another's registers"}

// dumpTree leaves in a file the tree that QEMU makes for the target with a GICv3 and
// four CPUs, as those who break it expect it.
func dumpTree(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "virt.dtb")
	out, err := exec.Command(target.Binary, "-nodefaults", "-display", "none",
		"-machine", "virt,gic-version=3,dumpdtb="+file, "-cpu", "cortex-a57", "-smp", "4", "-m", "512").CombinedOutput()
	require.NoError(t, err, string(out))
	return file
}

func parseTree(t *testing.T, file string) *fdt.Tree {
	t.Helper()
	blob, err := os.ReadFile(file)
	require.NoError(t, err)
	tree, err := fdt.Parse(blob)
	require.NoError(t, err)
	return tree
}

// contents counts what a tree holds, a line for each node and property.
func contents(t *fdt.Tree) map[string]int {
	out := map[string]int{}
	for _, n := range t.Root.All() {
		out[n.Path()]++
		for _, p := range n.Props {
			out[fmt.Sprintf("%s %s=%x", n.Path(), p.Name, p.Value)]++
		}
	}
	return out
}

// difference lists what was added to a tree, and what was taken away.
func difference(before, after map[string]int) (added, removed []string) {
	for line := range maps.Keys(after) {
		if after[line] > before[line] {
			added = append(added, line)
		}
	}
	for line := range maps.Keys(before) {
		if before[line] > after[line] {
			removed = append(removed, line)
		}
	}
	return added, removed
}

// A guest that boots by a broken tree names the rule and the node, and what it
// captured holds the break: QEMU mends some.
func TestBootTrees(t *testing.T) {
	t.Parallel()
	canBoot(t)
	for _, b := range fdttest.Breaks {
		if b.Offline != "" || os.Getenv("VMSPEC_TREES") == "" && !slices.Contains(always, b.Name) {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			needBoot(t)
			file := dumpTree(t)
			sound, broken := parseTree(t, file), parseTree(t, file)
			b.Edit(broken)
			report, seen := bootTree(t, broken)
			require.Equal(t, []string{b.Rule + " at " + b.Path}, brokenRules(report))

			added, removed := difference(contents(sound), contents(broken))
			require.NotEmpty(t, append(added, removed...))
			in := contents(seen)
			for _, line := range added {
				require.Equal(t, contents(broken)[line], in[line], "the guest did not see %s", line)
			}
			for _, line := range removed {
				require.Equal(t, contents(broken)[line], in[line], "the guest saw %s", line)
			}
		})
	}
}

// bootTree boots a guest by a tree and returns its report, and the tree that
// it captured. The capture leaves by the console: PCI may be what is broken.
func bootTree(t *testing.T, tree *fdt.Tree) (*results.Report, *fdt.Tree) {
	t.Helper()
	dir := t.TempDir()
	dtb, log, capture := filepath.Join(dir, "broken.dtb"), filepath.Join(dir, "console.log"), filepath.Join(dir, "guest.tar.gz")
	require.NoError(t, os.WriteFile(dtb, fdttest.Encode(tree), 0o600))
	_, stdout, stderr := vmspec(t, "run", "qemu-virt", "--guest", guestDir, "--gic", "3", "--cpus", "4",
		"--append", "vmspec.capture=console", "--log", log, "--", "-dtb", dtb)
	require.NotEmpty(t, stdout, stderr)
	_, _, stderr = vmspec(t, "report", "--capture", capture, log)
	in, err := os.Open(capture)
	require.NoError(t, err, stderr)
	defer in.Close()
	files, err := guest.ReadCapture(in)
	require.NoError(t, err)
	blob, err := files.ReadFile(fdt.Path)
	require.NoError(t, err)
	seen, err := fdt.Parse(blob)
	require.NoError(t, err)
	return parse(t, stdout), seen
}

// brokenRules lists the rules that a report names, and the first node of each
// point.
func brokenRules(report *results.Report) (out []string) {
	for _, p := range report.Points {
		rule, _, ok := strings.Cut(p.Problem, ": ")
		if ok && strings.HasPrefix(p.ID, "HW-FDT-") && strings.Contains(rule, " at /") {
			out = append(out, rule)
		}
	}
	return out
}

func TestTreesThatAreAlwaysBooted(t *testing.T) {
	for _, name := range always {
		require.True(t, slices.ContainsFunc(fdttest.Breaks, func(b fdttest.Break) bool { return b.Name == name && b.Offline == "" }), name)
	}
}
