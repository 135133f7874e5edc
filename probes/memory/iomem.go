package memory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"vmspec/probes/fdt"
)

// A Region is one line of /proc/iomem.
type Region struct {
	fdt.Range
	Depth int // 0 for a top-level region
	Name  string
}

// Ranges is a set of pieces of the physical address space.
type Ranges []fdt.Range

// Covers tells whether the pieces of r, of which some may touch, hold every
// byte from address on.
func (r Ranges) Covers(address, size uint64) bool {
	end := address + size
	if end < address {
		return false
	}
	for address < end {
		reached := address
		for _, piece := range r {
			if address >= piece.Start && address-piece.Start < piece.Size {
				reached = max(reached, piece.End())
			}
		}
		if reached == address {
			return false
		}
		address = reached
	}
	return true
}

// Without returns what of the pieces lies in none of others.
func (r Ranges) Without(others Ranges) Ranges {
	for _, o := range others {
		var left Ranges
		for _, piece := range r {
			if o.Start >= piece.End() || o.End() <= piece.Start {
				left = append(left, piece)
				continue
			}
			if o.Start > piece.Start {
				left = append(left, fdt.Range{Start: piece.Start, Size: o.Start - piece.Start})
			}
			if o.End() < piece.End() {
				left = append(left, fdt.Range{Start: o.End(), Size: piece.End() - o.End()})
			}
		}
		r = left
	}
	return r
}

// Total adds the sizes up, in bytes.
func (r Ranges) Total() uint64 {
	var n uint64
	for _, piece := range r {
		n += piece.Size
	}
	return n
}

// errHidden says that the kernel zeroes the addresses for those who may not
// see them (kernel/resource.c, r_show).
var errHidden = errors.New("addresses are hidden from other users than root")

// ParseIomem reads the text of /proc/iomem: "  start-end : name" in
// hexadecimal, two spaces of indent for each level (kernel/resource.c).
func ParseIomem(in io.Reader) ([]Region, error) {
	var out []Region
	var last uint64
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		text := strings.TrimLeft(line, " ")
		span, name, ok := strings.Cut(text, " : ")
		first, second, ok2 := strings.Cut(span, "-")
		a, errA := strconv.ParseUint(first, 16, 64)
		b, errB := strconv.ParseUint(second, 16, 64)
		if !ok || !ok2 || errA != nil || errB != nil || a > b {
			return nil, fmt.Errorf("line %d: %q is not a region", n, lines.Text())
		}
		out = append(out, Region{
			Range: fdt.Range{Start: a, Size: b - a + 1},
			Depth: (len(line) - len(text)) / 2,
			Name:  name,
		})
		last = max(last, b)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(out) > 0 && last == 0 {
		return nil, errHidden
	}
	return out, nil
}

// Iomem reads the guest's /proc/iomem.
func Iomem(fsys fs.FS) ([]Region, error) {
	f, err := fsys.Open("proc/iomem")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	regions, err := ParseIomem(f)
	if err != nil {
		return nil, fmt.Errorf("parse proc/iomem: %w", err)
	}
	return regions, nil
}

// Reserved returns the memory that the kernel sets aside and does not use,
// such as UEFI's runtime data.
func Reserved(fsys fs.FS) (Ranges, error) {
	regions, err := Iomem(fsys)
	if err != nil {
		return nil, err
	}
	var out Ranges
	for _, r := range regions {
		if strings.EqualFold(r.Name, "reserved") {
			out = append(out, r.Range)
		}
	}
	return out, nil
}
