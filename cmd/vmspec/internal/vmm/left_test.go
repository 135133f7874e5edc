package vmm

import (
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A command that ends and leaves its VM running is read on.
func TestStartLeft(t *testing.T) {
	t.Parallel()
	needSetsid(t)
	if runtime.GOOS != "linux" {
		t.Skip("a process that left its group is out of our reach")
	}
	// Once the command, process $p, has ended and its end was seen.
	const later = `while kill -0 $p 2>/dev/null; do sleep .1; done; sleep 5; `
	for _, c := range []struct {
		name, script string
		want         func(t *testing.T, out *Outcome)
	}{
		{"a daemon that reports and ends", `export p=$$; setsid sh -c 'echo $$ > "$2/child"; ` + later + `cat "$1"' x "$1" "$2" & exit 4`, func(t *testing.T, out *Outcome) {
			requireWhole(t, out)
			require.False(t, out.Killed)
			require.Empty(t, out.Reason)
			require.Equal(t, "ended with exit status 4", out.Ended())
		}},
		{"a daemon that reports and stays", `export p=$$; setsid sh -c 'echo $$ > "$2/child"; ` + later + `cat "$1"; sleep 900' x "$1" "$2" &`, func(t *testing.T, out *Outcome) {
			requireWhole(t, out)
			require.True(t, out.Killed)
			require.Equal(t, Lasted, out.Reason)
		}},
		{"a wrapper that is killed", `p=$$; (` + later + `cat "$1"; exec sleep 900) & echo $! > "$2/child"; kill -9 $$`, func(t *testing.T, out *Outcome) {
			requireWhole(t, out)
			require.Equal(t, "was killed by signal 9 (KILL)", out.Ended())
		}},
		{"a daemon without a console", `setsid sleep 900 </dev/null >/dev/null 2>&1 & echo $! > "$2/child"; echo starting`, func(t *testing.T, out *Outcome) {
			require.Nil(t, out.Report)
			require.Equal(t, consoleClosed, out.Reason)
			require.Equal(t, []string{"starting"}, out.Last)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := sh(t, c.script)
			out, err := startWithin(t, t.Context(), r, patience)
			require.NoError(t, err)
			require.True(t, out.Left)
			c.want(t, out)
			requireGone(t, dir(r)+"/child")
		})
	}
}

// needSetsid skips where a system has no setsid. Linux has it, in util-linux.
func needSetsid(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("setsid")
	if err != nil && runtime.GOOS != "linux" {
		t.Skip("no setsid")
	}
	require.NoError(t, err)
}

// A VM that is to reboot and does shows no more than the first line of it.
func TestStartRebooted(t *testing.T) {
	t.Parallel()
	for _, first := range []string{
		"[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]",
		"EFI stub: Booting Linux Kernel...",
		"UEFI firmware (version 2022.11 built at 00:00:00 on Jan 1 2022)",
	} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			r := sh(t, `echo "$3"; cat "$1"; echo "$3"; exec sleep 900`)
			r.Command = append(r.Command, first)
			r.Grace = time.Minute
			out := outcome(t, r)
			requireWhole(t, out)
			require.True(t, out.Killed)
			require.Equal(t, Rebooted, out.Reason)
		})
	}
}

func TestEnded(t *testing.T) {
	for want, o := range map[string]Outcome{
		"ended with exit status 0":                                   {},
		"ended with exit status 128":                                 {Status: 128},
		"ended with exit status 139: a shell's for signal 11 (SEGV)": {Status: 139},
		"ended with exit status 255":                                 {Status: 255},
		"was killed by signal 6 (ABRT)":                              {Status: -1, Signal: "ABRT", number: 6},
	} {
		require.Equal(t, want, o.Ended())
	}
}
