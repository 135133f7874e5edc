package fdt

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// Facts are those parts of the guest's device tree that a kernel needs to boot by
// it alone (Documentation/arch/arm64/booting.rst and the bindings
// of Linux). Without Present the rest is empty.
type Facts struct {
	Present     bool
	Broken      string `json:",omitempty"` // why Linux cannot read it; the rest is what could be read
	Size        uint32 // bytes
	Nodes       int
	Top         []string // names of the root's children; this and the lists below at most 64
	Model       string
	Compatible  []string // the root's
	CPUs        int      // CPU nodes that have not failed
	NoMethod    []string // those without an enable-method; of several, not the one that boots
	NoPSCI      []string `json:",omitempty"` // those that PSCI starts, where no node has its method
	Memory      int      // memory nodes with a size
	Timer       string   // path of the generic timer's node
	PSCI        string   // path of the PSCI node that has a method
	Controllers []string // paths of the interrupt controllers that can interrupt a CPU themselves, enabled
	Chosen      bool
	Stdout      string   // /chosen/stdout-path as it stands
	StdoutNode  string   // the enabled node it leads to; empty if none
	Consoles    []string // enabled nodes whose device can be a console
}

// consoles are the compatible strings of the consoles the specification names
// and of what carries them. Hypervisor consoles have no node of their own on
// PCI or Xen.
var consoles = []string{"arm,pl011", "arm,sbsa-uart", "virtio,mmio", "pci-host-ecam-generic", "pci-host-cam-generic", "xen,xen", "ns16550a", "ns16550"}

// Read finds the facts out. A guest without a tree is an answer.
func Read(fsys fs.FS) (*Facts, error) {
	t, err := Load(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return &Facts{}, nil
	}
	if err != nil {
		return nil, err
	}
	f := &Facts{Present: true, Broken: t.Broken, Size: t.Size, Compatible: t.Root.Compatible()}
	f.Model, _ = t.Root.String("model")
	for _, n := range t.Root.Children[:min(maxPaths, len(t.Root.Children))] {
		f.Top = append(f.Top, n.Name)
	}
	f.addBoot(t)
	phandles := t.Phandles()
	boots := "" // which of the CPUs without a method
	for _, n := range t.Root.All() {
		f.Nodes++
		if n.IsCPU() && !n.Failed() {
			if reg, _ := n.Value("reg"); len(reg) > 0 && wide(reg) == uint64(t.header.BootCPU) {
				boots = n.Path()
			}
			f.addCPU(n)
		} else if n.Enabled() {
			f.add(n, phandles)
		}
	}
	if f.CPUs > 1 { // Linux does not start the one that it runs on
		f.NoMethod = slices.DeleteFunc(f.NoMethod, func(path string) bool { return path == boots })
	}
	if f.PSCI != "" {
		f.NoPSCI = nil
	}
	f.readChosen(t)
	return f, nil
}

func (f *Facts) addCPU(n *Node) {
	f.CPUs++
	switch method, ok := n.EnableMethod(); {
	case method == "psci":
		f.NoPSCI = some(f.NoPSCI, n)
	case !ok:
		f.NoMethod = some(f.NoMethod, n)
	}
}

// maxPaths bounds each list of paths: those of a hostile tree add up.
const maxPaths = 64

func some(paths []string, n *Node) []string {
	if len(paths) == maxPaths {
		return paths
	}
	return append(paths, n.Path())
}

// addBoot finds the nodes of which each kind has a reader of its own.
func (f *Facts) addBoot(t *Tree) {
	for _, n := range t.MemoryNodes() {
		ranges, err := n.Memory()
		if err == nil && slices.ContainsFunc(ranges, func(r Range) bool { return r.Size > 0 }) {
			f.Memory++
		}
	}
	if n := t.TimerNode(); n != nil {
		f.Timer = n.Path()
	}
	if n := t.PSCINode(); n != nil && n.PSCIMethod() != "" {
		f.PSCI = n.Path()
	}
}

func (f *Facts) add(n *Node, phandles map[uint32]*Node) {
	if n.InterruptsCPUs(phandles) {
		f.Controllers = some(f.Controllers, n)
	}
	if n.Is(consoles...) {
		f.Consoles = some(f.Consoles, n)
	}
}

// EnableMethod returns how a CPU is started; /cpus can say it for all
// (Documentation/devicetree/bindings/arm/cpus.yaml).
func (n *Node) EnableMethod() (string, bool) {
	method, ok := n.String("enable-method")
	if !ok && n.Parent != nil {
		method, ok = n.Parent.String("enable-method")
	}
	return method, ok
}

// readChosen follows stdout-path: a path or an alias, and behind a colon
// options such as the baud rate.
func (f *Facts) readChosen(t *Tree) {
	chosen := t.Root.Child("chosen")
	if f.Chosen = chosen != nil; !f.Chosen {
		return
	}
	f.Stdout, _ = chosen.String("stdout-path")
	name, _, _ := strings.Cut(f.Stdout, ":")
	if name == "" {
		return
	}
	if n := t.Lookup(name); n != nil && n.Enabled() {
		f.StdoutNode = n.Path()
	}
}

// Empty tells whether the tree describes no machine, as the one that Linux's
// EFI stub makes where the firmware gave none.
func (f *Facts) Empty() bool { return len(f.Compatible) == 0 && f.CPUs == 0 }
