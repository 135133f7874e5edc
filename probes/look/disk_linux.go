package look

import "golang.org/x/sys/unix"

// OpenDisk opens a disk for reads without the kernel's cache.
func OpenDisk(name string) (BlockReader, error) {
	fd, err := unix.Open("/dev/"+name, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return directDisk(fd), nil
}

type directDisk int

func (d directDisk) ReadAt(block []byte, at int64) (int, error) {
	n, err := unix.Pread(int(d), block, at)
	return max(n, 0), err
}

func (d directDisk) Close() error { return unix.Close(int(d)) }
