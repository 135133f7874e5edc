package device_test

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/device"
	"vmspec/probes/guest/guesttest"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func link(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }

func TestReadFaults(t *testing.T) {
	eio := errors.New("input/output error")
	_, err := device.Read(failingFS{eio})
	require.ErrorIs(t, err, eio)
	require.ErrorContains(t, err, "amba bus")

	f, err := device.Read(fstest.MapFS{})
	require.NoError(t, err, "a guest without these buses is an answer")
	require.Empty(t, f.Devices)
	require.Contains(t, f.IomemErr, "file does not exist")

	f, err = device.Read(fstest.MapFS{"proc/iomem": file("00000000-00000000 : x\n"), "sys/bus/platform/devices/x/uevent": file("")})
	require.NoError(t, err)
	require.Contains(t, f.IomemErr, "hidden")
	require.Empty(t, f.Devices, "neither a driver nor a place")
}

func TestRead(t *testing.T) {
	const iomem = "1000-1fff : 1000.a\n2000-2fff : b 2000.b\n3000-3fff : 3000.cc\n4000-4fff : 1000.a\n  4000-4fff : 1000.a\n"
	tests := map[string]struct {
		name  string
		links fstest.MapFS
		want  *device.Device // nil: not listed
	}{
		"nothing of interest":          {"none", fstest.MapFS{"of_node": link("../../firmware/devicetree/base/none")}, nil},
		"name that only begins so":     {"3000.c", nil, nil},
		"regions of its own":           {"1000.a", nil, &device.Device{At: "1000-1fff, 4000-4fff"}},
		"a region with its node":       {"2000.b", nil, &device.Device{At: "2000-2fff"}},
		"a driver, nobody described":   {"reg-dummy", fstest.MapFS{"driver": link("../../bus/platform/drivers/reg-dummy")}, &device.Device{Driver: "reg-dummy"}},
		"described by the tree":        {"psci", fstest.MapFS{"driver": link("d/psci"), "of_node": link("../../../firmware/devicetree/base/a/psci@1")}, &device.Device{Driver: "psci", Node: "/a/psci@1"}},
		"described by ACPI":            {"ARMH0011:00", fstest.MapFS{"driver": link("d/x"), "firmware_node": link("../LNXSYSTM:00/ARMH0011:00")}, &device.Device{Driver: "x", Node: "acpi"}},
		"described by the root itself": {"root", fstest.MapFS{"driver": link("d/x"), "of_node": link("../../firmware/devicetree/base")}, &device.Device{Driver: "x", Node: "/"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := fstest.MapFS{"proc/iomem": file(iomem), "sys/bus/platform/devices/" + test.name + "/uevent": file("")}
			for at, l := range test.links {
				m["sys/bus/platform/devices/"+test.name+"/"+at] = l
			}
			f, err := device.Read(m)
			require.NoError(t, err)
			if test.want == nil {
				require.Empty(t, f.Devices)
				return
			}
			test.want.Name, test.want.Bus = test.name, "platform"
			require.Equal(t, []device.Device{*test.want}, f.Devices)
		})
	}
}

// A driver's own device lies below the one that it is for.
func TestReadUnder(t *testing.T) {
	tests := map[string]struct{ target, link, want string }{
		"below a described device":  {"../../../devices/platform/a/b", "sys/devices/platform/a/of_node", "/soc/a"},
		"further below":             {"../../../devices/platform/a/x/y/b", "sys/devices/platform/a/of_node", "/soc/a"},
		"below one of ACPI's":       {"../../../devices/platform/a/b", "sys/devices/platform/a/firmware_node", "acpi"},
		"beside a described device": {"../../../devices/platform/b", "sys/devices/platform/a/of_node", ""},
		"nowhere among the devices": {"../../../../b", "of_node", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := device.Read(fstest.MapFS{
				"proc/iomem": file("1000-1fff : b\n"), "sys/bus/platform/devices/b": link(test.target),
				test.link: link("../../../firmware/devicetree/base/soc/a"),
			})
			require.NoError(t, err)
			require.Equal(t, []device.Device{{Name: "b", Bus: "platform", At: "1000-1fff", Under: test.want}}, f.Devices)
		})
	}
}

// Linux makes these from tables of their own: only where it runs by ACPI.
func TestReadTableDevices(t *testing.T) {
	for _, name := range []string{"arm-smmu-v3.0.auto", "sbsa-gwdt.0"} {
		m := fstest.MapFS{"proc/iomem": file("0-1 : x\n"), "sys/bus/platform/devices/" + name + "/driver": link("d/x")}
		f, err := device.Read(m)
		require.NoError(t, err)
		require.Equal(t, []device.Device{{Name: name, Bus: "platform", Driver: "x"}}, f.Devices)
		m["sys/firmware/acpi/tables/IORT"] = file("")
		f, err = device.Read(m)
		require.NoError(t, err)
		require.Equal(t, "acpi", f.Devices[0].Node)
	}
}

func TestReadCaptured(t *testing.T) {
	f, err := device.Read(guesttest.Open(t, "qemu-virt-gicv2"))
	require.NoError(t, err)
	require.Empty(t, f.IomemErr)
	require.Contains(t, f.Devices, device.Device{Name: "9000000.pl011", Bus: "amba", Driver: "uart-pl011", Node: "/pl011@9000000", At: "9000000-9000fff"})
	require.Contains(t, f.Devices, device.Device{Name: "4010000000.pcie", Bus: "platform", Driver: "pci-host-generic", Node: "/pcie@10000000"})
	require.False(t, slices.ContainsFunc(f.Devices, func(d device.Device) bool { return d.Name == "gpio-keys" }), "no driver, no place")
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}
