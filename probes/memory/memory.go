// Package memory finds the guest's memory: what the device tree describes and
// what the kernel has.
package memory

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/kernel"
	"vmspec/probes/note"
	"vmspec/probes/sysfs"
)

// Facts are about the guest's memory, in bytes.
type Facts struct {
	Described    Ranges   // the tree's memory nodes
	DescribedErr string   // why that is unknown
	RAM          Ranges   // what the kernel has: System RAM in /proc/iomem
	RAMErr       string   // why that is unknown
	Missing      Ranges   `json:",omitempty"` // what is described, and neither there nor reserved
	AtBoot       Ranges   `json:",omitempty"` // what the kernel began with, by its log
	Limited      string   `json:",omitempty"` // why the kernel took less than there is
	Slots        []string `json:",omitempty"` // ACPI's memory devices, each of which may have memory that was added
	Total        uint64   // what of it the kernel manages: MemTotal; 0 with an error
	TotalErr     string
	Touch        Touch
}

// Read finds the facts out.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	described, reserved, err := describedByTree(fsys)
	if f.Described = described; err != nil {
		f.DescribedErr = err.Error()
	}
	regions, err := Iomem(fsys)
	if err != nil {
		f.RAMErr = err.Error()
	}
	for _, r := range regions {
		if r.Depth == 0 && r.Name == "System RAM" {
			f.RAM = append(f.RAM, r.Range)
		}
		if r.Depth == 0 && isMemory(r.Name) {
			reserved = append(reserved, r.Range)
		}
	}
	if f.RAMErr == "" {
		reserved = append(reserved, fdt.Range{Start: 1 << addressBits, Size: 1<<64 - 1<<addressBits - 1})
		f.Missing = slices.DeleteFunc(f.Described.Without(reserved), func(r fdt.Range) bool { return r.Size < largestPage })
		f.Limited = limited(fsys)
	}
	f.AtBoot = atBoot(fsys)
	f.Slots = slots(fsys)
	if err := f.readTotal(fsys); err != nil {
		f.TotalErr = err.Error()
	}
	if err := note.Read(fsys, &f.Touch); err != nil {
		f.Touch.Err = err.Error()
	}
	return &f, nil
}

// slotHID is the ID of ACPI's memory devices (ACPI 6.5, section 9.11).
const slotHID = "PNP0C80"

// slots names them. A list that cannot be read shows none.
func slots(fsys fs.FS) []string {
	names, _ := sysfs.Names(fsys, "sys/bus/acpi/devices")
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, slotHID+":") })
}

const meminfo = "proc/meminfo"

// readTotal looks for the one line: "MemTotal:         497420 kB".
func (f *Facts) readTotal(fsys fs.FS) error {
	text, err := fs.ReadFile(fsys, meminfo)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "MemTotal:" {
			continue
		}
		if len(words) != 3 || words[2] != "kB" {
			return fmt.Errorf("parse %s: %q is no amount in kB", meminfo, strings.TrimSpace(line))
		}
		kilobytes, err := strconv.ParseUint(words[1], 10, 54)
		if err != nil {
			return fmt.Errorf("parse %s: %w", meminfo, err)
		}
		f.Total = kilobytes << 10
		return nil
	}
	return fmt.Errorf("parse %s: no MemTotal", meminfo)
}

// largestPage is the size of the largest page that an arm64 kernel can have. It
// uses no part of a page.
const largestPage = 64 << 10

// addressBits are those of physical addresses that every arm64 kernel has
// (CONFIG_ARM64_PA_BITS). Memory above is left out without a word.
const addressBits = 48

// isMemory tells whether a region of the top level is memory that the kernel knows
// of: its RAM, what UEFI or the tree keeps for itself, and what a driver uses.
func isMemory(name string) bool {
	return strings.HasPrefix(name, "System RAM") || strings.EqualFold(name, "reserved") ||
		name == "Soft Reserved" || strings.HasPrefix(name, "Persistent Memory")
}

// atBoot reads the ranges that the kernel logged when it began to use memory
// (mm/page_alloc.c or mm/mm_init.c, free_area_init):
//
//	Early memory node ranges
//	  node   0: [mem 0x0000000040000000-0x000000005fffffff]
func atBoot(fsys fs.FS) (out Ranges) {
	log, _ := kernel.Log(fsys) // without it nothing is known of the boot
	begun := false
	for _, line := range log {
		_, span, isRange := strings.Cut(line, ": [mem 0x")
		first, last, _ := strings.Cut(strings.TrimSuffix(span, "]"), "-0x")
		a, errA := strconv.ParseUint(first, 16, 64)
		b, errB := strconv.ParseUint(last, 16, 64)
		switch {
		case strings.HasSuffix(line, "Early memory node ranges"):
			begun = true
		case begun && !(isRange && strings.Contains(line, " node ")):
			return out
		case begun && errA == nil && errB == nil && a <= b:
			out = append(out, fdt.Range{Start: a, Size: b - a + 1})
		}
	}
	return out
}

// limits are messages of a kernel that can use only a part of the memory
// (arch/arm64/mm/init.c, arch/arm/mm/mmu.c and arch/arm/kernel/setup.c).
var limits = []string{"Memory doesn't fit in the linear mapping", "Ignoring RAM at", "Truncating RAM at", "Consider using a HIGHMEM enabled kernel", "Memory limited to"}

// limited says why the kernel took less memory than there is.
func limited(fsys fs.FS) string {
	line, _ := fs.ReadFile(fsys, "proc/cmdline")
	for _, word := range strings.Fields(string(line)) {
		for _, name := range []string{"mem=", "memmap=", "elfcorehdr="} {
			if strings.HasPrefix(word, name) {
				return "the kernel's command line limits the memory: " + word
			}
		}
	}
	if tree, err := fdt.Load(fsys); err == nil {
		chosen := tree.Lookup("/chosen")
		for _, name := range []string{"linux,usable-memory-range", "linux,elfcorehdr"} { // of kexec
			if chosen != nil && has(chosen, name) {
				return "the kernel was told which memory to use: " + name
			}
		}
	}
	log, _ := kernel.Log(fsys) // without it nothing is known to limit
	for _, line := range log {
		for _, text := range limits {
			if strings.Contains(line, text) {
				return "the kernel cannot use all memory: " + text
			}
		}
	}
	return ""
}

func has(n *fdt.Node, name string) bool {
	_, ok := n.Value(name)
	return ok
}

// describedByTree lists the ranges of the enabled memory nodes, which are children
// of the root, and what the tree reserves of them: Devicetree Specification 0.4,
// sections 3.4, 3.5 and 5.3. A node that does not say where its memory is
// describes none.
func describedByTree(fsys fs.FS) (described, reserved Ranges, err error) {
	tree, err := fdt.Load(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	reserved = tree.Reservations
	for _, n := range tree.MemoryNodes() {
		ranges, _ := n.Memory()
		described = append(described, ranges...)
	}
	for _, n := range tree.Root.Children {
		if n.Name == "reserved-memory" {
			for _, c := range n.Children {
				reserved = append(reserved, c.Places()...)
			}
		}
	}
	return described, reserved, nil
}
