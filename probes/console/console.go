// Package console finds the guest's serial terminals, which device is behind
// each, and which of them the kernel prints on.
package console

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/fdt"
)

// A Terminal is a serial tty with a device behind it.
type Terminal struct {
	Name   string   // ttyAMA0
	Device string   // its device's name in sysfs, such as 9000000.pl011; empty for hvc
	Driver string   // of that device
	UART   string   // what the driver says it found, such as "PL011 rev1" or "SBSA"
	Node   []string `json:",omitempty"` // the compatible strings of its node in the tree
}

// A Console is a line of /proc/consoles.
type Console struct {
	Name  string
	Flags string // E enabled, C preferred, B boot console (fs/proc/consoles.c)
}

// Facts are about terminals and consoles.
type Facts struct {
	Terminals []Terminal
	Consoles  []Console
	Hidden    string // why UART is unknown: /proc/tty/driver is root's
	Ports     []Port
	PortsErr  string          // why Ports is not whole
	PortKinds map[string]bool `json:",omitempty"` // whether a port is a console, by its name; nil where debugfs does not say
	Inputs    []Input
	InputErr  string // why Inputs is not whole
}

// Read finds the facts out.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	entries, err := fs.ReadDir(fsys, "sys/class/tty")
	if err != nil {
		return nil, err
	}
	tree, err := fdt.Load(fsys)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tree = nil // the tree's own subject says what is wrong with it
	}
	for _, e := range entries {
		if t, ok := f.readTerminal(fsys, tree, e.Name()); ok {
			f.Terminals = append(f.Terminals, t)
		}
	}
	if f.Ports, err = readPorts(fsys); err != nil {
		f.PortsErr = err.Error()
	}
	f.PortKinds = portKinds(fsys)
	if f.Inputs, err = readInputs(fsys); err != nil {
		f.InputErr = err.Error()
	}
	text, err := fs.ReadFile(fsys, "proc/consoles")
	if err != nil {
		return nil, err
	}
	f.Consoles, err = ParseConsoles(string(text))
	return &f, err
}

// readTerminal describes a tty that is a serial terminal with a device.
func (f *Facts) readTerminal(fsys fs.FS, tree *fdt.Tree, name string) (Terminal, bool) {
	t := Terminal{Name: name}
	driver, line, ok := cutNumber(name)
	dir := path.Join("sys/class/tty", name)
	switch {
	case !ok:
		return t, false
	case driver == "hvc":
		return t, true
	case driver == "ttyAMA":
	case driver == "ttyS":
		// Linux makes four without a device: of type 0, PORT_UNKNOWN.
		kind, err := fs.ReadFile(fsys, path.Join(dir, "type"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.Hidden = err.Error()
		}
		if err != nil || strings.TrimSpace(string(kind)) == "0" {
			return t, false
		}
	default:
		return t, false
	}
	t.UART = f.uart(fsys, driver, line)
	link, err := fs.ReadLink(fsys, dir)
	if err != nil {
		return t, true
	}
	device := parentDevice(path.Join("sys/class/tty", link))
	t.Device = path.Base(device)
	if link, err := fs.ReadLink(fsys, path.Join(device, "driver")); err == nil {
		t.Driver = path.Base(link)
	}
	if link, err := fs.ReadLink(fsys, path.Join(device, "of_node")); err == nil && tree != nil {
		_, node, _ := strings.Cut(link, "/devicetree/base")
		if n := tree.Lookup(path.Join("/", node)); n != nil {
			t.Node = n.Compatible()
		}
	}
	return t, true
}

// parentDevice returns the directory of the device that a tty belongs to.
// Kernels from 6.5 on put two devices of the serial core between them, whose names
// extend the device's: 9000000.pl011:0 and 9000000.pl011:0.0.
func parentDevice(tty string) string {
	device, _, _ := strings.Cut(tty, "/tty/")
	for {
		parent := path.Dir(device)
		rest, ok := strings.CutPrefix(path.Base(device), path.Base(parent))
		if !ok || !strings.HasPrefix(rest, ":") && !strings.HasPrefix(rest, ".") {
			return device
		}
		device = parent
	}
}

func cutNumber(name string) (driver string, line int, ok bool) {
	driver = strings.TrimRight(name, "0123456789")
	line, err := strconv.Atoi(name[len(driver):])
	return driver, line, err == nil
}

// uart finds what a serial driver says of one of its lines, in
// /proc/tty/driver: "0: uart:PL011 rev1 mmio:0x09000000 irq:13 …"
// (drivers/tty/serial/serial_core.c, uart_line_info).
func (f *Facts) uart(fsys fs.FS, driver string, line int) string {
	text, err := fs.ReadFile(fsys, path.Join("proc/tty/driver", driverFile(driver)))
	if err != nil {
		f.Hidden = err.Error()
		return ""
	}
	prefix := strconv.Itoa(line) + ": uart:"
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, prefix); ok {
			kind, _, _ := strings.Cut(rest, " mmio:")
			kind, _, _ = strings.Cut(kind, " port:")
			return strings.TrimSpace(kind)
		}
	}
	return ""
}

// driverFile is the name of a serial driver's file in /proc/tty/driver.
func driverFile(driver string) string {
	if driver == "ttyS" {
		return "serial"
	}
	return driver
}

// ParseConsoles reads the text of /proc/consoles: a name, what it can do, its
// flags in brackets, its number.
func ParseConsoles(text string) ([]Console, error) {
	var out []Console
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, flags, open := strings.Cut(rest, "(")
		flags, _, closed := strings.Cut(flags, ")")
		if name == "" || !open || !closed {
			return nil, fmt.Errorf("parse proc/consoles: %q is not a console", strings.TrimSpace(line))
		}
		out = append(out, Console{Name: name, Flags: strings.Join(strings.Fields(flags), "")})
	}
	return out, nil
}

// Has tells whether there is a terminal of that name.
func (f *Facts) Has(name string) bool {
	return slices.ContainsFunc(f.Terminals, func(t Terminal) bool { return t.Name == name })
}
