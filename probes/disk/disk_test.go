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
	require.Equal(t, []disk.Disk{{Name: "vda", Size: 1 << 20, Block: 4096, ReadOnly: true, Driver: "virtio_blk",
		Trial: disk.Trial{Err: "open vmspec/disks: file does not exist"}}}, got)
	got, err = disk.Read(fstest.MapFS{})
	require.NoError(t, err, "none is an answer")
	require.Empty(t, got)
}

func TestReadTrial(t *testing.T) {
	first := disk.Reading{Result: "ok"}
	tests := map[string]struct {
		text string
		want disk.Trial
	}{
		"failed":                {"error hung for 15s\n", disk.Trial{Err: "vmspec/disks: hung for 15s"}},
		"an offset no number":   {"read vda x ok\n", disk.Trial{Err: `vmspec/disks: read: OFFSET: "x" is not a number`}},
		"a read without an end": {"read vda 0 ok\nread vda 512\n", disk.Trial{Name: "vda", Reads: []disk.Reading{first}, Err: "vmspec/disks: read: no RESULT"}},
		"failed half-way":       {"open vda ok\nread vda 0 ok\nerror gone\n", disk.Trial{Name: "vda", Open: "ok", Reads: []disk.Reading{first}, Err: "vmspec/disks: gone"}},
		"not opened":            {"open vda EACCES permission denied\n", disk.Trial{Name: "vda", Open: "EACCES permission denied"}},
		"another disk":          {"open vdb ok\nread vdb 0 ok\n", disk.Trial{}},
		"whole": {"open vda ok\nread vda 0 ok\nread vda 512 EIO input/output error\n",
			disk.Trial{Name: "vda", Open: "ok", Reads: []disk.Reading{first, {Offset: 512, Result: "EIO input/output error"}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files := machine(nil)
			files["vmspec/disks"] = &fstest.MapFile{Data: []byte(test.text)}
			got, err := disk.Read(files)
			require.NoError(t, err)
			require.Equal(t, test.want, got[0].Trial)
		})
	}
}

// Whatever stands in the note, a reading has a result and an error says where.
func FuzzReadTrial(f *testing.F) {
	f.Add("open vda ok\nread vda 0 ok\nread vda 512 EIO input/output error\n")
	f.Add("open vda EACCES permission denied\nerror hung for 15s\n")
	f.Fuzz(func(t *testing.T, text string) {
		files := machine(nil)
		files["vmspec/disks"] = &fstest.MapFile{Data: []byte(text)}
		got, err := disk.Read(files)
		require.NoError(t, err)
		for _, r := range got[0].Trial.Reads {
			require.NotEmpty(t, r.Result)
		}
		if got[0].Trial.Err != "" {
			require.Contains(t, got[0].Trial.Err, "vmspec/disks")
		}
	})
}

func TestOpenErr(t *testing.T) {
	for open, want := range map[string]string{"": "", "ok": "", "EACCES permission denied": "EACCES permission denied"} {
		require.Equal(t, want, (&disk.Trial{Open: open}).OpenErr())
	}
}

func TestLast(t *testing.T) {
	for _, test := range []struct{ size, block, want uint64 }{{8192, 512, 7680}, {8704, 4096, 4096}, {4096, 4096, 0}, {512, 4096, 0}, {512, 0, 0}} {
		require.Equal(t, test.want, (&disk.Disk{Size: test.size, Block: test.block}).Last(), test)
	}
}
