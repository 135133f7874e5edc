package trial

import (
	"io"

	"golang.org/x/sys/unix"
)

// openEntropy opens /dev/hwrng, for reads that do not wait for the source.
func openEntropy() (io.ReadCloser, error) {
	fd, err := unix.Open("/dev/hwrng", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return entropyDevice(fd), nil
}

type entropyDevice int

func (d entropyDevice) Read(p []byte) (int, error) {
	n, err := unix.Read(int(d), p)
	return max(n, 0), err
}

func (d entropyDevice) Close() error { return unix.Close(int(d)) }
