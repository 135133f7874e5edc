package trial

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pseudoTerminal opens one, and returns its other end and its name below /dev.
func pseudoTerminal(t *testing.T) (other int, name string) {
	t.Helper()
	other, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no pseudo terminals here: ", err)
	}
	t.Cleanup(func() { unix.Close(other) })
	require.NoError(t, unix.IoctlSetPointerInt(other, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(other, unix.TIOCGPTN)
	require.NoError(t, err)
	return other, fmt.Sprint("pts/", n)
}

// holds waits until there are so many bytes to read.
func holds(t *testing.T, fd, bytes int) {
	t.Helper()
	require.Eventually(t, func() bool {
		n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
		return err == nil && n == bytes
	}, time.Minute, time.Millisecond)
}

// A terminal asks, takes what is typed without repeating it, and is put back.
func TestAskOn(t *testing.T) {
	other, name := pseudoTerminal(t)
	before, err := unix.IoctlGetTermios(other, unix.TCGETS)
	require.NoError(t, err)
	asked, err := askOn(name, "please\n")
	require.NoError(t, err)
	require.Empty(t, typed(asked), "it does not wait")

	const shown = "please\r\n" // what is written is changed as ever
	holds(t, other, len(shown))
	b := make([]byte, 64)
	n, err := unix.Read(other, b)
	require.NoError(t, err)
	require.Equal(t, shown, string(b[:n]))

	_, err = unix.Write(other, []byte("0a1b"))
	require.NoError(t, err)
	holds(t, asked.(terminal).fd, 4)
	require.Equal(t, "0a1b", typed(asked), "before the line ends")
	_, err = unix.Read(other, b)
	require.ErrorIs(t, err, unix.EAGAIN, "nothing was repeated")

	require.NoError(t, asked.Close())
	after, err := unix.IoctlGetTermios(other, unix.TCGETS)
	require.NoError(t, err)
	require.Equal(t, before, after)
}
