package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkReadLog reads what a farm keeps: kernel lines with a prefix and a
// time. It measures all that vmspec report does.
func BenchmarkReadLog(b *testing.B) {
	var log strings.Builder
	for n := 0; log.Len() < 8<<20; n++ {
		fmt.Fprintf(&log, "Nov 25 06:%02d:%02d farm vm1[812]: [%5d.%06d] virtio_blk virtio0: [vda] 8 512-byte logical blocks\n", n/60%60, n%60, n/100, n%100)
	}
	b.SetBytes(int64(log.Len()))
	for b.Loop() {
		read, err := readLog(strings.NewReader(log.String()), "a.log", "")
		require.NoError(b, err)
		require.ErrorContains(b, read.err, "no report in the log")
	}
}
