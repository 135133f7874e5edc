package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// How much of a console a log keeps, in bytes: its beginning and its end. A
// guest writes less than one, and its report with a capture some two.
const (
	logHead = 48 << 20
	logTail = 16 << 20
)

// A consoleLog keeps the beginning and the end of what is written to it. The
// end is written when it is closed.
type consoleLog struct {
	file *os.File
	headTail
}

// headTail passes on the first bytes, and keeps the last of those behind them.
type headTail struct {
	w          io.Writer
	head, tail int // how much more goes to the beginning, and how much is the end
	end        []byte
	dropped    int
}

// openLog opens the log that --log names.
func openLog(name string) (*consoleLog, error) {
	file, err := openOutput("--log", name)
	if err != nil {
		return nil, err
	}
	return &consoleLog{file, headTail{w: file, head: logHead, tail: logTail}}, nil
}

func (h *headTail) Write(p []byte) (int, error) {
	first := p[:min(len(p), h.head)]
	if h.head -= len(first); len(first) > 0 {
		if n, err := h.w.Write(first); err != nil {
			return n, err
		}
	}
	h.end = append(h.end, p[len(first):]...)
	if len(h.end) > 2*h.tail {
		h.drop()
	}
	return len(p), nil
}

// empty drops what an earlier run wrote.
func (l *consoleLog) empty() error { return empty("--log", l.file) }

// drop forgets what is before the end.
func (h *headTail) drop() {
	over := max(0, len(h.end)-h.tail)
	h.dropped += over
	h.end = append(h.end[:0], h.end[over:]...)
}

// finish writes the end, with a word of what is missing before it.
func (h *headTail) finish() error {
	h.drop()
	if h.dropped > 0 {
		if _, err := fmt.Fprintf(h.w, "\n[vmspec: %d bytes are left out here]\n", h.dropped); err != nil {
			return err
		}
	}
	_, err := h.w.Write(h.end)
	h.end = nil
	return err
}

// close writes the end and says what was left out.
func (l *consoleLog) close(stderr io.Writer) error {
	err := l.finish()
	if l.dropped > 0 {
		fmt.Fprintf(stderr, "vmspec: %s: the console wrote more than %d MiB: %d bytes in the middle are left out\n",
			l.file.Name(), (logHead+logTail)>>20, l.dropped)
	}
	return errors.Join(err, l.file.Close())
}
