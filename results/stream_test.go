package results_test

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// noise repeats a block for so many bytes and notes the largest heap.
type noise struct {
	block    []byte
	left, at int
	heap     uint64
}

func (n *noise) Read(p []byte) (int, error) {
	if n.left <= 0 {
		return 0, io.EOF
	}
	if n.left%sampleEvery < len(p) {
		n.heap = max(n.heap, heap())
	}
	size := copy(p[:min(len(p), n.left)], n.block[n.at:])
	n.left -= size
	n.at = (n.at + size) % len(n.block)
	return size, nil
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A guest that prints for ever does not fill the host's memory. Not parallel:
// the heap is the program's.
func TestParseStream(t *testing.T) {
	begun := logOf(head(2, "aaaa")...)
	cases := []struct {
		name  string
		block string
		begin string
		size  int
	}{
		{"noise in lines", strings.Repeat("\x00\xffnoise ", 60) + "\n", "", 128 << 20},
		{"noise without a line end", strings.Repeat("\x00\xffnoise ", 60), "", 128 << 20},
		{"kernel lines in a report", "[    1.234567] virtio_blk virtio0: [vda] 8 512-byte logical blocks\r\n", begun, 16 << 20},
		{"no line end in a report", strings.Repeat("x", 1<<12), begun, 32 << 20},
		{"diagnostics without end", `  found: "` + strings.Repeat("x", 50) + "\"\n", begun, 16 << 20},
		{"points without end", "ok 1 - FW-ONE " + strings.Repeat("x", 50) + "\n", begun, 16 << 20},
		{"begun again and again", "TAP version 13\n1..9\n", begun, 4 << 20},
		{"points behind a hundred prefixes", domains(100, "ok 1 - FW-ONE "+strings.Repeat("x", 50)), domains(100, "TAP version 13"), 16 << 20},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			const flat = 32 << 20
			runtime.GC()
			before := heap()
			in := &noise{block: []byte(c.block), left: c.size}
			r, err := results.Parse(io.MultiReader(strings.NewReader(c.begin), in, strings.NewReader("\n"+minimal("bbbb"))), "")
			require.NoError(t, err)
			require.NoError(t, r.Incomplete)
			require.Equal(t, "bbbb", r.Nonce)
			require.NotZero(t, in.heap)
			require.Less(t, in.heap, before+flat)
		})
	}
}

// A report that is only begun costs little, whatever its plan says: a guest
// could begin one in every second line.
func TestParseBegunAgainAndAgain(t *testing.T) {
	const times = 100
	log := strings.Repeat("TAP version 13\n1..9999\n", times)
	allocs := testing.AllocsPerRun(1, func() {
		_, err := results.Parse(strings.NewReader(log), "")
		require.NoError(t, err)
	})
	require.Less(t, allocs, 1000.0*times)
}
