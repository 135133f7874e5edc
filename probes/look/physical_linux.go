package look

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// physical reads size bytes at a physical address through /dev/mem.
func physical(address uint64, size int) ([]byte, error) {
	mem, err := os.Open("/dev/mem")
	if err != nil {
		return nil, err
	}
	defer mem.Close()
	var data []byte
	err = withPhysical(mem, address, size, func(m []byte) { data = bytes.Clone(m) })
	return data, err
}

// withPhysical maps size bytes at a physical address for use. It maps only the pages
// in which they lie: the kernel refuses a mapping that reaches into System RAM
// (drivers/char/mem.c).
func withPhysical(mem *os.File, address uint64, size int, use func([]byte)) error {
	page := uint64(os.Getpagesize())
	begin := address &^ (page - 1)
	length := int(address - begin + uint64(size))
	data, err := unix.Mmap(int(mem.Fd()), int64(begin), length, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map %s at %#x: %w", mem.Name(), begin, err)
	}
	use(data[address-begin : length])
	return unix.Munmap(data)
}
