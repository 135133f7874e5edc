package vmm

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStartLog(t *testing.T) {
	t.Parallel()
	r := sh(t, `printf 'a\r\nb\0\377\033[2J\r\r\n\n c'`)
	var log bytes.Buffer
	var lines []string
	r.Log, r.Line = &log, func(line string) { lines = append(lines, line) }
	out := outcome(t, r)
	require.Equal(t, "a\r\nb\x00\xff\x1b[2J\r\r\n\n c", log.String())
	require.Equal(t, []string{"a", "b", "", "c"}, lines)
	require.Equal(t, []string{"a", "b", "c"}, out.Last)
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A log that cannot be written is said, and costs no report.
func TestStartLogFull(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"the VMM ends":    `cat "$1"`,
		"the VMM goes on": `cat "$1"; exec sleep 900`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := sh(t, script)
			r.Log = full{}
			out, err := startWithin(t, t.Context(), r, patience)
			require.ErrorIs(t, err, syscall.ENOSPC)
			requireWhole(t, out)
		})
	}
}
