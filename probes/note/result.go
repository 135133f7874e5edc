package note

import (
	"errors"
	"syscall"
)

// Result writes an error as a note's words: "ok", or as the kernel names it
// where it is the kernel's.
func Result(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return errnoName(errno) + " " + errno.Error()
	}
	return err.Error()
}
