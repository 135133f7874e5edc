package trial

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"time"
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

// TrialEntropy asks that source for bytes. It writes
//
//	source NAME
//	bytes COUNT DISTINCT   so many came, of so many values
//
// and never the bytes.
func TrialEntropy(source string, out io.Writer) error {
	fmt.Fprintf(out, "source %s\n", source)
	device, err := openEntropy()
	if err != nil {
		return fmt.Errorf("open /dev/hwrng: %w", err)
	}
	return tryEntropy(device, out)
}

// tryEntropy reads in another goroutine: the kernel asks the source as well,
// and though we read without waiting it makes us wait for its turn
// (drivers/char/hw_random/core.c). A reader that is stuck is left behind.
func tryEntropy(device io.ReadCloser, out io.Writer) error {
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
	fmt.Fprintf(out, "bytes %d %d\n", len(d.bytes), len(values))
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
