package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vmspec/probes/fdt"
	"vmspec/probes/kernel"
	"vmspec/probes/look"
)

// buses are those that enumerate and whose devices ask for the suite's
// drivers.
var buses = []string{"pci", "virtio", "xen"}

// rounds bounds how often devices are looked for again behind drivers that
// were just loaded: virtio-pci, then virtio-blk.
const rounds = 3

// loader loads the suite's modules that this guest has use for: under
// emulation a module that drives nothing costs more than looking whether it
// would.
type loader struct {
	root   fs.FS
	begin  func(module string) error
	atHand kernel.Dependencies
	tried  map[string]error // by module
	loaded map[string]bool  // by file

	insertFile func(name string) error
	err        error // why nothing is known to be at hand
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

// loadModules loads the suite's modules and notes what became of each.
//
// It asks begin before each, and one that begin answers with an error is
// missing.
func loadModules(root fs.FS, begin func(module string) error, n *kernel.ModulesNote) error {
	l := newLoader(root, begin)
	l.loadAll()
	l.report(n)
	return nil
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

// loadAsked loads what devices ask for, and what those ask for in turn.
func (l *loader) loadAsked() {
	text, err := fs.ReadFile(l.root, path.Join(moduleTree(), "modules.alias"))
	if err != nil {
		return
	}
	modules := kernel.ParseAliases(string(text))
	asked := append(l.described(), l.enumerated()...)
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
	if _, tried := l.tried[module]; tried {
		return
	}
	err := l.begin(module)
	if err == nil {
		err = l.insert(module)
	}
	l.tried[module] = err
}

// insert loads a module and what it needs. u-root's kmodule does as much, but
// brings four decompressors along, 590 KB of PID 1, for modules that the
// initramfs carries unpacked.
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

// signed ends a module behind its signature: include/linux/module_signature.h.
const signed = "~Module signature appended~\n"

// insertFile loads one module; it may be loaded already.
//
// The kernel is not told of a signature unless it asks for one, as when it is
// locked down: the modules come from where PID 1 does, and to verify two of them
// takes an eighth of all instructions that the suite adds to a boot.
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

// described lists what the description's devices ask for: the nodes of the
// device tree, as drivers/of/module.c writes them, and the hardware IDs of
// ACPI's namespace. One file and one directory tell what would take a look at
// every platform device. Empty slots of virtio-mmio ask for nothing: a driver for
// 32 of them costs 20 ms under emulation.
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

// enumerated lists what the devices of the buses that enumerate ask for.
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
