package vmm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"
)

// A console is where a guest's output is read, and its input typed. Type tells how
// many bytes it took over, and Left how many of all the VMM has not taken so far, as
// far as that is known. Stop says that nothing more will come; what is there already
// is still read.
type console interface {
	io.ReadCloser
	Type(text string) int
	Left() int
	Stop()
}

// pipe is the read end of the VMM's standard output, and the write end of its
// input. It ends by itself when the VMM and all it started are gone.
type pipe struct {
	*os.File
	input *os.File
}

// Type gives up what is not taken: not every VMM reads.
func (p pipe) Type(text string) int { return typeOn(p.input, text) }

func (p pipe) Left() (n int) {
	raw, err := p.input.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { n = unread(int(fd)) })
	}
	return n
}

func (p pipe) Close() error { return errors.Join(p.input.Close(), p.File.Close()) }

// typeMost is how long a console may take for what is typed.
const typeMost = 100 * time.Millisecond

func typeOn(w interface {
	io.Writer
	SetWriteDeadline(time.Time) error
}, text string) int {
	_ = w.SetWriteDeadline(time.Now().Add(typeMost)) // a named pipe or file is not typed on
	n, _ := io.WriteString(w, text)
	return n
}

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
	in, input, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, r.Close(), w.Close())
	}
	cmd.Stdin, cmd.Stdout = in, w
	return pipe{r, input}, nil
}

// serial reads a console that the VMM makes, from when it is there.
type serial struct {
	name string
	in   io.ReadCloser
	old  fs.FileInfo   // of a regular file: what was there before the VMM
	mark []byte        // the old file's last bytes
	stop chan struct{} // closed by Stop
	// Of one that is reached over a network, or on which we listen.
	dial     func() (net.Conn, error)
	listener io.Closer
	end      atomic.Int64 // when reading ends though more comes, in nanoseconds since 1970
}

const serialPoll = 20 * time.Millisecond

func newSerial(name string) *serial { return &serial{name: name, stop: make(chan struct{})} }

// openFile is for a socket that the VMM makes, or a file.
func openFile(name string) (console, error) {
	s := newSerial(name)
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("--serial: %w", err)
	case info.Mode().IsRegular():
		s.old = info
		if s.mark, err = lastBytes(name, info.Size()); err != nil {
			return nil, fmt.Errorf("--serial: %w", err)
		}
	case info.IsDir():
		return nil, fmt.Errorf("--serial %s: is a directory", name)
	}
	return s, nil
}

const maxMark = 256

func lastBytes(name string, size int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	mark := make([]byte, min(size, maxMark))
	_, err = f.ReadAt(mark, size-int64(len(mark)))
	if err == io.EOF && len(mark) == 0 {
		err = nil
	}
	return mark, err
}

func (s *serial) Stop() {
	s.end.Store(time.Now().Add(pipeLinger).UnixNano())
	close(s.stop)
}

// Type types on a socket; other consoles are only read.
func (s *serial) Type(text string) int {
	if conn, ok := s.in.(net.Conn); ok {
		return typeOn(conn, text)
	}
	return 0
}

// Left is unknown of a socket, whose other end reads as a rule.
func (s *serial) Left() int { return 0 }

func (s *serial) Close() error {
	var errs [2]error
	for i, c := range []io.Closer{s.in, s.listener} {
		if c != nil {
			errs[i] = c.Close()
		}
	}
	return errors.Join(errs[:]...)
}

// Read waits for the console to be there, then for more of it. A file's end
// is the end only once the VMM has ended; a socket's is at once.
func (s *serial) Read(b []byte) (int, error) {
	for {
		stopped := s.stopped()
		if stopped && time.Now().UnixNano() > s.end.Load() {
			return 0, io.EOF
		}
		if s.in == nil {
			s.connect()
		}
		if s.in != nil {
			n, err := s.readSome(b)
			if n > 0 {
				return n, nil
			}
			if _, file := s.in.(*os.File); !file && err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return 0, io.EOF
			}
		}
		if stopped {
			return 0, io.EOF
		}
		time.Sleep(serialPoll)
	}
}

// readSome reads what is there, and waits for no more than a moment.
func (s *serial) readSome(b []byte) (int, error) {
	if d, ok := s.in.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(time.Now().Add(serialPoll)) // a regular file has none and needs none
	}
	return s.in.Read(b)
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
	if s.dial != nil {
		if conn, err := s.dial(); err == nil {
			s.in = conn
		}
		return
	}
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
	if s.untouched(info) {
		return
	}
	// A named pipe that nobody writes must not keep us.
	f, err := os.OpenFile(s.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	if s.appended(f, info) {
		if _, err := f.Seek(s.old.Size(), io.SeekStart); err != nil {
			f.Close()
			return
		}
	}
	s.in = f
}

// untouched tells whether the file is still as it was before the VMM.
func (s *serial) untouched(now fs.FileInfo) bool {
	return s.old != nil && os.SameFile(s.old, now) && s.old.Size() == now.Size() && s.old.ModTime().Equal(now.ModTime())
}

// appended tells whether the old file goes on behind what was there before.
func (s *serial) appended(f *os.File, now fs.FileInfo) bool {
	if s.old == nil || !os.SameFile(s.old, now) || now.Size() < s.old.Size() {
		return false
	}
	mark := make([]byte, len(s.mark))
	_, err := f.ReadAt(mark, s.old.Size()-int64(len(mark)))
	return (err == nil || len(mark) == 0) && bytes.Equal(mark, s.mark)
}
