package trial

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"vmspec/probes/disk"
	"vmspec/probes/look"
	"vmspec/probes/note"
)

// fakeDisk is a disk of that many bytes, and one whose reads fail.
type fakeDisk struct {
	size   int64
	fault  error
	closed *int
}

func (d fakeDisk) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(make([]byte, d.size)).ReadAt(p, at)
}

func (d fakeDisk) Close() error {
	*d.closed++
	return nil
}

type brokenDisk struct{ fakeDisk }

func (d brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, d.fault }

func tried(t *testing.T, d disk.Disk, r look.BlockReader, err error) []string {
	t.Helper()
	var n disk.Note
	require.NoError(t, tryDisks([]disk.Disk{d}, func(string) (look.BlockReader, error) { return r, err }, &n))
	return strings.Split(strings.TrimSpace(string(note.Text(&n))), "\n")
}

func TestTryDisks(t *testing.T) {
	var closed int
	vda := disk.Disk{Name: "vda", Size: 1 << 20, Block: 4096}

	require.Equal(t, []string{"open vda EACCES permission denied"}, tried(t, vda, nil, syscall.EACCES))
	lines := tried(t, vda, brokenDisk{fakeDisk{fault: syscall.EIO, closed: &closed}}, nil)
	require.Equal(t, []string{"open vda ok", "read vda 0 EIO input/output error", "read vda 1044480 EIO input/output error"}, lines[:3])
	require.Len(t, lines, 3+randomReads, "one block that fails does not end the trial")
	lines = tried(t, vda, fakeDisk{size: 1<<20 - 1, closed: &closed}, nil)
	require.Equal(t, []string{"open vda ok", "read vda 0 ok", "read vda 1044480 short 4095"}, lines[:3])
	lines = tried(t, vda, fakeDisk{size: 1 << 20, closed: &closed}, nil)
	require.Equal(t, []string{"open vda ok", "read vda 0 ok", "read vda 1044480 ok"}, lines[:3])
	for _, line := range lines[3:] {
		require.Regexp(t, `^read vda \d+ ok$`, line)
	}
	require.Equal(t, 3, closed)

	require.Equal(t, []string{"open vdb ok", "read vdb 0 ok", "read vdb 0 ok", "read vdb 0 ok", "read vdb 0 ok"},
		tried(t, disk.Disk{Name: "vdb", Size: 512, Block: 512}, fakeDisk{size: 512, closed: &closed}, nil), "a disk of one block")
}

// What may have no medium, and what no disk can be, is not opened.
func TestTryDisksLeavesOut(t *testing.T) {
	for name, d := range map[string]disk.Disk{
		"removable":         {Size: 1 << 20, Block: 512, Removable: true},
		"empty":             {Block: 512},
		"half a block":      {Size: 512, Block: 4096},
		"blocks of nothing": {Size: 1 << 20},
		"blocks of 1 MiB":   {Size: 1 << 20, Block: 1 << 20},
	} {
		require.Equal(t, []string{""}, tried(t, d, nil, errors.New("opened")), name)
	}
}

func TestAligned(t *testing.T) {
	for size := 512; size <= maxBlock; size *= 2 {
		b := aligned(size)
		require.Len(t, b, size)
		require.Zero(t, uintptr(unsafe.Pointer(&b[0]))%uintptr(size))
	}
}
