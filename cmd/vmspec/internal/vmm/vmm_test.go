package vmm

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/results"
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
				if _, err := exec.LookPath("setsid"); err != nil {
					t.Skip("no setsid")
				}
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

func TestStartLog(t *testing.T) {
	t.Parallel()
	r := sh(t, `printf 'a\r\nb\0\377\033[2J\r\r\n\n c'`)
	var log bytes.Buffer
	var lines []string
	r.Log, r.Line = &log, func(line string) { lines = append(lines, line) }
	out := outcome(t, r)
	require.Equal(t, "a\r\nb\x00\xff\x1b[2J\r\r\n\n c", log.String())
	require.Equal(t, []string{"a", "b", "", "c"}, lines)
	require.Equal(t, []string{"a", "b", "c"}, out.Last)
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A log that cannot be written is said, and costs no report.
func TestStartLogFull(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"the VMM ends":    `cat "$1"`,
		"the VMM goes on": `cat "$1"; exec sleep 900`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sh(t, script)
			r.Log = full{}
			out, err := startWithin(t, t.Context(), r, patience)
			require.ErrorIs(t, err, syscall.ENOSPC)
			requireWhole(t, out)
		})
	}
}

// serialRun is a fake whose console is what Serial names; its script calls it $2.
func serialRun(t *testing.T, script string) Run {
	t.Helper()
	// A socket's name may not be long.
	dir, err := os.MkdirTemp("", "vmm")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := sh(t, script)
	r.Serial = filepath.Join(dir, "console")
	r.Command[len(r.Command)-1] = r.Serial
	return r
}

// closeForAll closes a listener, and returns when nobody holds it open any more: a
// program that another test starts has a copy of it until its exec.
func closeForAll(t *testing.T, l net.Listener) {
	t.Helper()
	require.NoError(t, l.Close())
	for {
		conn, err := net.Dial(l.Addr().Network(), l.Addr().String())
		switch {
		case err == nil:
			require.NoError(t, conn.Close())
		case !errors.Is(err, syscall.EAGAIN): // too many have connected
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestStartSerialSocket(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	require.NoError(t, err)
	leftBehind := func(t *testing.T, r Run) {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: r.Serial, Net: "unix"})
		require.NoError(t, err)
		l.SetUnlinkOnClose(false)
		closeForAll(t, l)
	}
	serve := `"` + exe + `" serve-socket "$2" "$1"`
	for _, c := range []struct {
		name, script string
		before       func(t *testing.T, r Run)
	}{
		{"made at once", `echo "not the console"; exec ` + serve, nil},
		{"made late", `sleep .3; exec ` + serve, nil},
		{"left behind by an earlier VMM", `sleep .1; exec ` + serve, leftBehind},
		{"closed, and the VMM goes on", serve + `; exec sleep 900`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := serialRun(t, c.script)
			if c.before != nil {
				c.before(t, r)
			}
			out := outcome(t, r)
			requireWhole(t, out)
			require.NotContains(t, out.Last, "not the console")
		})
	}
}

func TestStartSerialFile(t *testing.T) {
	t.Parallel()
	old := "U-Boot\n" + strings.Repeat("an older console's line\n", 10)
	for _, c := range []struct {
		name, before, script string
	}{
		{"made at once", "", `cat "$1" > "$2"`},
		{"made late", "", `sleep .3; cat "$1" > "$2"`},
		{"written in pieces", "", `head -c 1000 "$1" > "$2"; sleep .1; tail -c +1001 "$1" >> "$2"`},
		{"old content, appended to", old, `cat "$1" >> "$2"`},
		{"old whole report, appended to", "report", `cat "$1" >> "$2"`},
		{"old content, made anew", old, `rm "$2"; sleep .1; cat "$1" > "$2"`},
		{"old content, begun anew and longer", old, `sleep .1; cat "$1" > "$2"`},
		{"old longer content, begun anew", strings.Repeat(old, 100), `sleep .1; cat "$1" > "$2"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := serialRun(t, c.script)
			if c.before == "report" {
				data, err := os.ReadFile(stored(t))
				require.NoError(t, err)
				c.before = string(data)
			}
			if c.before != "" {
				require.NoError(t, os.WriteFile(r.Serial, []byte(c.before), 0o644))
			}
			var log bytes.Buffer
			r.Log = &log
			out := outcome(t, r)
			requireWhole(t, out)
			require.NotContains(t, log.String(), "an older console's line")
		})
	}
}

// What was in the file before the run is not this guest's.
func TestStartSerialOldReport(t *testing.T) {
	t.Parallel()
	r := serialRun(t, `echo "[    0.000000] Booting Linux" >> "$2"`)
	data, err := os.ReadFile(stored(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(r.Serial, data, 0o644))
	out := outcome(t, r)
	require.Nil(t, out.Report)
	require.Equal(t, []string{"[    0.000000] Booting Linux"}, out.Last)
}

func TestStartSerialRefused(t *testing.T) {
	for _, c := range []struct{ name, serial, want string }{
		{"a directory", t.TempDir(), "is a directory"},
		{"below a file", filepath.Join(stored(t), "console"), "--serial: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := sh(t, `echo started > "$2/started"`)
			r.Serial = c.serial
			out, err := startWithin(t, t.Context(), r, patience)
			require.ErrorContains(t, err, c.want)
			require.Nil(t, out)
			require.NoFileExists(t, dir(r)+"/started")
		})
	}
}

// A console that nobody ends must not keep Start.
func TestStartSerialNeverEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		before func(t *testing.T, r Run)
	}{
		{"never there", nil},
		{"a named pipe that nobody writes", func(t *testing.T, r Run) {
			require.NoError(t, syscall.Mkfifo(r.Serial, 0o600))
		}},
		{"a named pipe that another holds", func(t *testing.T, r Run) {
			require.NoError(t, syscall.Mkfifo(r.Serial, 0o600))
			f, err := os.OpenFile(r.Serial, os.O_RDWR, 0)
			require.NoError(t, err)
			t.Cleanup(func() { f.Close() })
		}},
		{"a socket that another serves, in silence", func(t *testing.T, r Run) { serve(t, r, nil) }},
		{"a socket that another serves, without end", func(t *testing.T, r Run) { serve(t, r, []byte("noise\n")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := serialRun(t, `exec sleep 900`)
			r.Timeout = 300 * time.Millisecond
			if c.before != nil {
				c.before(t, r)
			}
			out, err := startWithin(t, t.Context(), r, patience)
			require.NoError(t, err)
			require.Equal(t, "no end after 300ms", out.Reason)
			require.Nil(t, out.Report)
		})
	}
}

// serve accepts who connects to the run's console and sends text to him for as
// long as the test runs.
func serve(t *testing.T, r Run, text []byte) {
	t.Helper()
	l, err := net.Listen("unix", r.Serial)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		t.Cleanup(func() { conn.Close() })
		for err == nil && text != nil {
			_, err = conn.Write(text)
			time.Sleep(time.Millisecond)
		}
	}()
}

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"plain", "a b", "a b"},
		{"spaces around", "  a  ", "a"},
		{"colour", "\x1b[1;31mred\x1b[0m", "red"},
		{"cursor", "\x1b[2J\x1b[01;01Hmenu\x1b[?25l", "menu"},
		{"sequence without an end", "a\x1b[12", "a12"},
		{"sequence that makes another", "\x1b\x1b[m[mb", "b"},
		{"only an escape", "\x1b", ""},
		{"escape and bracket", "\x1b[", ""},
		{"other escapes", "\x1b]0;title\x07a", "]0;titlea"},
		{"control characters", "a\x00\x07\x08\r\tb\x7f", "ab"},
		{"not ASCII", "é\u2028a\xff\xfe", "a"},
		{"a thousand sequences", strings.Repeat("\x1b[m", 1000) + "a", "a"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, printable(c.text)) })
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[1;31mred\x1b[0m\x1b\x1b[m[12")
	f.Fuzz(func(t *testing.T, text string) {
		got := printable(text)
		for _, c := range []byte(got) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q in %q", c, got)
			}
		}
		require.LessOrEqual(t, len(got), len(text))
	})
}

func TestTail(t *testing.T) {
	b := &tail{max: 4}
	for _, c := range []struct{ write, want string }{
		{"", ""}, {"ab", "ab"}, {"cd", "abcd"}, {"e", "bcde"}, {"fghijk", "hijk"},
	} {
		n, err := io.WriteString(b, c.write)
		require.NoError(t, err)
		require.Len(t, c.write, n)
		require.Equal(t, c.want, b.String())
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		out  Outcome
		want bool
	}{
		{"ended well", Outcome{}, false},
		{"failed before the guest", Outcome{Status: 1}, true},
		{"failed after the guest spoke", Outcome{Status: 1, Last: []string{"a"}}, false},
		{"killed by us", Outcome{Status: -1, Killed: true}, false},
		{"killed by another", Outcome{Status: -1}, true},
		{"reported and failed", Outcome{Status: 1, Report: &results.Report{}, Last: []string{"a"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.out.Refused()) })
	}
}
