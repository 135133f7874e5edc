package guest

import (
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
)

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
