package vmm

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets this program stand for a VMM that sh cannot play: with
// "serve-socket SOCKET FILE" it makes a socket and sends the file to the first
// who connects, with "send-socket SOCKET FILE" it sends it to who listens there.
func TestMain(m *testing.M) {
	vmms := map[string]func(name, file string) error{"serve-socket": serveSocket, "send-socket": sendSocket}
	if len(os.Args) == 4 && vmms[os.Args[1]] != nil {
		if err := vmms[os.Args[1]](os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// These tests wait and compute nothing: more of them at once than there are
	// CPUs.
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "16")
	}
	os.Exit(m.Run())
}

func serveSocket(name, file string) error {
	_ = os.Remove(name) // as VMMs do with one left behind
	l, err := net.Listen("unix", name)
	if err != nil {
		return err
	}
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	return send(conn, file)
}

func sendSocket(name, file string) error {
	conn, err := net.Dial("unix", name)
	if err != nil {
		return err
	}
	return send(conn, file)
}

func send(conn net.Conn, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, err = conn.Write(data)
	return errors.Join(err, conn.Close())
}

// grace is short, since these tests wait for it, and longer than what a process
// that was left behind gets to let go of the VMM's output.
const grace = graceTerm + time.Second

// patience ends what hangs. Nothing else is told by it: these tests may be starved for
// long.
const patience = 2 * time.Minute

const storedNonce = "2f3dc8e0"

// stored is the file of a whole report.
func stored(t *testing.T) string {
	t.Helper()
	name, err := filepath.Abs(filepath.Join("..", "..", "..", "..", "results", "testdata", "qemu-virt-gicv2.tap"))
	require.NoError(t, err)
	return name
}

// sh is a fake VMM: $1 is the file of a whole report, $2 a directory of its own.
func sh(t *testing.T, script string) Run {
	t.Helper()
	return Run{
		Command: []string{"sh", "-c", script, "fake-vmm", stored(t), t.TempDir()},
		Timeout: 2 * patience, Silence: 2 * patience, Grace: grace,
	}
}

// dir is the directory that a fake's script calls $2.
func dir(r Run) string { return r.Command[len(r.Command)-1] }

// startWithin runs the VMM, which must be over in time.
func startWithin(t *testing.T, ctx context.Context, r Run, within time.Duration) (*Outcome, error) {
	t.Helper()
	type result struct {
		out *Outcome
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := r.Start(ctx)
		done <- result{out, err}
	}()
	select {
	case got := <-done:
		return got.out, got.err
	case <-time.After(within):
		require.FailNowf(t, "Start did not return", "within %s", within)
		return nil, nil
	}
}

func outcome(t *testing.T, r Run) *Outcome {
	t.Helper()
	out, err := startWithin(t, t.Context(), r, patience)
	require.NoError(t, err)
	return out
}

// requireGone requires that the processes whose ids the files hold have ended.
func requireGone(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return gone(pid) }, patience, 5*time.Millisecond, "%s: process %d", filepath.Base(file), pid)
	}
}

// gone takes a zombie for gone: who should have waited for it is no longer us.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(after, "Z")
}

func requireWhole(t *testing.T, out *Outcome) {
	t.Helper()
	require.NotNil(t, out.Report)
	require.NoError(t, out.Report.Incomplete)
	require.Equal(t, storedNonce, out.Report.Nonce)
	require.Len(t, out.Report.Points, 17)
}

func TestStart(t *testing.T) {
	t.Parallel()
	const short = time.Second
	const long = 10 * time.Second // for a fake to say something first
	cases := []struct {
		name   string
		script string
		set    func(*Run)
		want   func(t *testing.T, out *Outcome)
	}{
		{"refuses, with its own words", `echo "fake: no such machine" >&2; exit 7`, nil, func(t *testing.T, out *Outcome) {
			require.True(t, out.Refused())
			require.Equal(t, 7, out.Status)
			require.Equal(t, "fake: no such machine", out.Stderr)
			require.Empty(t, out.Last)
			require.Nil(t, out.Report)
			require.False(t, out.Killed)
		}},
		{"refuses, without a word", `exit 1`, nil, func(t *testing.T, out *Outcome) {
			require.True(t, out.Refused())
			require.Empty(t, out.Stderr)
		}},
		{"dies by a signal", `kill -9 $$`, nil, func(t *testing.T, out *Outcome) {
			require.Equal(t, -1, out.Status)
			require.Equal(t, "was killed by signal 9 (KILL)", out.Ended())
			require.True(t, out.Refused())
			require.False(t, out.Killed)
		}},
		{"fails after the guest spoke", `echo booting; exit 1`, nil, func(t *testing.T, out *Outcome) {
			require.False(t, out.Refused())
			require.Equal(t, 1, out.Status)
			require.Equal(t, []string{"booting"}, out.Last)
			require.Nil(t, out.Report)
		}},
		{"ends without a word", `exit 0`, nil, func(t *testing.T, out *Outcome) {
			require.False(t, out.Refused())
			require.Nil(t, out.Report)
			require.Empty(t, out.Reason)
		}},
		{"silent for too long", `exec sleep 900`, func(r *Run) { r.Silence = short }, func(t *testing.T, out *Outcome) {
			require.Equal(t, "silent for 1s", out.Reason)
			require.True(t, out.Killed)
			require.False(t, out.Refused())
			require.Nil(t, out.Report)
		}},
		{"silent in the middle of a report", `head -n 50 "$1"; exec sleep 900`, func(r *Run) { r.Silence = long }, func(t *testing.T, out *Outcome) {
			require.Equal(t, "silent for 10s", out.Reason)
			require.NotNil(t, out.Report)
			require.ErrorContains(t, out.Report.Incomplete, "no end line")
		}},
		{"prints for ever", `while echo noise; do sleep .02; done`, func(r *Run) { r.Timeout = long }, func(t *testing.T, out *Outcome) {
			require.Equal(t, "no end after 10s", out.Reason)
			require.True(t, out.Killed)
			require.Nil(t, out.Report)
			require.NotEmpty(t, out.Last)
		}},
		{"prints for ever, not silent", `while echo noise; do sleep .02; done`, func(r *Run) { r.Silence, r.Timeout = long, long+2*time.Second }, func(t *testing.T, out *Outcome) {
			require.Equal(t, "no end after 12s", out.Reason)
		}},
		{"prints for ever without a line end", `while printf noise; do sleep .02; done`, func(r *Run) { r.Timeout = short }, func(t *testing.T, out *Outcome) {
			require.Equal(t, "no end after 1s", out.Reason)
		}},
		{"prints for ever as fast as it can", `exec yes "[    1.234567] noise"`, func(r *Run) { r.Timeout = short }, func(t *testing.T, out *Outcome) {
			require.Equal(t, "no end after 1s", out.Reason)
		}},
		{"complains for ever", `while :; do printf "%04096d\n" 0 >&2; i=$((i+1)); [ $i = 40 ] && break; done; echo last words >&2; exit 1`, nil, func(t *testing.T, out *Outcome) {
			require.LessOrEqual(t, len(out.Stderr), maxStderr)
			require.Greater(t, len(out.Stderr), maxStderr/2)
			require.True(t, strings.HasSuffix(out.Stderr, "last words"))
		}},
		{"the kernel panics", `echo "[ 1.5] Kernel panic - not syncing: VFS"; echo "[ 1.5] ---[ end"; exec sleep 900`, nil, func(t *testing.T, out *Outcome) {
			require.Equal(t, "the guest's kernel panicked: [ 1.5] Kernel panic - not syncing: VFS", out.Symptom)
			require.Equal(t, []string{"[ 1.5] Kernel panic - not syncing: VFS", "[ 1.5] ---[ end"}, out.Last)
			require.Nil(t, out.Report)
		}},
		{"the kernel panics and the VMM ends", `echo "[ 1.5] Kernel panic - not syncing: VFS"`, nil, func(t *testing.T, out *Outcome) {
			require.Equal(t, "the guest's kernel panicked: [ 1.5] Kernel panic - not syncing: VFS", out.Symptom)
			require.False(t, out.Killed)
			require.Less(t, out.Took, patience)
		}},
		{"the firmware's shell, which waits for ever", `echo "UEFI Interactive Shell v2.2"; exec sleep 900`, nil, func(t *testing.T, out *Outcome) {
			require.Equal(t, "the firmware found nothing to boot and started its shell: UEFI Interactive Shell v2.2", out.Symptom)
			require.Equal(t, "did not end by itself", out.Reason)
			require.True(t, out.Killed)
			require.GreaterOrEqual(t, out.Took, grace)
		}},
		{"a symptom, then the report", `echo "UEFI Interactive Shell v2.2"; sleep .2; cat "$1"`, nil, func(t *testing.T, out *Outcome) {
			requireWhole(t, out)
			require.False(t, out.Killed)
		}},
		{"the first symptom of two", `echo "Synchronous Exception at 0"; echo "Kernel panic - not syncing"`, nil, func(t *testing.T, out *Outcome) {
			require.Equal(t, "the firmware crashed: Synchronous Exception at 0", out.Symptom)
		}},

		{"another run's report", `cat "$1"`, func(r *Run) { r.Nonce = "01234567" }, func(t *testing.T, out *Outcome) {
			require.Nil(t, out.Report)
		}},
		{"cut report", `head -c 4000 "$1"`, nil, func(t *testing.T, out *Outcome) {
			require.NotNil(t, out.Report)
			require.ErrorContains(t, out.Report.Incomplete, "no end line")
			require.False(t, out.Killed)
		}},
		{"whole report", `cat "$1"`, func(r *Run) { r.Nonce = storedNonce }, func(t *testing.T, out *Outcome) {
			requireWhole(t, out)
			require.False(t, out.Killed)
			require.Empty(t, out.Reason)
			require.Empty(t, out.Symptom)
			require.Zero(t, out.Status)
		}},
		// Something that is slow to come behind the report, such as a captured guest.
		{"whole report, and more for longer than the grace", `cat "$1"; for i in 1 2 3 4 5; do sleep 1; echo more $i; done; echo last; exec sleep 900`, nil, func(t *testing.T, out *Outcome) {
			requireWhole(t, out)
			require.Equal(t, Lasted, out.Reason)
			require.Equal(t, "last", out.Last[len(out.Last)-1])
		}},
		{"a firmware that starts again and again", `while :; do echo "UEFI firmware (version 2022.11 built at 00:00:00 on Jan 1 2022)"; sleep .2; done`, nil, func(t *testing.T, out *Outcome) {
			require.Equal(t, "the machine starts again and again: UEFI firmware (version 2022.11 built at 00:00:00 on Jan 1 2022)", out.Symptom)
			require.Equal(t, Lasted, out.Reason)
		}},
		{"whole report, the VMM fails", `cat "$1"; exit 3`, nil, func(t *testing.T, out *Outcome) {
			requireWhole(t, out)
			require.Equal(t, 3, out.Status)
			require.False(t, out.Refused())
		}},
		{"whole report, the VMM hangs", `echo $$ > "$2/pid"; cat "$1"; exec sleep 900`, nil, func(t *testing.T, out *Outcome) {
			requireWhole(t, out)
			require.True(t, out.Killed)
			require.Equal(t, -1, out.Status)
		}},
		{"whole report without its last line end, the VMM ends", `printf %s "$(cat "$1")"`, nil, requireWhole},
		{"whole report, its end line in single bytes", `tail -n 1 "$1" > "$2/end"; head -n -1 "$1"; while IFS= read -r c; do printf %s "$c"; done < "$2/end"; echo`, nil, requireWhole},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := sh(t, c.script)
			if c.set != nil {
				c.set(&r)
			}
			c.want(t, outcome(t, r))
			if _, err := os.Stat(dir(r) + "/pid"); err == nil {
				requireGone(t, dir(r)+"/pid")
			}
		})
	}
}

// A VMM that stays after the report is ended by us: ten seconds that the
// default run does not have.
func TestStartHangsAfterReport(t *testing.T) {
	t.Parallel()
	out, err := startWithin(t, t.Context(), sh(t, `cat "$1"; exec sleep 900`), patience)
	require.NoError(t, err)
	requireWhole(t, out)
	require.Equal(t, "did not end by itself", out.Reason)
	require.True(t, out.Killed)
	require.GreaterOrEqual(t, out.Took, grace)
}

func TestStartNoSuchProgram(t *testing.T) {
	for name, command := range map[string]string{
		"missing":          filepath.Join(t.TempDir(), "none"),
		"not in PATH":      "vmspec-no-such-vmm",
		"a directory":      t.TempDir(),
		"not executable":   stored(t),
		"without a format": executable(t, "\x00\x01\x02"),
	} {
		t.Run(name, func(t *testing.T) {
			out, err := Run{Command: []string{command}, Timeout: time.Second, Silence: time.Second}.Start(t.Context())
			require.ErrorContains(t, err, "start "+command+": ")
			require.Nil(t, out)
		})
	}
}

func executable(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "vmm")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o755))
	return name
}
