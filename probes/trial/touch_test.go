//go:build linux

package trial

import (
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/memory"
)

func TestTouchFaults(t *testing.T) {
	var n memory.Touch
	require.ErrorIs(t, Touch(fstest.MapFS{}, &n), fs.ErrNotExist)
	require.ErrorContains(t, Touch(fstest.MapFS{"proc/iomem": {Data: []byte("junk")}}, &n), "parse proc/iomem")
	require.Zero(t, n)
}

// A page that does not keep what is written is counted, once.
func TestTouch(t *testing.T) {
	m := make([]byte, 4*4096)
	require.Zero(t, touch(m, 4096))
	require.Zero(t, touch(m, 4096), "whatever was there before")
	seen := map[uint64]bool{}
	for at := 0; at < len(m); at += touchStep {
		seen[word(at)] = true
	}
	require.Len(t, seen, len(m)/touchStep, "an address line that is stuck shows")
	require.NotContains(t, seen, uint64(0))
}

func TestReached(t *testing.T) {
	regions := []memory.Region{
		{Range: fdt.Range{Start: 0x1000, Size: 0x3000}, Name: "System RAM"},
		{Range: fdt.Range{Start: 0x1000, Size: 0x1000}, Depth: 1, Name: "System RAM"},
		{Range: fdt.Range{Start: 0x5000, Size: 0x1000}, Name: "uart"},
		{Range: fdt.Range{Start: 0x8000, Size: 0x2000}, Name: "System RAM"},
		{Range: fdt.Range{Start: 0xf000, Size: 0x1000}, Name: "System RAM"},
	}
	pieces, all := reached(regions, []uint64{3, 1, 9, 5, 100}, 0x1000)
	require.False(t, all, "a sixth of all is not reached")
	require.Equal(t, []memory.Piece{{Start: 4096, Last: 16383, Pages: 2, Lowest: 4096, Highest: 12288},
		{Start: 32768, Last: 40959, Pages: 1, Lowest: 36864, Highest: 36864}}, pieces)
	_, all = reached(regions, []uint64{1, 9, 15}, 0x1000)
	require.True(t, all)
	regions[0].Size = 0x30000
	_, all = reached(regions, []uint64{1}, 0x1000)
	require.True(t, all, "the others are small")
}

// The pages that we are lent are ours, and each is in a frame of its own.
func TestWithMemory(t *testing.T) {
	free, err := freeBytes()
	require.NoError(t, err)
	require.NotZero(t, free)
	size := os.Getpagesize()
	require.NoError(t, withMemory(8*size, []int{0}, func(m []byte) error {
		require.Len(t, m, 8*size)
		require.Zero(t, touch(m, size))
		got, err := frames(m, size)
		require.NoError(t, err)
		require.Contains(t, []int{0, 8}, len(got), "all of them, or none to who is not root")
		return nil
	}))
}
