package vmm

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// Kinds of serial console that are no file: of one that the VMM offers by TCP
// we are the client, of one for which it looks we are the server.
const (
	tcpMark    = "tcp:"
	listenMark = "listen:"
)

// dialWithin bounds one try to reach a console by TCP.
const dialWithin = time.Second

// openSerial finds out what kind of console a name stands for.
func openSerial(name string) (console, error) {
	if address, ok := strings.CutPrefix(name, tcpMark); ok {
		return openTCP(name, address)
	}
	if path, ok := strings.CutPrefix(name, listenMark); ok {
		return openListener(name, path)
	}
	return openFile(name)
}

func openTCP(name, address string) (console, error) {
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("--serial %s: want tcp:HOST:PORT", name)
	}
	s := newSerial(name)
	s.dial = func() (net.Conn, error) {
		conn, err := net.DialTimeout("tcp", address, dialWithin)
		// Where nobody listens yet on one of the ports that the kernel gives
		// to clients, it may connect us to ourselves.
		if err == nil && conn.LocalAddr().String() == conn.RemoteAddr().String() {
			return nil, errors.Join(syscall.ECONNREFUSED, conn.Close())
		}
		return conn, err
	}
	return s, nil
}

// openListener makes the socket to which the VMM connects.
func openListener(name, path string) (console, error) {
	if path == "" {
		return nil, fmt.Errorf("--serial %s: want listen:SOCKET", name)
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("--serial %s: %w", name, err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("--serial: %w", err)
	}
	s := newSerial(name)
	s.listener = l
	s.dial = func() (net.Conn, error) {
		_ = l.SetDeadline(time.Now().Add(serialPoll))
		return l.Accept()
	}
	return s, nil
}

// removeStale removes a socket that nobody serves, and nothing else.
func removeStale(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return errors.New("is there already, and no socket")
	}
	if conn, err := net.Dial("unix", path); err == nil {
		return errors.Join(errors.New("is another's socket"), conn.Close())
	}
	return os.Remove(path)
}
