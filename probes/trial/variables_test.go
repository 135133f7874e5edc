package trial

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"syscall"
	"testing"

	"vmspec/probes/efi"
	"vmspec/probes/note"

	"github.com/stretchr/testify/require"
)

// fakeStore keeps a variable in memory. Faults are errors by the name of what
// fails.
func fakeStore(variable []byte, faults map[string]error) (variableStore, *[]byte) {
	kept := &variable
	return variableStore{
		exists: func() bool { return *kept != nil },
		create: func(attributes uint32, data []byte) error {
			if faults["create"] == nil {
				*kept = append(binary.LittleEndian.AppendUint32(nil, attributes), data...)
			}
			return faults["create"]
		},
		append: func(attributes uint32, data []byte) error {
			if attributes&appendWrite == 0 {
				return errors.New("not appended")
			}
			if faults["append"] == nil {
				*kept = append(*kept, data...)
			}
			return faults["append"]
		},
		read: func() ([]byte, error) {
			if faults["short"] != nil {
				return bytes.Clone(*kept)[:8], nil
			}
			return bytes.Clone(*kept), faults["read"]
		},
		delete: func() error {
			if faults["delete"] == nil {
				*kept = nil
			}
			return faults["delete"]
		},
	}, kept
}

func TestTryVariables(t *testing.T) {
	tests := map[string]struct {
		variable []byte
		faults   map[string]error
		want     string
	}{
		"whole":                 {nil, nil, "create ok; read ok; append ok; reread ok; delete ok"},
		"left by another trial": {[]byte("x"), nil, "stale ok; create ok; read ok; append ok; reread ok; delete ok"},
		"no room":               {nil, map[string]error{"create": syscall.ENOSPC}, "create ENOSPC no space left on device"},
		"not readable":          {nil, map[string]error{"read": syscall.EIO}, "create ok; read EIO input/output error; delete ok"},
		"cut":                   {nil, map[string]error{"short": errIO}, "create ok; read differs; delete ok"},
		"not appended":          {nil, map[string]error{"append": syscall.EINVAL}, "create ok; read ok; append EINVAL invalid argument; delete ok"},
		"not deleted":           {nil, map[string]error{"delete": syscall.EPERM}, "create ok; read ok; append ok; reread ok; delete EPERM operation not permitted"},
		"no kernel's error":     {nil, map[string]error{"create": errors.New("closed")}, "create closed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			store, kept := fakeStore(test.variable, test.faults)
			var n efi.Trial
			require.NoError(t, tryVariables(store, &n))
			require.Equal(t, test.want, strings.ReplaceAll(strings.TrimSpace(string(note.Text(&n))), "\n", "; "))
			require.Equal(t, test.faults["delete"] != nil, *kept != nil, "left as found")
		})
	}
}

// An append that writes anew is told from one that appends.
func TestTryVariablesAppendOverwrites(t *testing.T) {
	store, kept := fakeStore(nil, nil)
	store.append = func(_ uint32, data []byte) error {
		*kept = append((*kept)[:4], data...)
		return nil
	}
	var n efi.Trial
	require.NoError(t, tryVariables(store, &n))
	require.Equal(t, "create ok\nread ok\nappend ok\nreread differs\ndelete ok\n", string(note.Text(&n)))
}

func TestRetryAborted(t *testing.T) {
	calls := 0
	answer := func(aborted int, then error) func() error {
		calls = 0
		return func() error {
			if calls++; calls <= aborted {
				return syscall.EINTR
			}
			return then
		}
	}
	require.NoError(t, retryAborted(answer(0, nil)))
	require.NoError(t, retryAborted(answer(abortTries-1, nil)))
	require.ErrorIs(t, retryAborted(answer(1, syscall.EIO)), syscall.EIO)
	require.Equal(t, errAborted, retryAborted(answer(abortTries, nil)))
	require.Equal(t, abortTries, calls)
	require.Equal(t, "EFI_ABORTED, 5 times", note.Result(errAborted))
}
