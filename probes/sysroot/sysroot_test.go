package sysroot_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/sysroot"
)

func TestWithFaults(t *testing.T) {
	many := fstest.MapFS{}
	for i := range 1025 {
		many[fmt.Sprintf("d/%d", i)] = &fstest.MapFile{}
	}
	large := fstest.MapFS{}
	for i := range 17 {
		large[fmt.Sprintf("d/%d", i)] = &fstest.MapFile{Data: make([]byte, 256<<10)}
	}
	tests := map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"too large a file":        {fstest.MapFS{"d/x": {Data: make([]byte, 256<<10+1)}}, "d/x: 262145 bytes"},
		"too many files":          {many, "more than 1024 files"},
		"too much of small files": {large, "4194304 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := sysroot.With(test.files, []string{"d/*"}, func(string) error { panic("used") })
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestWith(t *testing.T) {
	var used string
	broken := errors.New("broken")
	files := fstest.MapFS{"a/x/mtu": {Data: []byte("1500\n")}, "a/y/other": {}, "a/dir/mtu/z": {}}
	err := sysroot.With(files, []string{"a/*/mtu", "not/there"}, func(dir string) error {
		used = dir
		text, err := os.ReadFile(filepath.Join(dir, "a", "x", "mtu"))
		require.NoError(t, err)
		require.Equal(t, "1500\n", string(text))
		require.NoDirExists(t, filepath.Join(dir, "a", "y"), "not asked for")
		require.NoDirExists(t, filepath.Join(dir, "a", "dir"), "a directory is no file")
		return broken
	})
	require.ErrorIs(t, err, broken)
	require.NoDirExists(t, used)
}

// In sysfs a class's devices are links, which procfs takes for files.
func TestWithFollowsLinks(t *testing.T) {
	err := sysroot.With(guesttest.Open(t, "qemu-virt-gicv2"), []string{"sys/class/rtc/*/name"}, func(dir string) error {
		info, err := os.Lstat(filepath.Join(dir, "sys", "class", "rtc", "rtc0"))
		require.NoError(t, err)
		require.True(t, info.IsDir())
		return nil
	})
	require.NoError(t, err)
}
