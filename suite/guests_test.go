package suite

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest"
)

// The captured guests that the tests break.
const (
	uefiGuest       = "qemu-virt-uefi-gicv3"
	directGuest     = "qemu-virt-gicv2"
	acpiGuest       = "qemu-virt-acpi"
	tpmGuest        = "qemu-virt-uefi-tpm"
	imageGuest      = "qemu-image"
	uBootGuest      = "qemu-uboot"
	xenGuest        = "xen-dom0"
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

// ramNode is the memory node of the captured device trees.
const ramNode = "memory@40000000"

// A change breaks a guest in one way.
type change func(t testing.TB, files *guest.FS) *guest.FS

// replace gives a file another content.
func replace(name, content string) change {
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		return files.With(map[string][]byte{name: []byte(content)})
	}
}

// remove takes files or links away.
func remove(names ...string) change {
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		gone := map[string][]byte{}
		for _, name := range names {
			gone[name] = nil
		}
		return files.With(gone)
	}
}

// edit changes text within a file, and fails where it is not there.
func edit(name, old, new string) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		data, err := files.ReadFile(name)
		require.NoError(t, err)
		require.Contains(t, string(data), old)
		return files.With(map[string][]byte{name: bytes.ReplaceAll(data, []byte(old), []byte(new))})
	}
}

// add appends lines to a file, which may not be there.
func add(name, lines string) change {
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		data, _ := files.ReadFile(name)
		return files.With(map[string][]byte{name: append(data, lines...)})
	}
}

// set changes bytes of a file.
func set(name string, bytes map[int]byte) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		data, err := files.ReadFile(name)
		require.NoError(t, err)
		for at, b := range bytes {
			require.Less(t, at, len(data))
			data[at] = b
		}
		return files.With(map[string][]byte{name: data})
	}
}

// link adds a symbolic link, by way of a capture.
func link(name, target string) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		var before, after bytes.Buffer
		require.NoError(t, files.WriteCapture(&before))
		in, err := gzip.NewReader(&before)
		require.NoError(t, err)
		zip := gzip.NewWriter(&after)
		out := tar.NewWriter(zip)
		for entries := tar.NewReader(in); ; {
			h, err := entries.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			require.NoError(t, out.WriteHeader(h))
			_, err = io.Copy(out, entries)
			require.NoError(t, err)
		}
		require.NoError(t, out.WriteHeader(&tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink, Format: tar.FormatPAX}))
		require.NoError(t, errors.Join(out.Close(), zip.Close()))
		linked, err := guest.ReadCapture(&after)
		require.NoError(t, err)
		return linked
	}
}

// all makes several changes.
func all(changes ...change) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		for _, c := range changes {
			files = c(t, files)
		}
		return files
	}
}

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

// property changes a property of the clock's node.
func property(name string, value []byte) change {
	return tree(func(root *dt.Node) { node(root, "pl031@9010000").UpdateProperty(name, value) })
}

func cells(values ...uint32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, v)
	}
	return out
}

// kmsg adds a message to the kernel's log.
func kmsg(message string) change { return add("vmspec/kmsg", "[    1.000000] "+message+"\n") }

// patch changes bytes of an ACPI table and mends its checksum.
func patch(name string, at int, bytes ...byte) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		name := "sys/firmware/acpi/tables/" + name
		table, err := files.ReadFile(name)
		require.NoError(t, err)
		copy(table[at:], bytes)
		var sum byte
		table[9] = 0
		for _, b := range table {
			sum += b
		}
		table[9] = -sum
		return files.With(map[string][]byte{name: table})
	}
}

func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

// parsed changes the guest's tree as package fdt reads it.
func parsed(edit func(t *fdt.Tree)) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		data, err := files.ReadFile(fdt.Path)
		require.NoError(t, err)
		tree, err := fdt.Parse(data)
		require.NoError(t, err)
		edit(tree)
		return files.With(map[string][]byte{fdt.Path: fdttest.Encode(tree)})
	}
}
