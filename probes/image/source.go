package image

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Seen is the result of reading a structure.
type Seen struct {
	Wrong  []string // what is wrong with it
	Unread string   // why it, or a part of it, could not be read
}

// maxWrong is how many faults of one structure are listed at most.
const maxWrong = 8

func (s *Seen) wrong(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(s.Wrong) < maxWrong && !slices.Contains(s.Wrong, text) {
		s.Wrong = append(s.Wrong, text)
	}
}

// add adds an error: as a fault, or as the reason why something is unread.
func (s *Seen) add(err error) {
	var u unread
	switch {
	case err == nil:
	case !errors.As(err, &u):
		s.wrong("%v", err)
	case s.Unread == "":
		s.Unread = err.Error()
	}
}

// Sound reports whether all was read and nothing is wrong.
func (s *Seen) Sound() bool { return len(s.Wrong) == 0 && s.Unread == "" }

// unread is a read error. It is no fault of the image.
type unread struct{ error }

func (u unread) Unwrap() error { return u.error }

// A source is a disk, of which only so much may be read.
type source struct {
	r    io.ReaderAt
	size int64
	left int64 // bytes that may still be read
}

// read reads n bytes at a byte offset. An offset behind the end of the disk is a
// fault of the image.
func (s *source) read(at uint64, n int) ([]byte, error) {
	if at > uint64(s.size) || uint64(n) > uint64(s.size)-at {
		return nil, fmt.Errorf("%d bytes at byte %d are behind the end of the disk, %d", n, at, s.size)
	}
	if s.left -= int64(n); s.left < 0 {
		return nil, unread{errors.New("there is too much to read")}
	}
	b := make([]byte, n)
	if got, err := s.r.ReadAt(b, int64(at)); got < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, unread{fmt.Errorf("read %d bytes at byte %d: %w", n, at, err)}
	}
	return b, nil
}

// upTo reads n bytes, or fewer where the disk ends.
func (s *source) upTo(at uint64, n int) ([]byte, error) {
	if at < uint64(s.size) {
		n = int(min(uint64(n), uint64(s.size)-at))
	}
	return s.read(at, n)
}
