package sysfs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/sysfs"
)

func TestNames(t *testing.T) {
	files := fstest.MapFS{"sys/block/vdb/size": {}, "sys/block/vda/size": {}}
	names, err := sysfs.Names(files, "sys/block")
	require.NoError(t, err)
	require.Equal(t, []string{"vda", "vdb"}, names)
	names, err = sysfs.Names(files, "sys/bus/virtio/devices")
	require.NoError(t, err, "a kernel without the bus")
	require.Empty(t, names)

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = sysfs.Names(os.DirFS(filepath.Dir(file)), "file")
	require.Error(t, err, "no directory")
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]uint64{"0\n": 0, "512": 512, "0x0001\n": 1, "0xffff": 65535} {
		n, err := sysfs.Number(fstest.MapFS{"n": {Data: []byte(text)}}, "n", 16)
		require.NoError(t, err)
		require.Equal(t, want, n, text)
	}
	for _, text := range []string{"", "-1", "x", "65536", "1 2"} {
		_, err := sysfs.Number(fstest.MapFS{"n": {Data: []byte(text)}}, "n", 16)
		require.ErrorContains(t, err, "parse n: ", text)
	}
	_, err := sysfs.Number(fstest.MapFS{}, "n", 16)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestDriven(t *testing.T) {
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	devices, err := sysfs.Driven(fstest.MapFS{
		"sys/block/vdb/device/driver": link("../../../bus/virtio/drivers/virtio_blk"),
		"sys/block/sda/device/driver": link("../../sd"),
		"sys/block/vdc/device/vendor": {}, // no driver
		"sys/block/loop0/size":        {}, // no device
	}, "sys/block")
	require.NoError(t, err)
	require.Equal(t, []sysfs.Device{{"sda", "sd"}, {"vdb", "virtio_blk"}}, devices)
	devices, err = sysfs.Driven(fstest.MapFS{}, "sys/class/net")
	require.NoError(t, err, "a kernel without the class")
	require.Empty(t, devices)
}
