package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLiveStage(t *testing.T) {
	var at liveStage
	var passed []string
	take := at.before(func(line string) { passed = append(passed, line) })
	require.Equal(t, "starting", at.String())
	steps := []struct{ line, want string }{
		{"UEFI firmware (version 2022.11 built at 11:00:00)", "firmware"},
		{"BdsDxe: loading Boot0001", "firmware"},
		{"EFI stub: Booting Linux Kernel...", "kernel"},
		{"[    0.000000] Booting Linux on physical CPU 0x0", "kernel"},
		{"# vmspec: init 0.1.0", "probing"},
		{"# vmspec: trial variables: UEFI SetVariable", "trials"},
		{"TAP version 13", "report"},
		{"ok 1 - PLAT-GIC", "report"},
		{"[    3.0] reboot: Power down", "done"},
	}
	for i, s := range steps {
		take(s.line)
		require.Equal(t, s.want, at.String(), s.line)
		require.Equal(t, s.line, passed[i])
	}
	require.NotPanics(t, func() { at.before(nil)("x") })
}
