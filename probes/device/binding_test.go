package device_test

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes/device"
	"vmspec/probes/fdt"
	"vmspec/probes/guest/guesttest"
)

// cells are a property's value.
func cells(values ...uint32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, v)
	}
	return out
}

// node makes a node with properties by name: strings, cells or nothing.
func node(name string, props map[string]any, children ...*dt.Node) *dt.Node {
	n := &dt.Node{Name: name, Children: children}
	for key, value := range props {
		switch v := value.(type) {
		case string:
			n.Properties = append(n.Properties, dt.Property{Name: key, Value: []byte(v + "\x00")})
		case []byte:
			n.Properties = append(n.Properties, dt.Property{Name: key, Value: v})
		}
	}
	return n
}

type props = map[string]any

// root is a tree with a GIC and what else is given.
func root(children ...*dt.Node) *dt.Node {
	gic := node("intc@8000000", props{
		"compatible": "arm,gic-v3", "interrupt-controller": []byte{}, "phandle": cells(1),
		"#interrupt-cells": cells(3), "#address-cells": cells(2), "reg": cells(0, 0x8000000, 0, 0x10000),
	})
	return node("", props{"interrupt-parent": cells(1), "#address-cells": cells(2), "#size-cells": cells(2)}, append(children, gic)...)
}

func blob(t testing.TB, n *dt.Node) *fstest.MapFile {
	var out bytes.Buffer
	_, err := (&dt.FDT{Header: dt.Header{Magic: dt.Magic, Version: 17, LastCompVersion: 16}, RootNode: n}).Write(&out)
	require.NoError(t, err)
	return &fstest.MapFile{Data: out.Bytes()}
}

// guest is one with that tree, drivers for what Debian's kernel has built in,
// and a device of each name, which has the link of_node to the path given.
func guest(t testing.TB, n *dt.Node, devices map[string]string) fstest.MapFS {
	m := fstest.MapFS{
		fdt.Path:                                    blob(t, n),
		"proc/iomem":                                file("40000000-5fffffff : System RAM\n04000000-07ffffff : reserved\n"),
		"proc/interrupts":                           file("     CPU0\n 11: 1 GICv3 27 Level arch_timer\nIPI0: 1 x\n"),
		"proc/sys/kernel/osrelease":                 file("6.1.0\n"),
		"vmspec/kmsg":                               file(""),
		"sys/kernel/debug/devices_deferred":         file(""),
		"lib/modules/6.1.0/modules.alias":           file("alias of:N*T*Cgpio-keys gpio_keys\nalias virtio:* x\n"),
		"lib/modules/6.1.0/modules.builtin.modinfo": file("amba_pl011.alias=of:N*T*Carm,pl011\x00"),
		"sys/bus/amba/drivers/uart-pl011":           {Mode: fs.ModeDir},
		"sys/bus/platform/drivers/sbsa-uart":        {Mode: fs.ModeDir},
		"sys/bus/platform/drivers/acpi-ged":         {Mode: fs.ModeDir},
		"sys/bus/platform/devices/reg-dummy/drv":    file(""),
	}
	for name, path := range devices {
		m["sys/bus/platform/devices/"+name+"/of_node"] = link("../../../firmware/devicetree/base" + path)
	}
	return m
}

var timer = node("timer", props{"compatible": "arm,armv8-timer", "interrupts": cells(1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4)})

func binding(t *testing.T, m fstest.MapFS) *device.Binding {
	f, err := device.Read(m)
	require.NoError(t, err)
	require.Empty(t, f.BindingErr)
	return f.Binding
}

func TestBindingFaults(t *testing.T) {
	for fault, test := range map[string]struct {
		name, content string
	}{
		"parse proc/interrupts":    {"proc/interrupts", ""},
		"proc/interrupts: file do": {"proc/interrupts", "\x00"},
	} {
		m := guest(t, root(timer), nil)
		if m[test.name] = file(test.content); test.content == "\x00" {
			delete(m, test.name)
		}
		f, err := device.Read(m)
		require.NoError(t, err)
		require.Nil(t, f.Binding)
		require.Contains(t, f.BindingErr, fault)
	}
	m := guest(t, root(timer), nil)
	delete(m, fdt.Path)
	require.Equal(t, &device.Binding{Timer: 27}, binding(t, m), "no tree, nothing described")
}

// What was captured before the drivers were is not known.
func TestBindingNotCaptured(t *testing.T) {
	f, err := device.Read(guesttest.Open(t, "qemu-virt-gicv2"))
	require.NoError(t, err)
	require.Nil(t, f.Binding)
	require.Contains(t, f.BindingErr, "sys/bus/amba/drivers/uart-pl011: not captured")
}

func TestBindingNodes(t *testing.T) {
	uart := func(more props) *dt.Node {
		p := props{"compatible": "arm,pl011\x00arm,primecell", "reg": cells(0, 0x9000000, 0, 0x1000)}
		for k, v := range more {
			p[k] = v
		}
		return node("pl011@9000000", p)
	}
	const name, path = "9000000.pl011", "/pl011@9000000"
	unbound := device.Node{Path: path, Driver: "uart-pl011", Sure: true, Device: name}
	for what, test := range map[string]struct {
		node   *dt.Node
		change func(m fstest.MapFS)
		want   device.Binding // without Timer and NoDriverKnown
	}{
		"driven": {uart(nil), func(m fstest.MapFS) {
			m["sys/bus/platform/devices/"+name+"/driver"] = link("d/uart-pl011")
		}, device.Binding{Bound: 1}},
		"not taken":      {uart(nil), nil, device.Binding{Unbound: []device.Node{unbound}}},
		"disabled":       {uart(props{"status": "disabled"}), nil, device.Binding{}},
		"without driver": {uart(nil), func(m fstest.MapFS) { delete(m, "sys/bus/amba/drivers/uart-pl011") }, device.Binding{NoDriverKnown: []string{path}}},
		"no debugfs": {uart(nil), func(m fstest.MapFS) { delete(m, "sys/kernel/debug/devices_deferred") },
			device.Binding{Unbound: []device.Node{{Path: path, Driver: "uart-pl011", Device: name}}, DeferredErr: "open sys/kernel/debug/devices_deferred: file does not exist"}},
		"no device": {uart(nil), func(m fstest.MapFS) { delete(m, "sys/bus/platform/devices/"+name+"/of_node") },
			device.Binding{Unbound: []device.Node{{Path: path, Driver: "uart-pl011", Sure: true}}}},
		"no primecell": {uart(props{"compatible": "arm,pl011"}), nil,
			device.Binding{Unbound: []device.Node{{Path: path, Driver: "uart-pl011", Sure: true, Device: name, Missing: device.NoPrimecell}}}},
		"no lists of drivers": {node("gpio-keys", props{"compatible": "gpio-keys"}), func(m fstest.MapFS) {
			for file := range m {
				if strings.Contains(file, "lib/modules") {
					delete(m, file)
				}
			}
		}, device.Binding{NoDriverKnown: []string{"/gpio-keys"}, MaybeNoDriver: []string{"/gpio-keys"}}},
		"failed": {uart(nil), func(m fstest.MapFS) {
			m["vmspec/kmsg"] = file("[ 1.0] uart-pl011: probe of 9000000.pl011 failed with error -22\n")
		}, device.Binding{Unbound: []device.Node{{Path: path, Driver: "uart-pl011", Sure: true, Device: name, Errno: 22}}}},
		"deferred": {uart(props{"clocks": cells(1)}), func(m fstest.MapFS) {
			m["sys/kernel/debug/devices_deferred"] = file(name + "\tamba: no clock\nother\n")
		}, device.Binding{Unbound: []device.Node{{Path: path, Driver: "uart-pl011", Sure: true, Device: name, Deferred: true, Reason: "amba: no clock"}}}},
		"deferred, for a node that is not there": {uart(props{"clocks": cells(9)}), func(m fstest.MapFS) {
			m["sys/kernel/debug/devices_deferred"] = file(name + "\n")
		}, device.Binding{Unbound: []device.Node{{Path: path, Driver: "uart-pl011", Sure: true, Device: name, Deferred: true, Missing: "a node that is not there (clocks)"}}}},
		"by an alias": {node("gpio-keys", props{"compatible": "gpio-keys"}), nil,
			device.Binding{Unbound: []device.Node{{Path: "/gpio-keys", Driver: "gpio_keys"}}}},
		"no driver": {node("x", props{"compatible": "y"}), nil, device.Binding{NoDriverKnown: []string{"/x"}}},
		"a slot":    {node("virtio_mmio@a", props{"compatible": "virtio,mmio"}), nil, device.Binding{Slots: 1}},
		"on a bus": {node("bus", props{"compatible": "qemu,platform\x00simple-bus"}, node("u", props{"compatible": "arm,sbsa-uart"})), nil,
			device.Binding{Unbound: []device.Node{{Path: "/bus/u", Driver: "sbsa-uart", Sure: true}}}},
		"on a disabled bus": {node("bus", props{"compatible": "simple-bus", "status": "disabled"}, node("u", props{"compatible": "arm,sbsa-uart"})), nil, device.Binding{}},
		"on no bus":         {node("soc", nil, node("u", props{"compatible": "arm,sbsa-uart"})), nil, device.Binding{}},
	} {
		t.Run(what, func(t *testing.T) {
			m := guest(t, root(timer, test.node), map[string]string{name: path})
			if test.change != nil {
				test.change(m)
			}
			test.want.Timer = 27
			test.want.NoDriverKnown = append(append([]string{"/timer"}, test.want.NoDriverKnown...), "/intc@8000000")
			require.Equal(t, &test.want, binding(t, m))
		})
	}
}

func TestBindingMissing(t *testing.T) {
	disabled := node("pl061@1", props{"phandle": cells(5), "status": "disabled"})
	keys := node("gpio-keys", props{"compatible": "gpio-keys"}, node("off", props{"gpios": cells(5, 3, 0), "clocks": cells(0), "x-gpios": []byte{1}}))
	m := guest(t, root(timer, disabled, keys), map[string]string{"gpio-keys": "/gpio-keys"})
	m["sys/kernel/debug/devices_deferred"] = file("gpio-keys\tgpio-keys: failed to get gpio\n")
	require.Equal(t, "/pl061@1, which is disabled", binding(t, m).Unbound[0].Missing)
}

// Linux never binds a driver to an AMBA device that shows no ID, and says nothing.
func TestBindingNoID(t *testing.T) {
	clock := node("clk", props{"compatible": "fixed-clock", "phandle": cells(5)})
	for what, test := range map[string]struct {
		more   props
		reason string
		want   string
	}{
		"all is there":         {props{"clocks": cells(5)}, "", device.NoID},
		"no clock at all":      {nil, "", device.NoID},
		"a reason":             {props{"clocks": cells(5)}, "\tamba: later", ""},
		"waits for a driver":   {props{"clocks": cells(1)}, "", ""},
		"a clock is not there": {props{"clocks": cells(6)}, "", "a node that is not there (clocks)"},
	} {
		p := props{"compatible": "arm,pl011"}
		for k, v := range test.more {
			p[k] = v
		}
		m := guest(t, root(timer, clock, node("pl011@1", p)), nil)
		m["sys/bus/amba/devices/1.pl011/of_node"] = link("../../../firmware/devicetree/base/pl011@1")
		m["sys/kernel/debug/devices_deferred"] = file("1.pl011" + test.reason + "\n")
		require.Equal(t, test.want, binding(t, m).Unbound[0].Missing, what)
	}
}

func TestBindingUses(t *testing.T) {
	pcie := node("pcie@10000000", props{
		"device_type": "pci", "reg": cells(0x40, 0x10000000, 0, 0x10000000), "#address-cells": cells(3), "#size-cells": cells(2), "#interrupt-cells": cells(1),
		"ranges":        cells(0x2000000, 0, 0x10000000, 0, 0x10000000, 0, 0x2eff0000, 0x3000000, 0x80, 0, 0x80, 0, 0x80, 0),
		"interrupt-map": cells(0, 0, 0, 1, 1, 0, 0, 0, 3, 4, 0x800, 0, 0, 1, 1, 0, 0, 0, 5, 4),
	})
	bus := node("bus@c000000", props{"compatible": "simple-bus", "#address-cells": cells(1), "#size-cells": cells(1), "ranges": cells(0, 0, 0xc000000, 0x2000000)},
		node("tpm@0", props{"reg": cells(0x100, 0x5000), "interrupts-extended": cells(1, 0, 112, 4)}),
		node("flat", props{"ranges": []byte{}, "#address-cells": cells(1), "#size-cells": cells(1)}, node("deep@8000", props{"reg": cells(0x8000, 0x10)})),
		node("outside", props{"reg": cells(0x8000000, 0x10)}))
	i2c := node("i2c", props{"#address-cells": cells(1), "#size-cells": cells(0)}, node("eeprom@50", props{"reg": cells(0x50)}))
	gpio := node("gpio", props{"interrupt-controller": []byte{}, "#interrupt-cells": cells(2), "phandle": cells(7)},
		node("key", props{"interrupts": cells(9, 1)}))
	own := node("own", props{"interrupt-parent": cells(7), "interrupts": cells(0, 50, 0, 51)})
	off := node("pl031@9010000", props{"status": "disabled", "reg": cells(0, 0x9010000, 0, 0x1000), "interrupts": cells(0, 2, 4, 2, 1, 4, 3, 1, 4, 9, 9, 9)})
	m := guest(t, root(timer, pcie, bus, i2c, gpio, own, off), nil)
	m["proc/iomem"] = file(`04000000-07ffffff : reserved
08000000-0800ffff : GICD
09010000-09010fff : rtc-pl031
09020000-09020017 : fw_cfg_mem
0c000100-0c0050ff : c000000.tpm
0c008000-0c00800f : deep
0c008000-0c008010 : one byte too far
10000000-3efeffff : pcie@10000000
  10000000-10000fff : 0000:00:01.0
40000000-5fffffff : System RAM
  40000000-40000fff : Kernel code
4010000000-401fffffff : PCI ECAM
8000000000-ffffffffff : PCI Bus 0000:00
`)
	m["proc/interrupts"] = file(`     CPU0
 11: 1 GICv3 27 Level arch_timer
 12: 1 GICv3 34 Level rtc-pl031
 13: 1 GICv3 4097 Level a
 14: 1 GICv3 1057 Level b
 15: 1 GICv3 35 Level c
 16: 1 GICv3 37 Level d
 17: 1 GICv3 144 Level e
 18: 1 GICv3 82 Level own
 19: 1 GIC-0 99 Edge f, g
 20: 1 gpio 9 Edge h
 21: 1 ITS-MSI 16384 Edge i
 22: 1 GICv3 7 Level sgi
 23: 1 GICv5-SPI 88 Level new
 24: 1 GICv2
IPI0: 1 x
`)
	b := binding(t, m)
	require.Equal(t, []device.Use{{"9020000-9020017", "fw_cfg_mem"}, {"c008000-c008010", "one byte too far"}}, b.Registers)
	require.Equal(t, []device.Use{{"82", "own"}, {"99", "f, g"}, {"88", "new"}}, b.Interrupts)
	require.Equal(t, []fdt.Range{{Start: 0x4010000000, Size: 0x10000000}}, b.ECAM)
}

// A bus that hands out addresses by itself accounts for them, a simple one does
// not: there only a node makes a device.
func TestBindingWindows(t *testing.T) {
	for compatible, stray := range map[string]bool{"microsoft,vmbus": false, "simple-bus": true} {
		vmbus := node("vmbus", props{"compatible": compatible, "#address-cells": cells(2), "#size-cells": cells(2), "ranges": cells(0, 0xf0000000, 0, 0xf0000000, 0, 0x8000000, 1)})
		m := guest(t, root(timer, vmbus), nil)
		m["proc/iomem"] = file("f0000000-f07fffff : 5620e0c7-8062-4dce-aeb7-520c7ef76171\n")
		require.Equal(t, stray, len(binding(t, m).Registers) > 0, compatible)
	}
}

// Of several nodes with one name each has a device.
func TestBindingDoubleNames(t *testing.T) {
	uart := func() *dt.Node { return node("u", props{"compatible": "arm,sbsa-uart"}) }
	m := guest(t, root(timer, uart(), uart()), map[string]string{"u": "/u", "u.1": "/u#1"})
	for _, name := range []string{"u", "u.1"} {
		m["sys/bus/platform/devices/"+name+"/driver"] = link("d/sbsa-uart")
	}
	b := binding(t, m)
	require.Equal(t, 2, b.Bound)
	require.Empty(t, b.Unbound)
}

func TestBindingNamespace(t *testing.T) {
	m := guest(t, root(), nil)
	for _, name := range []string{"ARMH0011:00", "ARMHB000:00", "LNRO0005:00", "PNP0C0C:00", "ACPI0013:00"} {
		m["sys/bus/platform/devices/"+name+"/firmware_node"] = link("../../LNXSYSTM:00/" + name)
	}
	m["sys/firmware/acpi/tables/DSDT"] = file("")
	m["sys/bus/platform/devices/ARMH0011:00/driver"] = link("d/sbsa-uart")
	m["proc/iomem"] = file("9000000-9000fff : ARMH0011:00\n  9000000-9000fff : ARMH0011:00 ARMH0011:00\n8000000-800ffff : GICD\n40000000-4fffffff : System RAM\n")
	m["vmspec/kmsg"] = file("x\nacpi-ged ACPI0013:00: probe with driver acpi-ged failed with error -22\n")
	require.Equal(t, &device.Binding{
		Bound: 1, Slots: 1, Timer: 27,
		Unbound: []device.Node{
			{Path: "ACPI0013:00", Driver: "acpi-ged", Sure: true, Device: "ACPI0013:00", Errno: 22},
			{Path: "ARMHB000:00", Driver: "sbsa-uart", Sure: true, Device: "ARMHB000:00"},
		},
		NoDriverKnown: []string{"PNP0C0C:00"},
		Registers:     []device.Use{{"8000000-800ffff", "GICD"}},
		Serial:        []fdt.Range{{Start: 0x9000000, Size: 0x1000}},
	}, binding(t, m))
}

// A VM's tree, log and lists are its own: none may break the reader.
func FuzzBinding(f *testing.F) {
	data, err := guesttest.Open(f, "qemu-virt-gicv2").ReadFile(fdt.Path)
	require.NoError(f, err)
	f.Add(data, "uart-pl011: probe of 9000000.pl011 failed with error -22\n", "9000000.pl011\tx\n", "9000000-9000fff : x\n")
	f.Add(blob(f, root(timer)).Data, "a b: probe with driver c failed with error -1", "\t\n", "")
	f.Fuzz(func(t *testing.T, tree []byte, log, deferred, iomem string) {
		m := guest(t, root(timer), map[string]string{"9000000.pl011": "/pl011@9000000"})
		m[fdt.Path] = &fstest.MapFile{Data: tree}
		m["vmspec/kmsg"], m["sys/kernel/debug/devices_deferred"], m["proc/iomem"] = file(log), file(deferred), file(iomem)
		facts, err := device.Read(m)
		require.NoError(t, err)
		require.Equal(t, facts.Binding == nil, facts.BindingErr != "")
		if facts.Binding != nil {
			require.LessOrEqual(t, len(facts.Binding.NoDriverKnown), 64)
			require.LessOrEqual(t, len(facts.Binding.Registers), len(iomem))
		}
	})
}
