package guest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestLogLine(t *testing.T) {
	tests := map[string]struct{ record, want string }{
		"empty":                   {"", ""},
		"no text":                 {"6,339,5140900,-", ""},
		"prefix of two":           {"6,339;text", ""},
		"time is no number":       {"6,339,soon,-;text", ""},
		"time of no length":       {"6,339,,-;text", ""},
		"time overflows":          {"6,339,99999999999999999999,-;text", ""},
		"the first":               {"6,0,0,-;Booting Linux\n", "[    0.000000] Booting Linux\n"},
		"text with a semicolon":   {"6,339,5140900,-;a;b\n", "[    5.140900] a;b\n"},
		"key=value lines behind":  {"6,339,5140900,-;NET: x\n SUBSYSTEM=net\n DEVICE=+x\n", "[    5.140900] NET: x\n"},
		"caller in a fifth field": {"6,339,5140900,-,caller=T1;x\n", "[    5.140900] x\n"},
		"after days":              {"6,339,1234567890123,-;x\n", "[1234567.890123] x\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			logLine(&log, test.record)
			require.Equal(t, test.want, log.String())
		})
	}
}

func FuzzLogLine(f *testing.F) {
	f.Add("6,339,5140900,-;NET: x\n SUBSYSTEM=net\n")
	f.Add("6,0,-5,-;x")
	f.Fuzz(func(t *testing.T, record string) {
		var log bytes.Buffer
		logLine(&log, record)
		// One record is one line: whoever logs cannot write lines of his own.
		if log.Len() > 0 {
			require.Equal(t, 1, strings.Count(log.String(), "\n"))
			require.True(t, strings.HasSuffix(log.String(), "\n"))
			require.True(t, strings.HasPrefix(log.String(), "["))
		}
	})
}

func TestRoot(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 { // more than one getdents64 returns
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%0200d", i)), []byte("x"), 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", "file"), []byte("text\n"), 0o600))
	require.NoError(t, os.Symlink("a/file", filepath.Join(dir, "link")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	below := strings.TrimPrefix(dir, "/")

	entries, err := fs.ReadDir(Root(), below)
	require.NoError(t, err)
	require.Len(t, entries, 303)
	kinds := map[string]fs.FileMode{}
	for _, e := range entries {
		kinds[e.Name()] = e.Type()
		info, err := Root().Lstat(below + "/" + e.Name())
		require.NoError(t, err)
		require.Equal(t, e.Type(), info.Mode().Type(), e.Name())
	}
	require.Equal(t, fs.ModeDir|fs.ModeSymlink|fs.ModeNamedPipe, kinds["a"]|kinds["link"]|kinds["pipe"])

	target, err := Root().ReadLink(below + "/link")
	require.NoError(t, err)
	require.Equal(t, "a/file", target)
	text, err := fs.ReadFile(Root(), below+"/link")
	require.NoError(t, err)
	require.Equal(t, "text\n", string(text))
	info, err := fs.Stat(Root(), below+"/link")
	require.NoError(t, err)
	require.Equal(t, "link 5 -rw-------", fmt.Sprintf("%s %d %s", info.Name(), info.Size(), info.Mode()))

	for name, want := range map[string]error{below + "/none": fs.ErrNotExist, "/etc": fs.ErrInvalid, "a/../b": fs.ErrInvalid} {
		_, err := Root().Open(name)
		require.ErrorIs(t, err, want, name)
		_, err = Root().Lstat(name)
		require.ErrorIs(t, err, want, name)
		_, err = Root().ReadLink(name)
		require.ErrorIs(t, err, want, name)
	}
	_, err = fs.ReadFile(Root(), below)
	require.ErrorIs(t, err, syscall.EISDIR)
	_, err = Root().ReadLink(below + "/a")
	require.ErrorIs(t, err, syscall.EINVAL)
	sub, err := fs.Sub(Root(), below+"/a")
	require.NoError(t, err)
	require.NoError(t, fstest.TestFS(sub, "file", "b"))
}

// The device tree is read once, however often it is asked for.
func TestRootReadsTheTreeOnce(t *testing.T) {
	reads := 0
	r := root{tree: sync.OnceValues(func() ([]byte, error) { reads++; return []byte("tree"), nil })}
	for range 3 {
		text, err := fs.ReadFile(r, "sys/firmware/fdt")
		require.NoError(t, err)
		require.Equal(t, "tree", string(text))
	}
	require.Equal(t, 1, reads)

	_, err := fs.ReadFile(root{tree: func() ([]byte, error) { return nil, errIO }}, "sys/firmware/fdt")
	require.ErrorIs(t, err, errIO)
}

// What a trial measures ends in time, whatever the process sleeps by.
func TestPinSleepsInTime(t *testing.T) {
	done := make(chan error)
	var slack int
	go func() {
		err := pin(currentCPU())
		if err == nil {
			slack, err = unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		}
		done <- err
	}()
	require.NoError(t, <-done)
	require.Equal(t, 1, slack)
}
