package initramfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAlternatives(t *testing.T) {
	require.Equal(t, []string{"usr/bin/xl"}, alternatives("usr/bin/xl"))
	require.Equal(t, []string{"usr/sbin/xl", "sbin/xl"}, alternatives("{usr/sbin,sbin}/xl"))
}

// A program has one place: what is there twice or nowhere is said.
func TestMatchOne(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"usr/lib/xen-4.17/bin/xl", "usr/bin/sh", "bin/sh"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte("#!/bin/sh\n"), 0o755))
	}
	got, err := matchOne(root, "usr/lib/xen-*/bin/xl")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "usr/lib/xen-4.17/bin/xl"), got)
	_, err = matchOne(root, "usr/lib/xen-*/bin/xenstored")
	require.EqualError(t, err, "the packages hold no usr/lib/xen-*/bin/xenstored")
	_, err = matchOne(root, "{usr/bin,bin}/sh")
	require.EqualError(t, err, "the packages hold 2 files {usr/bin,bin}/sh")
	_, err = matchOne(root, "[")
	require.Error(t, err)
}

// What is no program for Linux is told by its name.
func TestProgramRecordsOfNoProgram(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "bin/xl"), []byte("#!/bin/sh\n"), 0o755))
	_, err := programRecords(root, []string{"bin/xl"})
	require.ErrorContains(t, err, filepath.Join(root, "bin/xl"))
	_, err = programRecords(root, []string{"bin/none"})
	require.EqualError(t, err, "the packages hold no bin/none")
	_, err = findLibrary(root, "libxenctrl.so.4.17")
	require.ErrorContains(t, err, "libxenctrl.so.4.17")
}
