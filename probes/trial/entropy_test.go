package trial

import (
	"io"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"vmspec/probes/entropy"
	"vmspec/probes/note"

	"github.com/stretchr/testify/require"
)

// sourceFunc is a source of random bytes.
type sourceFunc func(p []byte) (int, error)

func (f sourceFunc) Read(p []byte) (int, error) { return f(p) }
func (sourceFunc) Close() error                 { return nil }

func TestTryEntropy(t *testing.T) {
	next := byte(0)
	count := func(p []byte) (int, error) {
		next++
		p[0] = next
		return 1, nil
	}
	tests := map[string]struct {
		read sourceFunc
		want string
		err  error
	}{
		"gone":      {func([]byte) (int, error) { return 0, syscall.ENODEV }, "bytes 0 0\n", syscall.ENODEV},
		"silent":    {func([]byte) (int, error) { return 0, syscall.EAGAIN }, "bytes 0 0\n", nil},
		"no byte":   {func([]byte) (int, error) { return 0, nil }, "bytes 0 0\n", nil},
		"stuck":     {func([]byte) (int, error) { time.Sleep(time.Hour); return 0, io.EOF }, "bytes 0 0\n", nil},
		"all alike": {func(p []byte) (int, error) { clear(p); return len(p), nil }, "bytes 32 1\n", nil},
		"slow":      {func(p []byte) (int, error) { time.Sleep(400 * time.Millisecond); return count(p) }, "bytes 3 3\n", nil},
		"by bytes":  {count, "bytes 32 32\n", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n entropy.Note
				begin := time.Now()
				require.ErrorIs(t, tryEntropy(test.read, &n), test.err)
				require.Equal(t, test.want, string(note.Text(&n)))
				require.LessOrEqual(t, time.Since(begin), 2*entropyMost)
				time.Sleep(2 * time.Hour) // what is stuck ends after all
			})
		})
	}
}

func TestEntropySource(t *testing.T) {
	source := func(text string) string {
		return EntropySource(fstest.MapFS{"sys/class/misc/hw_random/rng_current": {Data: []byte(text)}})
	}
	require.Empty(t, EntropySource(fstest.MapFS{}))
	require.Empty(t, source(""))
	require.Empty(t, source("none\n"))
	require.Equal(t, "virtio_rng.0", source("virtio_rng.0\n"))
}
