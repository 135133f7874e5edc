// Package guesttest opens the captured guests of probes/testdata for tests.
// Only tests import it.
package guesttest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest"
)

const suffix = ".tar.gz"

// Open reads one captured guest, by its name without .tar.gz.
func Open(t testing.TB, name string) *guest.FS {
	t.Helper()
	return read(t, folder(t), name)
}

// All reads every captured guest, by its name without .tar.gz.
func All(t testing.TB) map[string]*guest.FS {
	t.Helper()
	dir := folder(t)
	names, err := fs.Glob(dir, "*"+suffix)
	require.NoError(t, err)
	require.NotEmpty(t, names)
	out := map[string]*guest.FS{}
	for _, name := range names {
		name = strings.TrimSuffix(name, suffix)
		out[name] = read(t, dir, name)
	}
	return out
}

// captured are the guests that were read, by name: a test program opens some
// hundreds of times.
var captured sync.Map

// read returns a copy of a guest, which its caller may change.
func read(t testing.TB, dir fs.FS, name string) *guest.FS {
	t.Helper()
	files, ok := captured.Load(name)
	if !ok {
		f, err := dir.Open(name + suffix)
		require.NoError(t, err)
		defer f.Close()
		files, err = guest.ReadCapture(f)
		require.NoError(t, err)
		captured.Store(name, files)
	}
	return files.(*guest.FS).With(nil)
}

// folder is where the captured guests are.
func folder(t testing.TB) fs.FS { return os.DirFS(filepath.Join(Testdata(t), "guests")) }

// Testdata finds probes/testdata from the working directory, which in a test
// is its package's: with -trimpath a binary does not know where its source is.
func Testdata(t testing.TB) string {
	t.Helper()
	at, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return filepath.Join(at, "probes", "testdata")
		}
		up := filepath.Dir(at)
		require.NotEqual(t, at, up, "no go.mod in the working directory or above")
		at = up
	}
}
