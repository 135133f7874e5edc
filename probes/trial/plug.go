package trial

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"vmspec/probes/hotplug"
	"vmspec/probes/note"
	"vmspec/probes/sysfs"
)

// A Host is whoever runs the VM, as a guest asks it on the consoles.
type Host struct {
	Request func(Request) string                 // is the line that asks
	Answer  func(line string) (r Reply, ok bool) // reads what was typed
	Load    func()                               // loads the drivers of new devices
	Within  time.Duration                        // how long a request is waited for
}

// A Request is for a device of a kind, or for the end of one.
type Request struct {
	Kind, Nonce string
	Unplug      bool
}

// A Reply says that the host has done what a request asks, or cannot.
type Reply struct {
	Request
	Done bool
}

func (r Reply) word() string {
	if r.Done {
		return "done"
	}
	return "cannot"
}

// Plug asks on the terminals for a device of each kind, looks at those that come,
// asks for their removal, and waits until they are gone. All kinds go on side by
// side.
func Plug(root fs.ReadLinkFS, terminals, kinds []string, h Host, n *hotplug.Note) error {
	o, err := openOutside(terminals)
	if err != nil {
		return err
	}
	defer o.close()
	start := time.Now()
	p := &plugging{
		Host: h, root: root, outside: o,
		now: func() time.Duration { return time.Since(start) },
		look: func(d *hotplug.Device) {
			lookAt(root, d)
		},
	}
	p.try(kinds, n)
	return nil
}

// An outside is where requests go out and answers come in.
type outside struct {
	ask   func(line string) error
	typed func() []string // lines, without their ends
	wait  func()          // until the kernel tells of a device, something is typed, or for a moment
	close func()
}

// A plugging is the trial while it runs.
type plugging struct {
	Host
	outside
	root    fs.ReadLinkFS
	now     func() time.Duration
	look    func(d *hotplug.Device)
	devices []*plugged
	buses   []string // what is on them
	first   []string // the same at the beginning
}

// A plugged is a device that was asked for.
type plugged struct {
	*hotplug.Device
	before []string      // devices of the kind
	since  time.Duration // of the last request
	ended  bool
}

func (p *plugging) try(kinds []string, n *hotplug.Note) {
	p.buses = onBuses(p.root)
	p.first = p.buses
	n.Devices = make([]hotplug.Device, len(kinds))
	for i, kind := range kinds {
		n.Devices[i] = hotplug.Device{Kind: kind, Nonce: fmt.Sprintf("%08x", rand.Uint32()), Seconds: uint64(p.Within.Seconds())}
		d := &plugged{Device: &n.Devices[i], before: ofKind(p.root, kind)}
		d.Asked = note.Result(p.request(d, false))
		d.ended = d.Asked != "ok"
		p.devices = append(p.devices, d)
	}
	for slices.ContainsFunc(p.devices, func(d *plugged) bool { return !d.ended }) {
		p.wait()
		p.hear()
		p.load()
		for _, d := range p.devices {
			if !d.ended {
				p.step(d)
			}
		}
	}
}

func (p *plugging) request(d *plugged, unplug bool) error {
	d.since = p.now()
	return p.ask(p.Request(Request{d.Kind, d.Nonce, unplug}))
}

// hear takes the host's answers.
func (p *plugging) hear() {
	for _, line := range p.typed() {
		r, ok := p.Answer(line)
		for _, d := range p.devices {
			if !ok || d.Kind != r.Kind || d.Nonce != r.Nonce {
				continue
			}
			if r.Unplug {
				d.Unplug = r.word()
			} else {
				d.Plug = r.word()
			}
		}
	}
}

// load loads drivers if there are other devices on the buses than before.
func (p *plugging) load() {
	if now := onBuses(p.root); !slices.Equal(now, p.buses) {
		p.buses = now
		p.Load()
	}
}

// step does the next thing with a device.
func (p *plugging) step(d *plugged) {
	late := p.now()-d.since > p.Within
	now := ofKind(p.root, d.Kind)
	switch {
	case d.Came == nil:
		at := slices.IndexFunc(now, func(name string) bool { return !slices.Contains(d.before, name) && p.ready(d.Kind, name) })
		if at >= 0 {
			p.came(d, now[at])
		} else if d.ended = late || d.Plug == "cannot"; d.ended {
			p.others(d)
		}
	case !slices.Contains(now, d.Came.Name):
		gone := uint64((p.now() - d.since).Milliseconds())
		d.Gone, d.ended = &gone, true
	default:
		d.ended = late || d.Unplug == "cannot"
	}
}

// came looks at a new device, and asks for its removal.
func (p *plugging) came(d *plugged, name string) {
	d.Came = &hotplug.Came{Name: name, Place: place(p.root, d.Kind, name), After: uint64((p.now() - d.since).Milliseconds())}
	p.look(d.Device)
	d.ended = p.request(d, true) != nil
}

// others notes which devices came on buses and are none of the kind. One that is a
// device of another kind is not told.
func (p *plugging) others(d *plugged) {
	for _, at := range p.buses {
		name := path.Base(at)
		if slices.Contains(p.first, at) || slices.ContainsFunc(p.devices, func(o *plugged) bool { return o.Came != nil && o.Came.Place == name }) {
			continue
		}
		driver, err := p.root.ReadLink(path.Join(at, "driver"))
		if driver = path.Base(driver); err != nil {
			driver = "none"
		}
		d.Others = append(d.Others, hotplug.Other{Place: name, Driver: driver})
	}
}

// Where Linux lists devices of each kind.
var kindDirs = map[string]string{hotplug.Block: "sys/block", hotplug.Net: "sys/class/net"}

// hotBuses are the buses on which devices come and go.
var hotBuses = []string{"sys/bus/pci/devices", "sys/bus/xen/devices", "sys/bus/vmbus/devices", "sys/bus/virtio/devices"}

// ofKind lists the devices of a kind, without those that have no hardware. What
// cannot be read has none.
func ofKind(root fs.FS, kind string) (names []string) {
	all, _ := sysfs.Names(root, kindDirs[kind])
	for _, name := range all {
		if _, err := fs.Stat(root, path.Join(kindDirs[kind], name, "device")); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// ready tells whether a device can be looked at: a disk has its size by then.
func (p *plugging) ready(kind, name string) bool {
	if kind != hotplug.Block {
		return true
	}
	size, err := sysfs.Number(p.root, path.Join(kindDirs[kind], name, "size"), 64)
	return err == nil && size > 0
}

func onBuses(root fs.FS) (all []string) {
	for _, bus := range hotBuses {
		names, _ := sysfs.Names(root, bus)
		for _, name := range names {
			all = append(all, path.Join(bus, name))
		}
	}
	return all
}

// place is where a device is plugged: its PCI function, or else the device below the
// root of Linux's device tree that it belongs to.
func place(root fs.ReadLinkFS, kind, name string) string {
	link, err := root.ReadLink(path.Join(kindDirs[kind], name))
	if err != nil {
		return "unknown"
	}
	_, below, _ := strings.Cut(link, "devices/")
	parts := strings.Split(below, "/")
	for _, part := range slices.Backward(parts) {
		if strings.Count(part, ":") == 2 && strings.Contains(part, ".") {
			return part
		}
	}
	return parts[0]
}
