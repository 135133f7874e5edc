package pci

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/memory"
)

// A BAR is one of a function's base address registers, as the kernel sized
// and placed it.
type BAR struct {
	Index   int
	IO      bool // in I/O space, not in memory
	Start   uint64
	Size    uint64
	Placed  bool // it has an address
	Claimed bool // /proc/iomem shows it inside a window of the bridge above it
	Fixed   bool `json:",omitempty"` // by Enhanced Allocation: of any size
}

// Flags of a resource: include/linux/ioport.h.
const (
	resourceIO    = 0x100
	resourceMem   = 0x200
	resourceFixed = 1 << 5 // IORESOURCE_PCI_EA_BEI
	resourceUnset = 0x20000000
)

// bars is how many lines of a resource file are BARs; what follows is the
// ROM, virtual functions' BARs and a bridge's windows.
const bars = maxBAR + 1

// ParseResource reads a function's resource file: a line each with the first
// and the last address and flags (drivers/pci/pci-sysfs.c, resource_show).
func ParseResource(text string) ([]BAR, error) {
	var out []BAR
	lines := strings.SplitN(text, "\n", bars+1)
	for i, line := range lines[:min(bars, len(lines))] {
		if line == "" && i == len(lines)-1 {
			break
		}
		start, end, flags, ok := numbers(line)
		if !ok || end < start || end-start == 1<<64-1 {
			return nil, fmt.Errorf("line %d: %.80q is no resource", i+1, line)
		}
		if flags&(resourceIO|resourceMem) == 0 {
			continue // the function has no such BAR
		}
		out = append(out, BAR{Index: i, IO: flags&resourceIO != 0, Start: start, Size: end - start + 1,
			Placed: flags&resourceUnset == 0, Fixed: flags&resourceFixed != 0})
	}
	return out, nil
}

func numbers(line string) (start, end, flags uint64, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return 0, 0, 0, false
	}
	start, errStart := strconv.ParseUint(fields[0], 0, 64)
	end, errEnd := strconv.ParseUint(fields[1], 0, 64)
	flags, errFlags := strconv.ParseUint(fields[2], 0, 64)
	return start, end, flags, errStart == nil && errEnd == nil && errFlags == nil
}

func (fn *Function) readBARs(fsys fs.FS, regions []memory.Region) {
	text, err := fs.ReadFile(fsys, path.Join(dir, fn.Address, "resource"))
	if err == nil {
		fn.BARs, err = ParseResource(string(text))
	}
	if err != nil {
		fn.ResourceErr = err.Error()
	}
	for i, b := range fn.BARs {
		fn.BARs[i].Claimed = slices.ContainsFunc(regions, func(r memory.Region) bool {
			return r.Depth > 0 && r.Name == fn.Address && r.Start == b.Start && r.Size == b.Size
		})
	}
}
