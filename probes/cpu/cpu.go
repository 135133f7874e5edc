// Package cpu finds the guest's processing elements: those that its
// description declares, those that Linux brought up, and the firmware
// interface (PSCI) that did it.
package cpu

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/acpi"
	"vmspec/probes/fdt"
	"vmspec/probes/kernel"
)

// Facts are the guest's CPUs.
type Facts struct {
	Declared    []Declared // by the tree's /cpus, or by the MADT
	Source      string     // "fdt" or "acpi": which of them Linux runs by
	DeclaredErr string     // why Declared is unknown
	Possible    []int      // CPU numbers, as are the next two
	Present     []int
	Online      []int
	Ready       []int `json:",omitempty"` // those that the firmware lets the kernel start, where the kernel says it
	Most        int   // how many CPUs this kernel can have at all
	Late        []int `json:",omitempty"` // those that the kernel started, and gave up when they did not come in time
	Identity    Identity
	Level       Level
	Offline     Offline
}

// Enabled counts the declared CPUs that can be used at once.
func (f *Facts) Enabled() int { return f.declared(func(c Declared) bool { return c.Enabled }) }

// OnlineCapable counts those that can be enabled while the guest runs.
func (f *Facts) OnlineCapable() int {
	return f.declared(func(c Declared) bool { return c.OnlineCapable })
}

func (f *Facts) declared(is func(Declared) bool) (n int) {
	for _, c := range f.Declared {
		if is(c) {
			n++
		}
	}
	return n
}

// Down lists the CPUs that could be used, and are offline. Before Linux 6.11 each
// CPU that is present could be.
func (f *Facts) Down() []int {
	could := f.Ready
	if could == nil {
		could = f.Present
	}
	return slices.DeleteFunc(slices.Clone(could), func(n int) bool { return slices.Contains(f.Online, n) })
}

// Declared is a CPU as the description has it.
type Declared struct {
	Name          string // the node's path, or the GICC's UID
	EnableMethod  string
	Enabled       bool
	OnlineCapable bool `json:",omitempty"` // not enabled, but can be while the guest runs
}

const dir = "sys/devices/system/cpu/"

// Read finds the CPUs.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	for _, list := range []struct {
		name string
		into *[]int
	}{{"possible", &f.Possible}, {"present", &f.Present}, {"online", &f.Online}} {
		text, err := fs.ReadFile(fsys, dir+list.name)
		if err != nil {
			return nil, err
		}
		if *list.into, err = ParseList(string(text)); err != nil {
			return nil, fmt.Errorf("parse %s%s: %w", dir, list.name, err)
		}
	}
	text, err := fs.ReadFile(fsys, dir+"kernel_max")
	if err != nil {
		return nil, err
	}
	most, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16)
	if err != nil {
		return nil, fmt.Errorf("parse %skernel_max: %q is not a number", dir, text)
	}
	f.Most = int(most) + 1
	if text, err := fs.ReadFile(fsys, dir+"enabled"); err == nil { // since Linux 6.11
		f.Ready, _ = ParseList(string(text))
	}
	if err := f.readDeclared(fsys); err != nil {
		f.DeclaredErr = err.Error()
	}
	f.Late = late(fsys)
	if err := f.Identity.read(fsys); err != nil {
		f.Identity.Err = err.Error()
	}
	f.Level.read(fsys)
	if err := f.Offline.read(fsys); err != nil {
		f.Offline.Err = err.Error()
	}
	return &f, nil
}

// late finds the CPUs that were started and not waited for any longer
// (arch/arm64/kernel/smp.c, __cpu_up: after 5 s; arch/arm/kernel/smp.c: after
// 1 s). One that comes later never runs.
func late(fsys fs.FS) (cpus []int) {
	log, _ := kernel.Log(fsys) // who needs its silence says so
	for _, line := range log {
		before, _, gaveUp := strings.Cut(line, ": failed to come online")
		if n, err := strconv.Atoi(before[strings.LastIndex(before, "U")+1:]); gaveUp && err == nil {
			cpus = append(cpus, n)
		}
	}
	return cpus
}

func (f *Facts) readDeclared(fsys fs.FS) error {
	madt, err := acpi.LoadMADT(fsys)
	if err == nil {
		f.Source = "acpi"
		for _, c := range madt.CPUs {
			f.Declared = append(f.Declared, Declared{Name: fmt.Sprintf("GICC %d", c.UID), EnableMethod: "psci", Enabled: c.Enabled, OnlineCapable: c.OnlineCapable})
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tree, err := fdt.Load(fsys)
	if err != nil {
		return err
	}
	f.Source = "fdt"
	f.Declared = treeCPUs(tree)
	return nil
}

func treeCPUs(tree *fdt.Tree) []Declared {
	cpus := tree.Root.Child("cpus")
	if cpus == nil {
		return nil
	}
	var out []Declared
	for _, n := range cpus.Children {
		if n.IsCPU() {
			method, _ := n.EnableMethod()
			out = append(out, Declared{Name: n.Path(), EnableMethod: method, Enabled: !n.Failed()})
		}
	}
	return out
}

// ParseList reads a list of CPUs such as "0-3,6"
// (Documentation/admin-guide/cputopology.rst). No kernel can have more than 4096
// (CONFIG_NR_CPUS in arch/arm64/Kconfig).
func ParseList(text string) ([]int, error) {
	var out []int
	for item := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		if item == "" {
			continue
		}
		first, last, ranged := strings.Cut(item, "-")
		if !ranged {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 12)
		b, errB := strconv.ParseUint(last, 10, 12)
		if errA != nil || errB != nil || a > b || len(out) > 1<<12 {
			return nil, fmt.Errorf("%q is not a list of CPUs", text)
		}
		for n := a; n <= b; n++ {
			out = append(out, int(n))
		}
	}
	return out, nil
}
