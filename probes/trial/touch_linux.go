package trial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// freeBytes is how much memory is free.
func freeBytes() (uint64, error) {
	var info unix.Sysinfo_t
	err := unix.Sysinfo(&info)
	return uint64(info.Freeram) * uint64(info.Unit), err
}

// withMemory allocates memory for use, its pages on the nodes in turn, and frees it.
func withMemory(size int, nodes []int, use func([]byte) error) error {
	m, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("take %d bytes: %w", size, err)
	}
	_ = unix.Madvise(m, unix.MADV_NOHUGEPAGE) // fails on a kernel that has no huge pages
	const interleave = 3                      // MPOL_INTERLEAVE, include/uapi/linux/mempolicy.h
	if len(nodes) > 1 {
		var set unix.CPUSet
		for _, n := range nodes {
			set.Set(n)
		}
		if err := unix.SetMemPolicy(interleave, &set); err != nil {
			return errors.Join(fmt.Errorf("take memory of all nodes: %w", err), unix.Munmap(m))
		}
	}
	return errors.Join(use(m), unix.Munmap(m))
}

// frames returns the numbers of the page frames that hold m, if the kernel shows
// them (Documentation/admin-guide/mm/pagemap.rst).
func frames(m []byte, page int) ([]uint64, error) {
	const entry, present, number = 8, 1 << 63, 1<<55 - 1
	text := make([]byte, len(m)/page*entry)
	file, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.ReadAt(text, int64(uintptr(unsafe.Pointer(unsafe.SliceData(m))))/int64(page)*entry); err != nil {
		return nil, err
	}
	var out []uint64
	for ; len(text) > 0; text = text[entry:] {
		if e := binary.NativeEndian.Uint64(text); e&present != 0 && e&number != 0 { // 0: hidden
			out = append(out, e&number)
		}
	}
	return out, nil
}
