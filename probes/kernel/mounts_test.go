package kernel_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/kernel"
)

func mounts(text string) ([]kernel.Mount, error) {
	return kernel.Mounts(fstest.MapFS{"proc/self/mountinfo": file(text)})
}

func TestMounts(t *testing.T) {
	const good = "25 20 0:23 / /v rw,nosuid shared:7 master:2 - efivarfs efivarfs rw,x=y\n"
	want := []kernel.Mount{{Point: "/v", Type: "efivarfs", Options: []string{"rw", "nosuid"}, SuperOptions: []string{"rw", "x=y"}}}
	got, err := mounts(good)
	require.NoError(t, err)
	require.Equal(t, want, got)
	got, err = mounts("20 1 0:19 / /n rw - tmpfs  rw\n" + good)
	require.NoError(t, err)
	require.Equal(t, kernel.Mount{Point: "/n", Type: "tmpfs", Options: []string{"rw"}, SuperOptions: []string{"rw"}}, got[0], "no source")
	require.Equal(t, want, got[1:])
	for _, bad := range []string{
		"\n", "25 20 0:23 / /x\n", "25 20 0:23 / /x rw - t s\n", "25 20 0:23 / /x rw - t s rw more\n",
		"x 20 0:23 / /x rw - t s rw\n", "25 y 0:23 / /x rw - t s rw\n", "25 20 0:23 / /x - t s rw\n",
	} {
		_, err := mounts(good + bad)
		require.EqualError(t, err, "proc/self/mountinfo: line 2 is no mount", bad)
	}
	_, err = kernel.Mounts(fstest.MapFS{})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// What real guests have mounted reads as prometheus/procfs reads it. PID 1 does
// without that: its expressions cost a boot under emulation a twentieth of its
// CPU time.
func TestMountsAsProcfs(t *testing.T) {
	for name, files := range guesttest.All(t) {
		got, err := kernel.Mounts(files)
		require.NoError(t, err, name)
		text, err := files.ReadFile("proc/self/mountinfo")
		require.NoError(t, err, name)
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "self"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "self", "mountinfo"), text, 0o600))
		proc, err := procfs.NewFS(dir)
		require.NoError(t, err)
		want, err := proc.GetMounts()
		require.NoError(t, err, name)
		require.Len(t, got, len(want), name)
		for i, w := range want {
			require.Equal(t, w.MountPoint, got[i].Point, name)
			require.Equal(t, w.FSType, got[i].Type, name)
			require.Equal(t, keys(w.Options), options(got[i].Options), name)
			require.Equal(t, keys(w.SuperOptions), options(got[i].SuperOptions), name)
		}
	}
}

// options are their names, as procfs keeps them.
func options(list []string) []string {
	names := map[string]string{}
	for _, o := range list {
		name, _, _ := strings.Cut(o, "=")
		names[name] = ""
	}
	return keys(names)
}

func keys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// Whatever stands there, a mount has a type and options, and an error says which
// line it is about.
func FuzzMounts(f *testing.F) {
	f.Add("25 20 0:23 / /v rw,nosuid shared:7 - efivarfs efivarfs rw\n")
	f.Add("25 20 0:23 / /x rw - t s\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := mounts(text)
		if err != nil {
			require.Regexp(t, `^proc/self/mountinfo: line \d+ is no mount$`, err.Error())
		}
		for _, m := range got {
			require.NotEmpty(t, m.Options)
			require.NotEmpty(t, m.SuperOptions)
		}
	})
}
