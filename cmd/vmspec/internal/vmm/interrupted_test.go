package vmm

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStartInterrupted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, script string }{
		{"ends when asked", `sleep 900 & echo $! > "$2/child"; echo $$ > "$2/pid"; echo ready; wait`},
		{"does not end when asked", `trap "" TERM; sleep 900 & echo $! > "$2/child"; echo $$ > "$2/pid"; echo ready; while :; do sleep 1; done`},
		{"its child does not end when asked", `(trap "" TERM; echo > "$2/deaf"; while :; do sleep 1; done) & echo $! > "$2/child"; echo $$ > "$2/pid"; until [ -e "$2/deaf" ]; do sleep .01; done; echo ready; wait`},
		{"in the middle of a report", `sleep 900 & echo $! > "$2/child"; echo $$ > "$2/pid"; head -n 50 "$1"; echo ready; wait`},
		{"after the report", `sleep 900 & echo $! > "$2/child"; echo $$ > "$2/pid"; cat "$1"; echo ready; wait`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := sh(t, c.script)
			r.Line = func(line string) {
				if line == "ready" {
					cancel()
				}
			}
			out, err := startWithin(t, ctx, r, patience)
			require.NoError(t, err)
			require.Equal(t, "interrupted", out.Reason)
			require.True(t, out.Killed)
			requireGone(t, dir(r)+"/pid", dir(r)+"/child")
			if c.name == "after the report" {
				requireWhole(t, out)
			} else {
				require.True(t, out.Report == nil || out.Report.Incomplete != nil)
			}
		})
	}
}

func TestStartInterruptedBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out, err := startWithin(t, ctx, sh(t, `exec sleep 900`), patience)
	require.NoError(t, err)
	require.Equal(t, "interrupted", out.Reason)
	require.True(t, out.Killed)
}

// Processes that a VMM leaves behind hold its output open.
func TestStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script string
		escapes      bool // into a session of its own
	}{
		{"child holds stdout", `sleep 900 2>/dev/null & echo $! > "$2/child"; cat "$1"`, false},
		{"child holds stdout and stderr", `sleep 900 & echo $! > "$2/child"; cat "$1"`, false},
		{"child prints for ever", `cat "$1"; yes noise 2>/dev/null & echo $! > "$2/child"`, false},
		{"child ignores signals and holds stdout", `(trap "" TERM HUP INT; while :; do sleep 1; done) 2>/dev/null & echo $! > "$2/child"; cat "$1"`, false},
		{"daemon holds stdout", `setsid sleep 900 2>/dev/null & echo $! > "$2/child"; cat "$1"`, true},
		{"daemon prints for ever", `cat "$1"; setsid sh -c 'while echo noise; do sleep .01; done' 2>/dev/null & echo $! > "$2/child"`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := sh(t, c.script)
			if c.escapes {
				needSetsid(t)
				t.Cleanup(func() { killFile(dir(r) + "/child") })
			}
			out, err := startWithin(t, t.Context(), r, patience)
			require.NoError(t, err)
			requireWhole(t, out)
			require.False(t, out.Killed)
			require.Zero(t, out.Status)
			if !c.escapes || runtime.GOOS == "linux" {
				requireGone(t, dir(r)+"/child")
			}
		})
	}
}

// killFile ends the process whose id the file holds.
func killFile(name string) {
	data, _ := os.ReadFile(name)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
