package trial

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// An ordinary file takes a variable's writes as they are made.
func TestEfivar(t *testing.T) {
	name := filepath.Join(t.TempDir(), "Variable")
	var called []string
	v := efivar(name, func(service string) { called = append(called, service) })
	require.False(t, v.exists())
	require.ErrorIs(t, v.append(7, []byte("a")), unix.ENOENT)
	_, err := v.read()
	require.ErrorIs(t, err, unix.ENOENT)
	require.ErrorIs(t, v.delete(), unix.ENOENT)

	require.Equal(t, []string{"GetVariable", "SetVariable"}, called)

	require.NoError(t, v.create(7, []byte("a")))
	require.ErrorIs(t, v.create(7, []byte("a")), unix.EEXIST)
	require.NoError(t, v.append(0x47, []byte("b")))
	got, err := v.read()
	require.NoError(t, err)
	require.Equal(t, append(binary.LittleEndian.AppendUint32([]byte{7, 0, 0, 0, 'a'}, 0x47), 'b'), got)
	require.NoError(t, v.delete())
	_, err = os.Stat(name)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Equal(t, []string{"SetVariable", "SetVariable", "GetVariable", "SetVariable"}, called[2:])
}
