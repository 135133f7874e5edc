package main

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLineQueueKeepsOrder(t *testing.T) {
	for _, lines := range []int{0, 1, queuedLines, queuedLines + 1, 3*queuedBatches*queuedLines + 7} {
		t.Run(strconv.Itoa(lines), func(t *testing.T) {
			var got []string
			q := newLineQueue(func(line string) { got = append(got, line) })
			var want []string
			for n := range lines {
				want = append(want, strconv.Itoa(n))
				q.put(want[n])
			}
			q.end()
			require.Equal(t, want, got)
		})
	}
}
