package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// byDescriptions are the verdicts by v2.0 of three boots: by the tree and by ACPI
// where the firmware has both, and where it has ACPI alone.
var byDescriptions = map[string][3]results.Verdict{
	"HW-FDT-UEFI":      {results.Pass, results.Pass, results.Fail},
	"HW-ACPI-UEFI":     {results.Pass, results.Pass, results.Pass},
	"HW-FDT-BOOT":      {results.Pass, results.Pass, results.Fail},
	"HW-FDT-COMPLETE":  {results.Pass, results.Skip, results.Skip},
	"HW-ACPI-BOOT":     {results.Skip, results.Pass, results.Pass},
	"HW-ACPI-COMPLETE": {results.Skip, results.Pass, results.Pass},
	"HW-ACPI-SBBR":     {results.Skip, results.Pass, results.Pass},
	"FW-EL1":           {results.Pass, results.Pass, results.Pass},
}

func requireDescriptions(t *testing.T, boot int, r *results.Report) {
	t.Helper()
	require.Equal(t, "v2.0", r.Profile)
	for id, want := range byDescriptions {
		require.Equal(t, want[boot], point(r, id).Verdict, "%s, boot %d: %v", id, boot, point(r, id))
	}
}

// Both descriptions at once, the tree from GRUB: each boot shows one in use and the
// other's soundness as far as that shows, and together they are what v2.0 asks.
func TestBothDescriptions(t *testing.T) {
	needBoot(t)
	dir := t.TempDir()
	boot := func(target string) (string, *results.Report) {
		log := filepath.Join(dir, target+".log")
		_, stdout, _ := vmspec(t, "run", target, "--guest", guestDir, "--cpus", "2", "--append", "vmspec.profile=v2.0", "--log", log)
		return log, parse(t, stdout)
	}
	tree, byTree := boot("qemu-virt-both")
	acpi, byACPI := boot("qemu-virt-both-acpi")
	requireDescriptions(t, 0, byTree)
	requireDescriptions(t, 1, byACPI)
	require.Equal(t, results.Pass, point(byTree, "PLAT-CONSOLE-SBSA").Verdict)
	require.Contains(t, found(byTree, "HW-FDT-UEFI"), "by firmware or the boot loader GRUB")

	_, stdout, _ := vmspec(t, "merge", tree, acpi, "--platform", "both", "--format", "tap")
	merged := parse(t, stdout)
	for _, p := range merged.Points {
		require.False(t, p.Must() && p.Verdict == results.Fail, "%s: %s", p.ID, p.Problem)
	}
	require.Equal(t, results.Pass, point(merged, "HW-ACPI-COMPLETE").Verdict)
	_, stdout, _ = vmspec(t, "report", "--format", "text", tree)
	require.Contains(t, stdout, "a boot loader supplied the device\n         tree: GRUB")
}

// plainOfBoth requires of a log that plain AAVMF, which hands over ACPI alone, fails
// v2.0.
func plainOfBoth(t *testing.T, log string) {
	t.Helper()
	_, stdout, _ := vmspec(t, "report", "--profile", "v2.0", log)
	plain := parse(t, stdout)
	requireDescriptions(t, 2, plain)
	require.NotContains(t, found(plain, "HW-ACPI-UEFI"), "GRUB")
	status, _, _ := vmspec(t, "merge", log, "--platform", "plain", "--profile", "v2.0")
	require.Equal(t, results.NotConformant, status)
}
