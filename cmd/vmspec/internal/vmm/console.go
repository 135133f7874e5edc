package vmm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"time"
)

// A console is where a guest's output is read. Stop says that nothing more
// will come; what is there already is still read.
type console interface {
	io.ReadCloser
	Stop()
}

// pipe is the read end of the VMM's standard output. It ends by itself when
// the VMM and all it started are gone.
type pipe struct{ *os.File }

// After the VMM's end a process it left behind could hold the pipe open.
const pipeLinger = 2 * time.Second

func (p pipe) Stop() { _ = p.SetReadDeadline(time.Now().Add(pipeLinger)) }

func (p pipe) Read(b []byte) (int, error) {
	n, err := p.File.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = io.EOF
	}
	return n, err
}

func openPipe(cmd *exec.Cmd) (console, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = w
	return pipe{r}, nil
}

// serial reads a socket or file that the VMM makes, from when it is there.
type serial struct {
	name string
	in   io.ReadCloser
	skip int64         // of a file: what was in it before
	stop chan struct{} // closed by Stop
}

const serialPoll = 20 * time.Millisecond

func openSerial(name string) (console, error) {
	s := &serial{name: name, stop: make(chan struct{})}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("--serial: %w", err)
	case info.Mode().IsRegular():
		s.skip = info.Size()
	case info.IsDir():
		return nil, fmt.Errorf("--serial %s: is a directory", name)
	}
	return s, nil
}

func (s *serial) Stop() { close(s.stop) }

func (s *serial) Close() error {
	if s.in == nil {
		return nil
	}
	return s.in.Close()
}

// Read waits for the console to be there, then for more of it. A file's end
// is the end only once the VMM has ended; a socket's is at once.
func (s *serial) Read(b []byte) (int, error) {
	for {
		stopped := s.stopped()
		if s.in == nil {
			s.connect()
		}
		if s.in != nil {
			n, err := s.in.Read(b)
			if n > 0 {
				return n, nil
			}
			if _, file := s.in.(*os.File); !file && err != nil {
				return 0, io.EOF
			}
		}
		if stopped {
			return 0, io.EOF
		}
		time.Sleep(serialPoll)
	}
}

func (s *serial) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// connect opens what the name stands for, if it is there.
func (s *serial) connect() {
	info, err := os.Stat(s.name)
	if err != nil {
		return
	}
	if info.Mode()&fs.ModeSocket != 0 {
		if conn, err := net.Dial("unix", s.name); err == nil {
			s.in = conn
		}
		return
	}
	f, err := os.Open(s.name)
	if err != nil {
		return
	}
	// A file that is shorter than before was begun anew.
	if info.Mode().IsRegular() && info.Size() >= s.skip {
		if _, err := f.Seek(s.skip, io.SeekStart); err != nil {
			f.Close()
			return
		}
	}
	s.in = f
}
