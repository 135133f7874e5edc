package vmbus_test

import (
	"io/fs"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/vmbus"
)

func TestRead(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	const dir = "sys/bus/vmbus/devices/"
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  vmbus.Facts
	}{
		"no bus":               {fstest.MapFS{}, vmbus.Facts{}},
		"no device":            {fstest.MapFS{"sys/bus/vmbus/devices": {Mode: fs.ModeDir}}, vmbus.Facts{Bus: true}},
		"a network device":     {fstest.MapFS{dir + "a/class_id": file("{F8615163-DF3E-46C5-913F-F2D2F965ED0E}\n")}, vmbus.Facts{Bus: true, Devices: []vmbus.Device{{Class: "f8615163-df3e-46c5-913f-f2d2f965ed0e"}}}},
		"a device of no class": {fstest.MapFS{dir + "a/id": file("1")}, vmbus.Facts{Bus: true, Devices: []vmbus.Device{{}}}},
	} {
		f, err := vmbus.Read(c.files)
		require.NoError(t, err, name)
		require.Equal(t, &c.want, f, name)
	}
	_, err := vmbus.Read(failingFS{})
	require.ErrorIs(t, err, syscall.EIO)
}

func TestString(t *testing.T) {
	require.Equal(t, "SCSI", vmbus.Device{Class: "ba6163d9-04a1-4d29-b605-72e2ffb1dc7f"}.String())
	require.Equal(t, "x", vmbus.Device{Class: "x"}.String())
}

// Captures of before the bus was looked at have none.
func TestReadCaptured(t *testing.T) {
	f, err := vmbus.Read(guesttest.Open(t, "qemu-virt-gicv2"))
	require.NoError(t, err)
	require.Equal(t, &vmbus.Facts{}, f)
	files := guesttest.Open(t, "qemu-virt-gicv2").With(map[string][]byte{
		"proc/interrupts": []byte(" CPU0\n11: 9962 GICv3 18 Edge Hyper-V VMbus\n12: 0 GICv3 19 Edge eth0\n"),
	})
	f, err = vmbus.Read(files)
	require.NoError(t, err)
	require.Equal(t, &vmbus.Facts{Bus: true}, f)
	f, err = vmbus.Read(files.With(map[string][]byte{"proc/interrupts": []byte(" CPU0\n"), "proc/iomem": []byte("40000000-5fffffff : System RAM\nf0000000-f07fffff : 5620e0c7-8062-4dce-aeb7-520c7ef76171\n")}))
	require.NoError(t, err)
	require.Equal(t, &vmbus.Facts{Bus: true, Devices: []vmbus.Device{{}}}, f)
}

type failingFS struct{}

func (failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EIO}
}
