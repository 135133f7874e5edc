package look

import (
	"errors"
	"fmt"
	"io"
)

// A BlockReader reads from a disk, without the kernel's cache.
type BlockReader interface {
	io.ReaderAt
	io.Closer
}

// ReadWhole reads a whole block. If fewer bytes came, its error is "short BYTES".
func ReadWhole(r io.ReaderAt, block []byte, at int64) error {
	n, err := r.ReadAt(block, at)
	if n < len(block) && (err == nil || errors.Is(err, io.EOF)) {
		return fmt.Errorf("short %d", n)
	}
	return err
}
