//go:build linux

package trial

import (
	"bytes"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/memory"
)

func TestTrialTouchFaults(t *testing.T) {
	var out bytes.Buffer
	require.ErrorIs(t, TrialTouch(fstest.MapFS{}, &out), fs.ErrNotExist)
	require.ErrorContains(t, TrialTouch(fstest.MapFS{"proc/iomem": {Data: []byte("junk")}}, &out), "parse proc/iomem")
	require.Empty(t, out.String())
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

func TestWritePieces(t *testing.T) {
	regions := []memory.Region{
		{Range: fdt.Range{Start: 0x1000, Size: 0x3000}, Name: "System RAM"},
		{Range: fdt.Range{Start: 0x1000, Size: 0x1000}, Depth: 1, Name: "System RAM"},
		{Range: fdt.Range{Start: 0x5000, Size: 0x1000}, Name: "uart"},
		{Range: fdt.Range{Start: 0x8000, Size: 0x2000}, Name: "System RAM"},
		{Range: fdt.Range{Start: 0xf000, Size: 0x1000}, Name: "System RAM"},
	}
	var out bytes.Buffer
	require.False(t, writePieces(regions, []uint64{3, 1, 9, 5, 100}, 0x1000, &out), "a sixth of all is not reached")
	require.Equal(t, "piece 4096 16383 2 4096 12288\npiece 32768 40959 1 36864 36864\n", out.String())
	require.True(t, writePieces(regions, []uint64{1, 9, 15}, 0x1000, &out))
	regions[0].Size = 0x30000
	require.True(t, writePieces(regions, []uint64{1}, 0x1000, &out), "the others are small")
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
