// Package network finds the guest's network interfaces, without the addresses
// that would tell one guest from another.
package network

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"vmspec/probes/note"
	"vmspec/probes/sysfs"
)

// An Interface is one that has a device behind it.
type Interface struct {
	Name    string // eth0
	Type    uint64 // ARPHRD_* of include/uapi/linux/if_arp.h; 1 is Ethernet
	Driver  string // of the device: virtio_net, vif
	State   string // up, down, unknown: Documentation/ABI/testing/sysfs-class-net, operstate
	Carrier *bool  // nil where the interface is down and so does not say
	MTU     uint64 // bytes
	Trial   Trial
}

const dir = "sys/class/net"

// Read lists the interfaces by name, with what the trial saw of them. None is
// an answer.
func Read(fsys fs.FS) ([]Interface, error) {
	devices, err := sysfs.Driven(fsys, dir)
	if err != nil {
		return nil, err
	}
	var n Note
	trialErr := note.Read(fsys, &n)
	var out []Interface
	for _, device := range devices {
		i, err := readInterface(fsys, device.Name)
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", device.Name, err)
		}
		i.Driver = device.Driver
		if i.Trial = n.of(device.Name); trialErr != nil {
			i.Trial.Err = trialErr.Error()
		}
		out = append(out, i)
	}
	return out, nil
}

func readInterface(fsys fs.FS, name string) (Interface, error) {
	i := Interface{Name: name}
	for _, n := range []struct {
		file string
		into *uint64
	}{{"type", &i.Type}, {"mtu", &i.MTU}} {
		var err error
		if *n.into, err = sysfs.Number(fsys, path.Join(dir, name, n.file), 64); err != nil {
			return i, err
		}
	}
	state, err := fs.ReadFile(fsys, path.Join(dir, name, "operstate"))
	if err != nil {
		return i, err
	}
	i.State = strings.TrimSpace(string(state))
	// The kernel answers EINVAL for an interface that is down.
	if carrier, err := fs.ReadFile(fsys, path.Join(dir, name, "carrier")); err == nil {
		up := strings.TrimSpace(string(carrier)) == "1"
		i.Carrier = &up
	}
	return i, nil
}
