// Package memory finds the guest's memory: what the device tree describes and
// what the kernel has.
package memory

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"vmspec/probes/fdt"
)

// Facts are about the guest's memory, in bytes.
type Facts struct {
	Described    Ranges // the tree's memory nodes
	DescribedErr string // why that is unknown
	RAM          Ranges // what the kernel has: System RAM in /proc/iomem
	RAMErr       string // why that is unknown
	Total        uint64 // what of it the kernel manages: MemTotal; 0 with an error
	TotalErr     string
	Touch        Touch
}

// Read finds the facts out.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	described, err := describedByTree(fsys)
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
	}
	if err := f.readTotal(fsys); err != nil {
		f.TotalErr = err.Error()
	}
	if err := f.Touch.read(fsys); err != nil {
		f.Touch.Err = err.Error()
	}
	return &f, nil
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

// describedByTree lists the ranges of the enabled memory nodes, which are
// children of the root: Devicetree Specification 0.4, section 3.4.
func describedByTree(fsys fs.FS) (Ranges, error) {
	tree, err := fdt.Load(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out Ranges
	for _, n := range tree.Root.Children {
		if kind, _ := n.String("device_type"); kind != "memory" || !n.Enabled() {
			continue
		}
		ranges, err := n.Reg()
		if err != nil {
			return nil, fmt.Errorf("memory node: %w", err)
		}
		out = append(out, ranges...)
	}
	return out, nil
}
