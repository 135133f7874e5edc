package trial

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"vmspec/probes/entropy"
)

const (
	entropyBytes = 32
	entropyPoll  = 5 * time.Millisecond
	// The host may limit the source. After this time nothing more is read.
	entropyMost = time.Second
)

// EntropySource returns the kernel's current hardware source of random bytes,
// such as virtio_rng.0; it is empty where there is none.
func EntropySource(root fs.FS) string {
	text, err := fs.ReadFile(root, "sys/class/misc/hw_random/rng_current")
	if source := strings.TrimSpace(string(text)); err == nil && source != "none" {
		return source
	}
	return ""
}

// Entropy asks that source for bytes. It notes how many came, and never the bytes.
func Entropy(source string, n *entropy.Note) error {
	n.Source = source
	device, err := openEntropy()
	if err != nil {
		return fmt.Errorf("open /dev/hwrng: %w", err)
	}
	return tryEntropy(device, n)
}

// tryEntropy reads in another goroutine. The kernel reads the source as well, and
// while it does, even a read with O_NONBLOCK waits (drivers/char/hw_random/core.c).
// If the reader is stuck, the trial ends without it.
func tryEntropy(device io.ReadCloser, n *entropy.Note) error {
	done := make(chan drawn, 1)
	go func() {
		done <- draw(device)
		_ = device.Close() // it was only read
	}()
	var d drawn
	select {
	case d = <-done:
	case <-time.After(2 * entropyMost):
	}
	values := map[byte]bool{}
	for _, b := range d.bytes {
		values[b] = true
	}
	n.Drawn = &entropy.Drawn{Bytes: uint64(len(d.bytes)), Distinct: uint64(len(values))}
	return d.err
}

// drawn is what a source gave.
type drawn struct {
	bytes []byte
	err   error
}

// draw reads until there are enough bytes, or time is up.
func draw(device io.Reader) drawn {
	bytes := make([]byte, 0, entropyBytes)
	for end := time.Now().Add(entropyMost); time.Now().Before(end); {
		n, err := device.Read(bytes[len(bytes):entropyBytes])
		if bytes = bytes[:len(bytes)+n]; len(bytes) == entropyBytes {
			break
		}
		if err != nil && !errors.Is(err, syscall.EAGAIN) {
			return drawn{bytes, fmt.Errorf("read /dev/hwrng: %w", err)}
		}
		time.Sleep(entropyPoll)
	}
	return drawn{bytes: bytes}
}
