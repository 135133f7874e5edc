// Package xen finds out whether the guest runs on Xen and which
// paravirtualised devices it has.
package xen

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Facts are about Xen. Elsewhere all are empty.
type Facts struct {
	Type    string // of the hypervisor: "xen", or empty
	Guest   string // "PVH" and such
	Version string // 4.17
	Bus     bool   // the kernel has the Xen PV bus
	Devices []Device

	Features    *uint32 // as XENVER_get_features answers for its first submap
	FeaturesErr string  `json:",omitempty"` // why they are unknown
	Events      *Events
	EventsErr   string `json:",omitempty"`
	Grants      *Grants
	GrantsErr   string `json:",omitempty"`
}

// A Device is a frontend on the Xen PV bus.
type Device struct {
	Name   string // vbd-51712
	Node   string // its path in xenstore
	State  string // the frontend's, in xenbus's word: "Connected"
	Driver string // empty if none is bound
}

// Read finds the facts out. /sys/hypervisor exists on every kernel built for
// Xen, so only its type says anything.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	kind, err := fs.ReadFile(fsys, "sys/hypervisor/type")
	if errors.Is(err, fs.ErrNotExist) {
		return &f, nil
	}
	if err != nil {
		return nil, err
	}
	f.Type = strings.TrimSpace(string(kind))
	f.Guest = text(fsys, "sys/hypervisor/guest_type")
	if major, minor := text(fsys, "sys/hypervisor/version/major"), text(fsys, "sys/hypervisor/version/minor"); major != "" {
		f.Version = major + "." + minor
	}
	f.readWitnesses(fsys)
	return &f, f.readBus(fsys)
}

func (f *Facts) readBus(fsys fs.FS) error {
	const dir = "sys/bus/xen/devices"
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("xen bus: %w", err)
	}
	f.Bus = true
	for _, e := range entries {
		d := Device{Name: e.Name(), Node: text(fsys, path.Join(dir, e.Name(), "nodename")), State: text(fsys, path.Join(dir, e.Name(), "state"))}
		if driver, err := fs.ReadLink(fsys, path.Join(dir, e.Name(), "driver")); err == nil {
			d.Driver = path.Base(driver)
		}
		f.Devices = append(f.Devices, d)
	}
	return nil
}

// text returns a file's text, empty where it cannot be read: what it would
// say is not needed for a verdict.
func text(fsys fs.FS, name string) string {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
