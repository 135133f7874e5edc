// Package network finds the guest's network interfaces, without the addresses
// that would tell one guest from another.
package network

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/procfs/sysfs"

	"vmspec/probes/sysroot"
)

// An Interface is one that has a device behind it.
type Interface struct {
	Name    string // eth0
	Type    int64  // ARPHRD_* of include/uapi/linux/if_arp.h; 1 is Ethernet
	Driver  string // of the device: virtio_net, vif
	State   string // up, down, unknown: Documentation/ABI/testing/sysfs-class-net, operstate
	Carrier *bool  // nil where the interface is down and so does not say
	MTU     int64  // bytes
}

const dir = "sys/class/net"

// attributes are those that a capture holds.
var attributes = []string{"type", "operstate", "carrier", "mtu"}

// Read lists the interfaces by name. None is an answer.
func Read(fsys fs.FS) ([]Interface, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Interface
	var patterns []string
	for _, a := range attributes {
		patterns = append(patterns, path.Join(dir, "*", a))
	}
	err = sysroot.With(fsys, patterns, func(root string) error {
		sys, err := sysfs.NewFS(filepath.Join(root, "sys"))
		if err != nil {
			return err
		}
		class, err := sys.NetClass()
		for _, c := range class {
			if driver, err := fs.ReadLink(fsys, path.Join(dir, c.Name, "device/driver")); err == nil {
				out = append(out, newInterface(c, path.Base(driver)))
			}
		}
		return err
	})
	slices.SortFunc(out, func(a, b Interface) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

func newInterface(c sysfs.NetClassIface, driver string) Interface {
	i := Interface{Name: c.Name, Driver: driver, State: c.OperState}
	if c.Type != nil {
		i.Type = *c.Type
	}
	if c.MTU != nil {
		i.MTU = *c.MTU
	}
	if c.Carrier != nil {
		up := *c.Carrier != 0
		i.Carrier = &up
	}
	return i
}
