package qmp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vmspec/results/report"
)

// A VM is one that QEMU runs, by the socket of its monitor.
type VM struct{ Socket string }

// A Device is what is plugged: a disk's file, or a network device's address.
type Device struct{ Disk, MAC string }

// Serve does what a guest needs, and says what it did. The error says why not.
func (vm VM) Serve(ctx context.Context, n report.Need, d Device) (said string, err error) {
	c, err := dial(ctx, vm.Socket)
	if err != nil {
		return "", err
	}
	closed := false
	end := func() {
		if !closed {
			closed = true
			_ = c.close() // nothing is lost with it
		}
	}
	defer end()
	id := "vmspec-" + n.Nonce
	switch n.Name {
	case report.NeedBlock:
		return c.plug(backend{
			add: "blockdev-add", remove: "blockdev-del", key: "node-name",
			args: arguments{"driver": "raw", "file": arguments{"driver": "file", "filename": d.Disk}},
		}, id, arguments{"driver": "virtio-blk-pci", "drive": id})
	case report.NeedNet:
		return c.plug(backend{add: "netdev_add", remove: "netdev_del", key: "id", args: arguments{"type": "user"}},
			id, arguments{"driver": "virtio-net-pci", "netdev": id, "mac": d.MAC, "romfile": ""})
	case report.UnplugBlock, report.UnplugNet:
		if err := c.unplug(ctx, id); err != nil {
			return "", err
		}
		end()
		return vm.unplugged(ctx, n.Name, id), nil
	case report.NeedPause:
		return c.pause(ctx)
	}
	return "", fmt.Errorf("QMP does not serve %s", n.Name)
}

// A backend is what a device is the front of.
type backend struct {
	add, remove, key string
	args             arguments
}

// plug plugs a device into the first free port that takes it. A VM without such ports
// says why it cannot.
func (c *client) plug(b backend, id string, device arguments) (said string, err error) {
	ports, err := c.freePorts()
	if err != nil {
		return "", err
	}
	b.args[b.key], device["id"] = id, id
	if err := c.do(b.add, b.args, nil); err != nil {
		return "", err
	}
	for _, port := range ports {
		said := fmt.Sprintf("device_add %s", device["driver"])
		if port != "" {
			device["bus"], device["addr"] = port, "0" // older versions find another place behind a port
			said += ",bus=" + port
		}
		refused := c.do("device_add", device, nil)
		if refused == nil {
			return said + ": done", nil
		}
		err = errors.Join(err, refused)
	}
	return "", errors.Join(err, c.do(b.remove, arguments{b.key: id}, nil))
}

// portDevices are the PCI IDs of ports that plug: QEMU's own root port, Intel's and
// TI's (docs/specs/pci-ids.rst, hw/pci-bridge).
var portDevices = [][2]int{{0x1b36, 0x000c}, {0x8086, 0x3420}, {0x104c, 0x8233}}

// A function is one of query-pci's.
type function struct {
	ID     string `json:"qdev_id"`
	Device struct {
		Vendor int `json:"vendor"`
		Device int `json:"device"`
	} `json:"id"`
	Bridge *struct {
		Devices []function `json:"devices"`
	} `json:"pci_bridge"`
}

// freePorts lists the ports that plug, have a name and have nothing behind them; an
// empty one, which leaves the choice to QEMU, if there are none.
func (c *client) freePorts() (ids []string, err error) {
	var buses []struct {
		Devices []function `json:"devices"`
	}
	if err := c.do("query-pci", nil, &buses); err != nil {
		return nil, err
	}
	for _, b := range buses {
		ids = append(ids, free(b.Devices)...)
	}
	if len(ids) == 0 {
		ids = []string{""}
	}
	return ids, nil
}

func free(functions []function) (ids []string) {
	for _, f := range functions {
		switch {
		case f.Bridge == nil:
		case len(f.Bridge.Devices) > 0:
			ids = append(ids, free(f.Bridge.Devices)...)
		case f.ID != "" && slices.Contains(portDevices, [2]int{f.Device.Vendor, f.Device.Device}):
			ids = append(ids, f.ID)
		}
	}
	return ids
}

const poll = 250 * time.Millisecond

// wait waits for a moment, and tells whether ctx lasted so long.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// unplug asks a guest to let a device go. While its slot is still busy with what came
// before, QEMU refuses.
func (c *client) unplug(ctx context.Context, id string) error {
	for {
		err := c.do("device_del", arguments{"id": id}, nil)
		if err == nil || !strings.Contains(err.Error(), "busy") || !wait(ctx, poll) {
			return err
		}
	}
}

// unplugged waits until a device has gone, and removes what was behind it. The guest
// tells whether it has; the backend that remains with a device hurts nobody.
func (vm VM) unplugged(ctx context.Context, need, id string) (said string) {
	said = "device_del: done"
	remove, key := "blockdev-del", "node-name"
	if need == report.UnplugNet {
		remove, key = "netdev_del", "id"
	}
	for wait(ctx, poll) {
		c, err := dial(ctx, vm.Socket)
		if err != nil {
			return said // the VM has ended
		}
		there, err := c.has(id)
		if err == nil && !there {
			err = c.do(remove, arguments{key: id}, nil)
		}
		_ = c.close()
		if err == nil && !there {
			return said + ", and the device has gone"
		}
	}
	return said
}

// has tells whether there is a device of that name.
func (c *client) has(id string) (bool, error) {
	var children []struct {
		Name string `json:"name"`
	}
	err := c.do("qom-list", arguments{"path": "/machine/peripheral"}, &children)
	for _, child := range children {
		if child.Name == id {
			return true, err
		}
	}
	return false, err
}

// pause stops the VM for some seconds.
func (c *client) pause(ctx context.Context) (said string, err error) {
	if err := c.do("stop", nil, nil); err != nil {
		return "", err
	}
	wait(ctx, report.PauseSeconds*time.Second)
	if err := c.do("cont", nil, nil); err != nil {
		return "", err
	}
	return fmt.Sprintf("stop, %d s, cont: done", report.PauseSeconds), nil
}
