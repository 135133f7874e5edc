package disk_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/disk"
)

// machine has a disk, a loop device without a device, and changes.
func machine(changes map[string]string) fstest.MapFS {
	m := fstest.MapFS{
		"sys/block/vda/device/driver": {Data: []byte("../../virtio_blk"), Mode: fs.ModeSymlink},
		"sys/block/loop0/size":        {Data: []byte("8\n")},
	}
	for name, text := range map[string]string{"size": "2048", "queue/logical_block_size": "4096", "ro": "1", "removable": "0"} {
		if change, ok := changes[name]; ok {
			text = change
		}
		if text != "" {
			m["sys/block/vda/"+name] = &fstest.MapFile{Data: []byte(text + "\n")}
		}
	}
	return m
}

func TestReadFaults(t *testing.T) {
	for name, text := range map[string]string{"size": "x", "queue/logical_block_size": "-1", "ro": " ", "removable": "1 2"} {
		_, err := disk.Read(machine(map[string]string{name: text}))
		require.ErrorContains(t, err, "disk vda: parse sys/block/vda/"+name)
	}
	_, err := disk.Read(machine(map[string]string{"ro": ""}))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = disk.Read(failing{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

type failing struct{}

func (failing) Open(string) (fs.File, error) { return nil, errors.ErrUnsupported }

func TestRead(t *testing.T) {
	got, err := disk.Read(machine(nil))
	require.NoError(t, err)
	require.Equal(t, []disk.Disk{{Name: "vda", Size: 1 << 20, Block: 4096, ReadOnly: true, Driver: "virtio_blk"}}, got)
	got, err = disk.Read(fstest.MapFS{})
	require.NoError(t, err, "none is an answer")
	require.Empty(t, got)
}
