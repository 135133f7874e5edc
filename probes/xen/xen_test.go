package xen_test

import (
	"errors"
	"io/fs"
	"reflect"
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
			vbd + "nodename":                file("device/vbd/51712\n"), vbd + "state": file("Connected\n"), vbd + "driver": link("../../bus/xen/drivers/vbd"),
		}, xen.Facts{Type: "xen", Guest: "PVH", Version: "4.17", Bus: true,
			Devices: []xen.Device{{Name: "vbd-51712", Node: "device/vbd/51712", State: "Connected", Driver: "vbd"}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := xen.Read(test.files)
			require.NoError(t, err)
			f.FeaturesErr, f.EventsErr, f.GrantsErr = "", "", "" // TestReadWitnesses
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

func TestReadWitnesses(t *testing.T) {
	const (
		interrupts = "proc/interrupts"
		header     = "  CPU0 CPU1\n"
		features   = "sys/hypervisor/properties/features"
	)
	number := func(n uint32) *uint32 { return &n }
	calls := func(n uint64) *uint64 { return &n }
	log := func(text string) fstest.MapFS { return fstest.MapFS{"vmspec/kmsg": file(text)} }
	tests := map[string]struct {
		files fstest.MapFS
		want  xen.Facts
	}{
		"nothing":                     {fstest.MapFS{}, xen.Facts{FeaturesErr: "does not exist", EventsErr: "does not exist", GrantsErr: "does not exist"}},
		"features that are no number": {fstest.MapFS{features: file("0000zz44\n")}, xen.Facts{FeaturesErr: "parse features"}},
		"features of no length":       {fstest.MapFS{features: file("\n")}, xen.Facts{FeaturesErr: "parse features"}},
		"features cut":                {fstest.MapFS{features: file("2845\n")}, xen.Facts{FeaturesErr: "parse features"}},
		"features":                    {fstest.MapFS{features: file("00004845\n")}, xen.Facts{Features: number(0x4845)}},
		"features in two submaps":     {fstest.MapFS{features: file("0000000100004845\n")}, xen.Facts{Features: number(0x4845)}},
		"interrupts without a header": {fstest.MapFS{interrupts: file("")}, xen.Facts{EventsErr: "no header"}},
		"no event":                    {fstest.MapFS{interrupts: file(header)}, xen.Facts{Events: &xen.Events{}}},
		"events": {fstest.MapFS{interrupts: file(header +
			" 0: 1 2 xen-dyn Edge -event xenbus\n 1: 0 0 xen-dyn-lateeoi Edge -event vbd\n 12: 3 4 GICv3 16 Level events\n 13: 1 1 GICv3 27 Level arch_timer\n")},
			xen.Facts{Events: &xen.Events{Upcall: calls(7), Channels: []xen.Channel{{User: "xenbus", Count: 3}, {User: "vbd"}}}}},
		"a log that cannot be read":  {log("error EPERM\n"), xen.Facts{GrantsErr: "EPERM"}},
		"a log that has wrapped":     {log("[    9.000000] late\n"), xen.Facts{Grants: &xen.Grants{}}},
		"a log without grant tables": {log("[    0.000000] Booting\n"), xen.Facts{Grants: &xen.Grants{Whole: true}}},
		"a grant table":              {log("[    0.072022] xen:grant_table: Grant tables using version 1 layout\n"), xen.Facts{Grants: &xen.Grants{Version: "1"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.files["sys/hypervisor/type"] = file("xen\n")
			f, err := xen.Read(test.files)
			require.NoError(t, err)
			for _, one := range []struct {
				got   string
				want  string
				value any
			}{{f.FeaturesErr, test.want.FeaturesErr, f.Features}, {f.EventsErr, test.want.EventsErr, f.Events}, {f.GrantsErr, test.want.GrantsErr, f.Grants}} {
				require.Contains(t, one.got, one.want)
				require.Equal(t, one.got == "", !reflect.ValueOf(one.value).IsNil(), "either a value or an error")
			}
			for _, one := range []struct{ want, got any }{{test.want.Features, f.Features}, {test.want.Events, f.Events}, {test.want.Grants, f.Grants}} {
				if !reflect.ValueOf(one.want).IsNil() {
					require.Equal(t, one.want, one.got)
				}
			}
		})
	}
}

func TestReadDom0(t *testing.T) {
	f, err := xen.Read(guesttest.Open(t, "xen-dom0"))
	require.NoError(t, err)
	require.Equal(t, uint32(0x26805), *f.Features)
	require.Equal(t, &xen.Grants{Version: "1", Whole: true}, f.Grants)
	require.EqualValues(t, 2, *f.Events.Upcall)
	require.Equal(t, []xen.Channel{{User: "xenbus"}, {User: "-virq", Count: 1}}, f.Events.Channels)
}
