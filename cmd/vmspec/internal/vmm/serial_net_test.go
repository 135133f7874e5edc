package vmm

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStartSerialTCP(t *testing.T) {
	t.Parallel()
	report, err := os.ReadFile(stored(t))
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = conn.Write(report)
			conn.Close()
		}
	}()
	r := sh(t, `echo not the console; sleep 3`)
	r.Serial = "tcp:" + l.Addr().String()
	out := outcome(t, r)
	requireWhole(t, out)
	require.False(t, out.Absent)
	require.NotContains(t, out.Last, "not the console")
}

func TestStartSerialListen(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(t *testing.T, path string){
		"a new socket": func(*testing.T, string) {},
		"one that an earlier run left": func(t *testing.T, path string) {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			require.NoError(t, err)
			l.SetUnlinkOnClose(false)
			closeForAll(t, l)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exe, err := os.Executable()
			require.NoError(t, err)
			r := serialRun(t, `exec "`+exe+`" send-socket "$2" "$1"`)
			path := r.Serial
			r.Serial = "listen:" + path
			before(t, path)
			requireWhole(t, outcome(t, r))
			require.NoFileExists(t, path)
		})
	}
}

// What never comes must not keep Start, and is told.
func TestStartSerialAbsent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "tcp:" + l.Addr().String()
	closeForAll(t, l)
	dir := t.TempDir()
	for _, serial := range []string{nobody, "listen:" + filepath.Join(dir, "s"), filepath.Join(dir, "none")} {
		t.Run(serial, func(t *testing.T) {
			r := sh(t, `exec sleep 900`)
			r.Serial, r.Timeout = serial, 300*time.Millisecond
			out := outcome(t, r)
			require.True(t, out.Absent)
			require.Nil(t, out.Report)
		})
	}
}

func TestOpenSerialRefused(t *testing.T) {
	busy := filepath.Join(t.TempDir(), "busy")
	l, err := net.Listen("unix", busy)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	for serial, want := range map[string]string{
		"tcp:":                            "want tcp:HOST:PORT",
		"tcp:localhost":                   "want tcp:HOST:PORT",
		"tcp::80":                         "want tcp:HOST:PORT",
		"tcp:localhost:":                  "want tcp:HOST:PORT",
		"listen:" + busy:                  "is another's socket",
		"listen:" + stored(t):             "is there already, and no socket",
		"listen:" + t.TempDir() + "/no/s": "no such file or directory",
		"listen:":                         "want listen:SOCKET",
	} {
		c, err := openSerial(serial)
		require.ErrorContains(t, err, want, serial)
		require.Nil(t, c)
	}
	require.FileExists(t, busy)
}
