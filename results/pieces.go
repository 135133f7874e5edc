package results

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
)

// readSize is how much is read at once, in bytes.
const readSize = 64 << 10

// eachPiece calls f with each line of r and its end, as bytes that f may keep no
// longer than its call, and as a string. A line of more than so many bytes comes
// in pieces. A string is made of many lines at once: one for each line takes
// longer than all that is done with most lines.
func eachPiece(r io.Reader, most int, f func(line []byte, text string)) error {
	room := buffers.Get().(*[]byte)
	defer buffers.Put(room)
	buffer := slices.Grow((*room)[:0], most+readSize)[:most+readSize]
	*room = buffer
	held, idle := 0, 0
	for {
		n, err := r.Read(buffer[held:])
		held += n
		whole := bytes.LastIndexByte(buffer[:held], '\n') + 1
		whole += (held - whole) / most * most
		if err != nil {
			whole = held // what has no end is a line too
		}
		split(buffer[:whole], most, f)
		held = copy(buffer, buffer[whole:held])
		if idle++; n > 0 {
			idle = 0
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case idle == maxIdle:
			return io.ErrNoProgress
		}
	}
}

// buffers are used again: a directory may hold thousands of small logs.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxIdle is how often a reader may read nothing.
const maxIdle = 100

// split calls f with each line of a block.
func split(block []byte, most int, f func(line []byte, text string)) {
	text := string(block)
	for text != "" {
		n := strings.IndexByte(text[:min(most, len(text))], '\n') + 1
		if n == 0 {
			n = min(most, len(text))
		}
		f(block[:n], text[:n])
		block, text = block[n:], text[n:]
	}
}
