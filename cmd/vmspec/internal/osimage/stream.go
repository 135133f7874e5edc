package osimage

import (
	"bufio"
	"errors"
	"io"
)

// OpenXZ unpacks xz streams, one behind the other, and OpenZstd zstd frames, both
// with little memory.
func OpenXZ(in *bufio.Reader) (io.Reader, error) {
	first, err := openXZ(in)
	return &xzStreams{in, first}, err
}

// OpenZstd is described beside OpenXZ.
func OpenZstd(in *bufio.Reader) (io.Reader, error) { return openZstd(in) }

type xzStreams struct {
	in  *bufio.Reader
	now io.Reader // nil at the end
}

func (x *xzStreams) Read(b []byte) (int, error) {
	for x.now != nil {
		n, err := x.now.Read(b)
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		if begin, _ := x.in.Peek(6); string(begin) != "\xfd7zXZ\x00" {
			x.now = nil
			break
		}
		if x.now, err = openXZ(x.in); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}
