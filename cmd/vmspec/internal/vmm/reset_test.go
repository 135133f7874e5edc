package vmm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A guest that resets its VM is waited for again, so often as that is wanted.
func TestStartResets(t *testing.T) {
	const (
		boots  = `echo "[    0.000000] Booting Linux on physical CPU 0x0"; `
		resets = `echo "[    2.000000] reboot: Restarting system"; `
		off    = `echo "[    2.000000] reboot: Power down"; `
	)
	for _, c := range []struct {
		name, script string
		resets       int
		set          func(r *Run)
		check        func(t *testing.T, out *Outcome)
	}{
		{"it comes back", boots + `cat "$1"; ` + resets + boots + `cat "$1"; ` + off, 1, nil, func(t *testing.T, out *Outcome) {
			require.True(t, out.Reset && out.CameBack && out.Off)
			require.False(t, out.Killed)
		}},
		{"it is not wanted to", boots + `cat "$1"; ` + resets + boots + `exec sleep 900`, 0, nil, func(t *testing.T, out *Outcome) {
			require.True(t, out.CameBack)
			require.Equal(t, Rebooted, out.Reason)
		}},
		{"once too often", boots + `cat "$1"; ` + resets + boots + `cat "$1"; ` + resets + boots + `exec sleep 900`, 1, nil, func(t *testing.T, out *Outcome) {
			require.Equal(t, Rebooted, out.Reason)
		}},
		{"it ends", boots + `cat "$1"; ` + resets, 1, nil, func(t *testing.T, out *Outcome) {
			require.True(t, out.Reset)
			require.False(t, out.CameBack || out.Killed)
		}},
		{"it stands still", boots + `cat "$1"; ` + resets + `exec sleep 900`, 1, func(r *Run) { r.Silence = 10 * time.Second }, func(t *testing.T, out *Outcome) {
			require.True(t, out.Reset && out.Still())
			require.False(t, out.CameBack)
		}},
		{"longer than the grace", boots + `cat "$1"; ` + resets + `sleep 2; ` + boots + `cat "$1"; ` + off, 1, nil, func(t *testing.T, out *Outcome) {
			require.True(t, out.CameBack && out.Off)
		}},
		{"a panic is no reset", boots + `cat "$1"; echo "[    2.000000] Kernel panic - not syncing: x"; ` + boots + `exec sleep 900`, 1, nil, func(t *testing.T, out *Outcome) {
			require.False(t, out.Reset || out.CameBack)
			require.Equal(t, Rebooted, out.Reason)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := sh(t, c.script)
			r.Resets = c.resets
			if c.set != nil {
				c.set(&r)
			}
			out := outcome(t, r)
			requireWhole(t, out)
			c.check(t, out)
		})
	}
}
