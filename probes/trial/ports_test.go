package trial

import (
	"bytes"
	"io/fs"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestTryPorts(t *testing.T) {
	files := fstest.MapFS{PortClass + "/vport1p1": {Mode: fs.ModeDir}, PortClass + "/vport1p2": {Mode: fs.ModeDir}}
	var out bytes.Buffer
	open := func(name string) error {
		if name == "vport1p2" {
			return syscall.EBUSY
		}
		return nil
	}
	require.NoError(t, tryPorts(files, open, &out))
	require.Equal(t, "port vport1p1 ok\nport vport1p2 EBUSY device or resource busy\n", out.String())
	out.Reset()
	require.NoError(t, tryPorts(fstest.MapFS{}, open, &out))
	require.Empty(t, out.String())
}
