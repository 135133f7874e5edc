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
		{"(XEN) DOM1: # vmspec: look kmsg", "probing"},
	}
	for i, s := range steps {
		take(s.line)
		require.Equal(t, s.want, at.String(), s.line)
		require.Equal(t, s.line, passed[i])
	}
	require.NotPanics(t, func() { at.before(nil)("x") })
}

// Who watches a boot from outside sees the same stage as the boot itself.
func TestLiveOf(t *testing.T) {
	require.NotNil(t, liveOf(t.Context()))
	var mine liveStage
	ctx := withLive(t.Context(), &mine)
	liveOf(ctx).before(nil)("TAP version 13")
	require.Equal(t, "report", mine.String())
}
