package suite

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes/guest"
	"vmspec/suite/mutants/mutantstest"
)

// The captured guests that the tests break.
const (
	uefiGuest       = "qemu-virt-uefi-gicv3"
	directGuest     = "qemu-virt-gicv2"
	acpiGuest       = "qemu-virt-acpi"
	tpmGuest        = "qemu-virt-uefi-tpm"
	imageGuest      = "qemu-image"
	uBootGuest      = "qemu-uboot"
	busGuest        = "qemu-virt-devices"      // virtio devices of many kinds, on both buses
	devicesGuest    = "qemu-virt-uefi-devices" // the trials of its disk, network and others were captured
	driverGuest     = "qemu-virt-drivers"      // it knows its kernel's drivers, and runs by the tree
	acpiDriverGuest = "qemu-virt-acpi-drivers" // likewise, by ACPI
)

// Places in these guests.
const (
	modulesDir  = "lib/modules/6.1.0-56-arm64/"
	config      = modulesDir + "config"
	deferred    = "sys/kernel/debug/devices_deferred"
	platformBus = "sys/bus/platform/devices/"
	virtioBus   = "sys/bus/virtio/devices/"
	pciBus      = "sys/bus/pci/devices/0000:00:"
	rngPCI      = pciBus + "01.0/" // 0x1005, virtio1
	diskPCI     = pciBus + "03.0/" // 0x1001, virtio3
	portPCI     = pciBus + "08.0/"
)

// A change breaks a guest in one way.
type change = mutantstest.Change

// The changes that rows of the table make, too.
var (
	replace = mutantstest.Replace
	remove  = mutantstest.Remove
	edit    = mutantstest.Edit
	add     = mutantstest.Add
	set     = mutantstest.Set
	all     = mutantstest.All
	kmsg    = mutantstest.Kmsg
	patch   = mutantstest.Patch
	parsed  = mutantstest.Tree
)

// tree changes the guest's device tree.
func tree(f func(root *dt.Node)) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		data, err := files.ReadFile("sys/firmware/fdt")
		require.NoError(t, err)
		fdt, err := dt.ReadFDT(bytes.NewReader(data))
		require.NoError(t, err)
		f(fdt.RootNode)
		var out bytes.Buffer
		_, err = fdt.Write(&out)
		require.NoError(t, err)
		return files.With(map[string][]byte{"sys/firmware/fdt": out.Bytes()})
	}
}

// node finds a child by its name.
func node(n *dt.Node, name string) *dt.Node {
	child, ok := n.LookupChildByName(name)
	if !ok {
		panic("no node " + name)
	}
	return child
}

// without takes a child of the root away.
func without(name string) change {
	return tree(func(root *dt.Node) {
		at, ok := root.FindFirstMatchingChildIndex(func(n *dt.Node) bool { return n.Name == name })
		if !ok || root.RemoveSubTreeAtIndex(at) != nil {
			panic("no node " + name)
		}
	})
}

func cells(values ...uint32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, v)
	}
	return out
}

func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }
