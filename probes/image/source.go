package image

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Seen is what came of reading a structure.
type Seen struct {
	Wrong  []string // what is wrong with it
	Unread string   // why it, or a part of it, could not be read
}

// maxWrong bounds how much is said of one structure.
const maxWrong = 8

func (s *Seen) wrong(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(s.Wrong) < maxWrong && !slices.Contains(s.Wrong, text) {
		s.Wrong = append(s.Wrong, text)
	}
}

// add takes an error for what it is.
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

// Sound tells whether all was read and nothing is wrong.
func (s *Seen) Sound() bool { return len(s.Wrong) == 0 && s.Unread == "" }

// unread is the error of what could not be read, by no fault of the image's.
type unread struct{ error }

func (u unread) Unwrap() error { return u.error }

// A source is a disk of which no more is read than a budget allows.
type source struct {
	r    io.ReaderAt
	size int64
	left int64 // of the budget, bytes
}

// read reads n bytes at a byte offset. That they lie behind the end is the
// image's fault.
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
