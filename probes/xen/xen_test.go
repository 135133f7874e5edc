package xen_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/xen"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func link(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }

func TestRead(t *testing.T) {
	const vbd = "sys/devices/vbd-51712/"
	tests := map[string]struct {
		files fstest.MapFS
		want  xen.Facts
	}{
		"not Xen": {fstest.MapFS{}, xen.Facts{}},
		// Every kernel built for Xen has these.
		"not Xen, but built for it": {fstest.MapFS{"sys/hypervisor/properties/x": file(""), "sys/bus/xen/devices/x/y": file("")}, xen.Facts{}},
		"no version, no bus":        {fstest.MapFS{"sys/hypervisor/type": file("xen\n")}, xen.Facts{Type: "xen"}},
		"minor version only":        {fstest.MapFS{"sys/hypervisor/type": file("xen\n"), "sys/hypervisor/version/minor": file("17\n")}, xen.Facts{Type: "xen"}},
		"device without anything": {fstest.MapFS{"sys/hypervisor/type": file("xen\n"), "sys/bus/xen/devices/vif-0/uevent": file("")},
			xen.Facts{Type: "xen", Bus: true, Devices: []xen.Device{{Name: "vif-0"}}}},
		"disk": {fstest.MapFS{
			"sys/hypervisor/type": file("xen\n"), "sys/hypervisor/guest_type": file("PVH\n"),
			"sys/hypervisor/version/major": file("4\n"), "sys/hypervisor/version/minor": file("17\n"),
			"sys/bus/xen/devices/vbd-51712": link("../../../devices/vbd-51712"),
			vbd + "nodename":                file("device/vbd/51712\n"), vbd + "state": file("4\n"), vbd + "driver": link("../../bus/xen/drivers/vbd"),
		}, xen.Facts{Type: "xen", Guest: "PVH", Version: "4.17", Bus: true,
			Devices: []xen.Device{{Name: "vbd-51712", Node: "device/vbd/51712", State: "4", Driver: "vbd"}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := xen.Read(test.files)
			require.NoError(t, err)
			require.Equal(t, test.want, *f)
		})
	}
}

// halfFS has the type of the hypervisor and nothing else that can be read.
type halfFS struct{ err error }

func (f halfFS) Open(name string) (fs.File, error) {
	if name == "sys/hypervisor/type" && f.err == nil {
		return fstest.MapFS{name: file("xen\n")}.Open(name)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("input/output error")}
}

func TestReadFaults(t *testing.T) {
	_, err := xen.Read(halfFS{errors.New("type too")})
	require.ErrorContains(t, err, "sys/hypervisor/type: input/output error")
	_, err = xen.Read(halfFS{})
	require.ErrorContains(t, err, "xen bus")
}

func TestReadCaptured(t *testing.T) {
	f, err := xen.Read(guesttest.Open(t, "qemu-virt-gicv2"))
	require.NoError(t, err)
	require.Equal(t, &xen.Facts{}, f, "QEMU is not Xen, although the kernel was built for it")
}
