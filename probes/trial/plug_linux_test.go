package trial

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What is asked goes to each terminal that is there, and what is typed comes by lines.
func TestOutside(t *testing.T) {
	other, name := pseudoTerminal(t)
	o, err := openOutside([]string{"no-such-terminal", name})
	require.NoError(t, err)
	defer o.close()
	require.NoError(t, o.ask("please"))
	holds(t, other, len("please\r\n"))
	_, err = unix.Write(other, []byte("done this\r\rcan"))
	require.NoError(t, err)
	var lines []string
	until := func(n int) {
		for end := time.Now().Add(time.Minute); len(lines) < n && time.Now().Before(end); o.wait() {
			lines = append(lines, o.typed()...)
		}
	}
	until(1)
	require.Equal(t, []string{"done this"}, lines)
	_, err = unix.Write(other, []byte("not that\n"))
	require.NoError(t, err)
	until(2)
	require.Equal(t, []string{"done this", "cannot that"}, lines)
}

// One whose other side is gone does not make the guest spin.
func TestOutsideGone(t *testing.T) {
	other, name := pseudoTerminal(t)
	o, err := openOutside([]string{name})
	require.NoError(t, err)
	defer o.close()
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Dup3(null, other, unix.O_CLOEXEC), "closes the other side")
	require.NoError(t, unix.Close(null))
	began := time.Now()
	for range 5 {
		o.wait()
	}
	require.Greater(t, time.Since(began), 5*networkPoll/2)
	require.Error(t, o.ask("please"))
}
