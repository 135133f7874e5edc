package suite

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/dt"

	"vmspec/probes/guest"
)

// The captured guests that the tests break.
const (
	uefiGuest   = "qemu-virt-uefi-gicv3"
	directGuest = "qemu-virt-gicv2"
	acpiGuest   = "qemu-virt-acpi"
	tpmGuest    = "qemu-virt-uefi-tpm"
	imageGuest  = "qemu-image"
	uBootGuest  = "qemu-uboot"
)

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

// all makes several changes.
func all(changes ...change) change {
	return func(t testing.TB, files *guest.FS) *guest.FS {
		for _, c := range changes {
			files = c(t, files)
		}
		return files
	}
}
