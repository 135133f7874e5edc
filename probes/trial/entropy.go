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
	// A source may be slow, as its host limits it: after this it is left alone.
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

// tryEntropy reads in another goroutine: the kernel asks the source as well,
// and though we read without waiting it makes us wait for its turn
// (drivers/char/hw_random/core.c). A reader that is stuck is left behind.
func tryEntropy(device io.ReadCloser, n *entropy.Note) error {
	done := make(chan drawn, 1)
	go func() {
		done <- draw(device)
		_ = device.Close() // what was only read
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

// drawn is what came of a source.
type drawn struct {
	bytes []byte
	err   error
}

// draw reads until there are enough bytes, or for too long.
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
