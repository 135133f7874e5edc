package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"vmspec/probes/fdt"
	"vmspec/probes/kernel"
	"vmspec/probes/look"
)

// buses are the buses that enumerate and have devices for the suite's drivers.
var buses = []string{"pci", "virtio", "xen"}

// rounds bounds how often devices are listed again after drivers were loaded: a
// driver may find new devices, as virtio-pci finds one for virtio-blk.
const rounds = 3

// loader loads those of the suite's modules that this guest can use. Under
// emulation it costs less to find that out than to load a module for nothing.
type loader struct {
	root   fs.FS
	begin  func(module string) error
	atHand kernel.Dependencies
	tried  map[string]error // by module
	loaded map[string]bool  // by file
	left   []string         // modules that are not loaded yet

	insertFile func(name string) error
	err        error // why there is no list of modules
}

func newLoader(root fs.FS, begin func(module string) error) *loader {
	l := &loader{root: root, begin: begin, tried: map[string]error{}, loaded: map[string]bool{}, insertFile: insertFile}
	text, err := fs.ReadFile(root, path.Join(moduleTree(), "modules.dep"))
	if err != nil {
		l.err = fmt.Errorf("no list of modules: %w", err)
	}
	l.atHand = kernel.ParseDependencies(string(text))
	return l
}

// report notes what became of each module.
func (l *loader) report(n *kernel.ModulesNote) {
	for _, name := range kernel.Modules() {
		failure, tried := l.tried[name]
		if !tried {
			_, failure = l.atHand.Order(name)
		}
		switch {
		case l.err != nil:
			n.Missing = append(n.Missing, kernel.Missing{Name: name, Why: l.err.Error()})
		case errors.Is(failure, unix.ENODEV), failure == nil && !tried:
			n.Idle = append(n.Idle, name)
		case failure == nil:
			n.Loaded = append(n.Loaded, name)
		default:
			n.Missing = append(n.Missing, kernel.Missing{Name: name, Why: failure.Error()})
		}
	}
}

func (l *loader) loadAll() {
	for _, d := range kernel.Drivers {
		if d.With == "" {
			continue
		}
		if _, err := fs.Stat(l.root, d.With); err == nil {
			l.load(d.Module)
		}
	}
	l.loadAsked()
}

// loadLeft loads a module that was left.
func (l *loader) loadLeft(module string) {
	l.left = slices.DeleteFunc(l.left, func(m string) bool { return m == module })
	l.load(module)
}

// loadAsked loads the modules that devices ask for.
func (l *loader) loadAsked() { l.loadFor(append(l.described(), l.enumerated()...)) }

// loadFor loads the modules that aliases ask for. Devices that appear by that may ask
// for more.
func (l *loader) loadFor(asked []string) {
	text, err := fs.ReadFile(l.root, path.Join(moduleTree(), "modules.alias"))
	if err != nil {
		return
	}
	modules := kernel.ParseAliases(string(text))
	seen := map[string]bool{}
	for range rounds {
		before := len(l.tried)
		for _, modalias := range asked {
			if seen[modalias] {
				continue
			}
			seen[modalias] = true
			for _, a := range modules {
				if a.Matches(modalias) {
					l.load(a.Module)
				}
			}
		}
		if len(l.tried) == before {
			return
		}
		asked = l.enumerated()
	}
}

func (l *loader) load(module string) {
	if _, tried := l.tried[module]; tried || slices.Contains(l.left, module) {
		return
	}
	err := l.begin(module)
	if err == nil {
		err = l.insert(module)
	}
	l.tried[module] = err
}

// insert loads a module and the modules that it needs. u-root's kmodule can do the
// same, but it links four decompressors, 590 KB of PID 1, and the initramfs holds
// its modules unpacked.
func (l *loader) insert(module string) error {
	files, err := l.atHand.Order(module)
	if err != nil {
		return err
	}
	for _, file := range files {
		if l.loaded[file] {
			continue
		}
		if err := l.insertFile(path.Join("/", moduleTree(), file)); err != nil {
			return err
		}
		l.loaded[file] = true
	}
	return nil
}

// signed is the end of a signed module: include/linux/module_signature.h.
const signed = "~Module signature appended~\n"

// insertFile loads one module, which may be loaded already.
//
// It first hides the signature from the kernel. The modules come from the same
// initramfs as PID 1, and to verify two of them takes an eighth of all
// instructions that the suite adds to a boot. A kernel that demands a signature,
// as one that is locked down does, gets it in a second try.
func insertFile(name string) error {
	module, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	err = unix.InitModule(bytes.TrimSuffix(module, []byte(signed)), "")
	if errors.Is(err, unix.EKEYREJECTED) || errors.Is(err, unix.EPERM) {
		err = unix.InitModule(module, "")
	}
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// moduleTree is where the running kernel's modules lie.
func moduleTree() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "lib/modules/unknown"
	}
	return path.Join("lib/modules", unix.ByteSliceToString(u.Release[:]))
}

// described lists the aliases of all described devices: nodes of the device tree,
// as drivers/of/module.c writes them, and hardware IDs of ACPI's namespace. That
// takes one file and one directory, instead of a file for each platform device.
// Empty slots of virtio-mmio are left out: a driver for 32 of them costs 20 ms
// under emulation.
func (l *loader) described() []string {
	var out []string
	if tree, err := fdt.Load(l.root); err == nil {
		empty := look.EmptySlots(tree)
		for _, n := range tree.Root.All() {
			if !n.Enabled() || empty[n] {
				continue
			}
			name, _, _ := strings.Cut(n.Name, "@")
			for _, compatible := range n.Compatible() {
				out = append(out, "of:N"+name+"T(null)C"+compatible)
			}
		}
	}
	entries, err := fs.ReadDir(l.root, "sys/bus/acpi/devices")
	if err != nil {
		return out
	}
	for _, e := range entries {
		id, _, _ := strings.Cut(e.Name(), ":")
		out = append(out, "acpi:"+id+":")
	}
	return out
}

// enumerated lists the aliases of the devices on buses that enumerate.
func (l *loader) enumerated() []string {
	var out []string
	for _, bus := range buses {
		dir := path.Join("sys/bus", bus, "devices")
		entries, err := fs.ReadDir(l.root, dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if text, err := fs.ReadFile(l.root, path.Join(dir, e.Name(), "modalias")); err == nil {
				out = append(out, strings.TrimSpace(string(text)))
			}
		}
	}
	return out
}
