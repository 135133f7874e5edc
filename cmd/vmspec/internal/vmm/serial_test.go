package vmm

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
