package vmm

import "golang.org/x/sys/unix"

// unread returns how many bytes lie in a pipe.
func unread(fd int) int {
	n, _ := unix.IoctlGetInt(fd, unix.TIOCINQ)
	return n
}
