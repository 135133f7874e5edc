// Package gic finds the guest's interrupt controller by three independent
// witnesses: what the description declares, what /proc/interrupts counts on,
// and what the kernel logged.
package gic

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"vmspec/probes/acpi"
	"vmspec/probes/fdt"
	"vmspec/probes/kernel"
)

// Facts are what each witness says.
type Facts struct {
	Declared Witness
	Running  Witness
	Logged   Witness
	MSI      string   // "GICv2m", "ITS", "MBI" or another that takes messages, where one is declared
	Chips    []string // every interrupt controller that /proc/interrupts names
}

// A Witness names a GIC architecture version, 0 where it names none. A witness
// that could not be heard has an error instead.
type Witness struct {
	Version int
	OrOlder bool   `json:",omitempty"` // a GICv1 would say the same
	Source  string `json:",omitempty"` // what said so
	Err     string `json:",omitempty"`
}

// Read hears the witnesses.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	f.readDeclared(fsys)
	f.readRunning(fsys)
	f.readLogged(fsys)
	return &f, nil
}

func (f *Facts) readDeclared(fsys fs.FS) {
	madt, err := acpi.LoadMADT(fsys)
	if err == nil {
		f.Declared = Witness{Version: madt.GICVersion, Source: "MADT GICD"}
		switch {
		case madt.ITS > 0:
			f.MSI = "ITS"
		case madt.MSIFrames > 0:
			f.MSI = "GICv2m"
		}
		return
	}
	if !errors.Is(err, fs.ErrNotExist) {
		f.Declared.Err = err.Error()
		return
	}
	tree, err := fdt.Load(fsys)
	if err != nil {
		f.Declared.Err = err.Error()
		return
	}
	f.readTree(tree)
}

func (f *Facts) readTree(tree *fdt.Tree) {
	for _, n := range tree.Root.All() {
		if !n.Enabled() {
			continue
		}
		_, controller := n.Value("interrupt-controller")
		if version, name := n.GIC(); version > 0 && controller && f.Declared.Version == 0 {
			f.Declared = Witness{Version: version, Source: n.Path() + " " + name}
		}
		if kind := messageKind(n); kind != "" && (f.MSI == "" || kind != other) {
			f.MSI = kind
		}
	}
}

// other is a receiver of messages that is no part of a GIC.
const other = "an MSI controller"

// messageKind tells what kind of receiver of PCI devices' messages a node is, if it
// is one.
// Linux passes over a frame or an ITS that is no msi-controller.
// A GICv3 without an ITS can take them itself: mbi-ranges in arm,gic-v3.yaml. A
// GICv5's ITS takes them at its children.
func messageKind(n *fdt.Node) string {
	_, ranges := n.Value("mbi-ranges")
	_, msi := n.Value("msi-controller")
	switch {
	case n.Is("arm,gic-v3-its") && msi, n.Is("arm,gic-v5-its"):
		return "ITS"
	case n.Is("arm,gic-v2m-frame") && msi:
		return "GICv2m"
	case n.Is("arm,gic-v3") && ranges:
		return "MBI"
	case msi && !n.Is("arm,gic-v3"):
		return other
	}
	return ""
}

// chip reads the names that the drivers give themselves: GIC-0 for a GICv2
// without EL2 or something older, GICv2, GICv3, GICv5-SPI. The version is 0
// for any other.
func chip(name string) (version int, orOlder bool) {
	rest, gic := strings.CutPrefix(name, "GIC")
	number, versioned := strings.CutPrefix(rest, "v")
	if versioned {
		number, _, _ = strings.Cut(number, "-")
	} else if number, orOlder = strings.CutPrefix(rest, "-"); !orOlder {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 10, 8)
	switch {
	case !gic || err != nil:
		return 0, false
	case orOlder:
		return 2, true
	}
	return int(n), false
}

func (f *Facts) readRunning(fsys fs.FS) {
	_, interrupts, err := LoadInterrupts(fsys)
	if err != nil {
		f.Running.Err = err.Error()
		return
	}
	seen := map[string]bool{}
	for _, i := range interrupts {
		name := i.Chip()
		if name != "" && !seen[name] {
			seen[name] = true
			f.Chips = append(f.Chips, name)
		}
		if version, orOlder := chip(name); version != 0 && f.Running.Version == 0 {
			f.Running = Witness{Version: version, OrOlder: orOlder, Source: "/proc/interrupts " + name}
		}
	}
}

// messages are what the drivers log about themselves.
var messages = []struct {
	text    string
	version int
}{
	{"GICv3: ", 3},
	{"GICv2m: range", 2},
	{"GICv5", 5},
}

func (f *Facts) readLogged(fsys fs.FS) {
	log, err := kernel.Log(fsys)
	if err != nil {
		f.Logged.Err = err.Error()
		return
	}
	for _, line := range log {
		_, text, _ := strings.Cut(line, "] ")
		for _, m := range messages {
			// A GICv3 can have the frames of a GICv2m beside it.
			if strings.HasPrefix(text, m.text) && (m.version != 2 || f.Running.Version < 3) {
				f.Logged = Witness{Version: m.version, Source: "kernel log"}
				return
			}
		}
	}
}
