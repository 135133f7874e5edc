package trial

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// askOn writes a request to a terminal, and sets the terminal so that reads do not
// wait for a whole line.
func askOn(name, request string) (io.ReadCloser, error) {
	t, err := openTerminal(name)
	if err != nil {
		return nil, err
	}
	// Perhaps nobody reads the terminal: what it does not take at once is dropped.
	if _, err := unix.Write(t.fd, []byte(request)); err != nil {
		return nil, errors.Join(err, unix.Close(t.fd))
	}
	return t, nil
}

// openTerminal opens a terminal so that reads do not wait for a whole line. Echo is
// off: what is typed must not get into the report. The settings for output stay as
// they are.
func openTerminal(name string) (terminal, error) {
	fd, err := unix.Open("/dev/"+name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return terminal{}, err
	}
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return terminal{}, errors.Join(err, unix.Close(fd))
	}
	raw := *before
	raw.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG | unix.IEXTEN
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 0, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return terminal{}, errors.Join(err, unix.Close(fd))
	}
	_ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) // drops an answer that was meant for an earlier worker
	return terminal{fd, before}, nil
}

type terminal struct {
	fd     int
	before *unix.Termios
}

func (t terminal) Read(p []byte) (int, error) {
	n, err := unix.Read(t.fd, p)
	return max(n, 0), err
}

func (t terminal) Close() error {
	return errors.Join(unix.IoctlSetTermios(t.fd, unix.TCSETS, t.before), unix.Close(t.fd))
}
