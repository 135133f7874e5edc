//go:build !linux

package note

import (
	"fmt"
	"syscall"
)

func errnoName(errno syscall.Errno) string { return fmt.Sprintf("errno%d", int(errno)) }
