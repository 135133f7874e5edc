package guest

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func never(string) error { return nil }

// What may have changed is read again, and nothing else is.
func TestRefresh(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	const status = "sys/devices/pci0/virtio0/status"
	root := fstest.MapFS{
		"proc/interrupts":                        file("1\n"),
		"proc/cmdline":                           file("quiet\n"),
		"proc/modules":                           file("a\n"),
		"sys/bus/virtio/devices/virtio0":         {Mode: fs.ModeSymlink, Data: []byte("../../../devices/pci0/virtio0")},
		status:                                   file("0x0f\n"),
		"sys/firmware/efi/efivars/Boot0000-guid": file("x"),
	}
	files := Snapshot(root, never)
	root["proc/interrupts"], root["proc/cmdline"], root[status] = file("2\n"), file("other\n"), file("0x83\n")
	root["sys/firmware/efi/efivars/Boot0001-guid"] = file("y")
	delete(root, "proc/modules")
	files.Refresh(root, []string{"proc/interrupts", "proc/modules", "sys/bus/virtio/devices/*/status", "sys/firmware/efi/efivars/*"}, never)
	for name, want := range map[string]string{"proc/interrupts": "2\n", "proc/cmdline": "quiet\n", "sys/bus/virtio/devices/virtio0/status": "0x83\n"} {
		got, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		require.Equal(t, want, string(got), name)
	}
	_, err := fs.Stat(files, "proc/modules")
	require.ErrorIs(t, err, fs.ErrNotExist, "it is gone")
	names, err := fs.ReadDir(files, "sys/firmware/efi/efivars")
	require.NoError(t, err)
	require.Len(t, names, 2)
}

// An error of the second look counts, as of the first.
func TestRefreshRefused(t *testing.T) {
	root := fstest.MapFS{"proc/interrupts": {Data: []byte("1\n")}}
	files := Snapshot(root, never)
	refused := errors.New("hung for 5s")
	files.Refresh(root, []string{"proc/interrupts"}, func(string) error { return refused })
	_, err := fs.ReadFile(files, "proc/interrupts")
	require.ErrorIs(t, err, refused)
	files.Refresh(root, []string{"proc/interrupts"}, never)
	_, err = fs.ReadFile(files, "proc/interrupts")
	require.NoError(t, err)
}
