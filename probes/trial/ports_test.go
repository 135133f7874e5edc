package trial

import (
	"io/fs"
	"syscall"
	"testing"
	"testing/fstest"

	"vmspec/probes/console"

	"github.com/stretchr/testify/require"
)

func TestTryPorts(t *testing.T) {
	files := fstest.MapFS{PortClass + "/vport1p1": {Mode: fs.ModeDir}, PortClass + "/vport1p2": {Mode: fs.ModeDir}}
	open := func(name string) error {
		if name == "vport1p2" {
			return syscall.EBUSY
		}
		return nil
	}
	var n console.PortsNote
	require.NoError(t, tryPorts(files, open, &n))
	require.Equal(t, []console.Port{{Name: "vport1p1", Result: "ok"}, {Name: "vport1p2", Result: "EBUSY device or resource busy"}}, n.Ports)
	var none console.PortsNote
	require.NoError(t, tryPorts(fstest.MapFS{}, open, &none))
	require.Empty(t, none.Ports)
}
