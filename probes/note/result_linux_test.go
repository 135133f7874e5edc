package note_test

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/note"
)

// A result is the kernel's name and words where the error is the kernel's, however
// deep it lies.
func TestResult(t *testing.T) {
	for want, err := range map[string]error{
		"ok":                             nil,
		"differs":                        errors.New("differs"),
		"EIO input/output error":         syscall.EIO,
		"EACCES permission denied":       &fs.PathError{Op: "open", Path: "/dev/vda", Err: syscall.EACCES},
		"ENOSPC no space left on device": fmt.Errorf("write: %w", syscall.ENOSPC),
	} {
		require.Equal(t, want, note.Result(err))
	}
}

func TestPath(t *testing.T) {
	n := &note.FreeText{Name: "arch"}
	require.Equal(t, "arch", note.Name(n))
	require.Equal(t, "vmspec/arch", note.Path(n))
}
