package fdt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Path returns the node's full path, such as /cpus/cpu@0.
func (n *Node) Path() string {
	if n.Parent == nil {
		return "/"
	}
	var names []string
	for ; n.Parent != nil; n = n.Parent {
		names = append(names, n.Name)
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/")
}

// All lists n and every node below it, parents first.
func (n *Node) All() []*Node {
	out := []*Node{n}
	for _, c := range n.Children {
		out = append(out, c.All()...)
	}
	return out
}

// Child returns the child of that name; a name without a unit address means
// the first child that has it with any.
func (n *Node) Child(name string) *Node {
	var first *Node
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
		if base, _, _ := strings.Cut(c.Name, "@"); base == name && first == nil {
			first = c
		}
	}
	return first
}

// Lookup finds a node by its path, such as /cpus/cpu@0, or by an alias.
func (t *Tree) Lookup(name string) *Node {
	n := t.Root
	if !strings.HasPrefix(name, "/") {
		aliases := n.Child("aliases")
		alias, rest, _ := strings.Cut(name, "/")
		target, ok := "", false
		if aliases != nil {
			target, ok = aliases.String(alias)
		}
		if !ok || !strings.HasPrefix(target, "/") {
			return nil
		}
		name = path.Join(target, rest)
	}
	return n.find(strings.FieldsFunc(name, func(r rune) bool { return r == '/' }))
}

// find goes down from n. A broken tree can have siblings of one name: it looks
// below each of them.
func (n *Node) find(elements []string) *Node {
	if len(elements) == 0 {
		return n
	}
	first := n.Child(elements[0])
	if first == nil {
		return nil
	}
	for _, c := range n.Children {
		if c == first || c.Name == elements[0] {
			if found := c.find(elements[1:]); found != nil {
				return found
			}
		}
	}
	return nil
}

// Value returns a property's bytes, and whether the node has it. Like others
// that are called in many places it is not inlined: the guest has to be small.
//
//go:noinline
func (n *Node) Value(name string) ([]byte, bool) {
	for _, p := range n.Props {
		if p.Name == name {
			return p.Value, true
		}
	}
	return nil, false
}

// Strings returns a property that is a list of strings. Linux does not mind if
// the last has no NUL.
func (n *Node) Strings(name string) (list []string, ok bool) {
	v, ok := n.Value(name)
	if !ok || len(v) == 0 {
		return nil, false
	}
	list = strings.SplitN(strings.TrimSuffix(string(v), "\x00"), "\x00", maxStrings+1)
	return list[:min(len(list), maxStrings)], true
}

// String returns a property that is a string: of a list the first, as in Linux.
//
//go:noinline
func (n *Node) String(name string) (string, bool) {
	v, ok := n.Value(name)
	if !ok || len(v) == 0 {
		return "", false
	}
	first, _, _ := strings.Cut(string(v), "\x00")
	return first, true
}

// Cells returns a property that is a list of 32-bit cells.
func (n *Node) Cells(name string) ([]uint32, bool) {
	v, ok := n.Value(name)
	if !ok || len(v)%4 != 0 {
		return nil, false
	}
	cells := make([]uint32, len(v)/4)
	for i := range cells {
		cells[i] = binary.BigEndian.Uint32(v[4*i:])
	}
	return cells, true
}

// Compatible returns the node's compatible strings, most specific first.
func (n *Node) Compatible() []string {
	list, _ := n.Strings("compatible")
	return list
}

// Is tells whether one of the node's compatible strings is among names.
func (n *Node) Is(names ...string) bool {
	return slices.ContainsFunc(n.Compatible(), func(c string) bool { return slices.Contains(names, c) })
}

// Enabled tells whether the node's status lets a driver use it: absent, "okay"
// or "ok" (of_device_is_available in drivers/of/base.c).
func (n *Node) Enabled() bool {
	status, _ := n.String("status")
	if _, has := n.Value("status"); !has {
		return true
	}
	return status == "okay" || status == "ok"
}

// Failed tells whether the node's status says so. A CPU that has not failed is
// there, and a disabled one only waits to be started: Devicetree Specification
// 0.4, section 3.8.1 (of_get_next_cpu_node in drivers/of/base.c).
func (n *Node) Failed() bool {
	status, _ := n.String("status")
	return status == "fail" || strings.HasPrefix(status, "fail-")
}

// base is the node's name without its unit address.
func (n *Node) base() string {
	base, _, _ := strings.Cut(n.Name, "@")
	return base
}

// IsCPU tells whether Linux takes the node for a CPU's: by its name or by its
// type.
func (n *Node) IsCPU() bool {
	up := n.Parent
	if up == nil || up.Parent == nil || up.Parent.Parent != nil || up.base() != "cpus" {
		return false
	}
	kind, _ := n.String("device_type")
	return kind == "cpu" || n.base() == "cpu"
}

// cellCount returns #address-cells or #size-cells of the node, or the default
// of the Devicetree Specification, section 2.3.5.
func (n *Node) cellCount(name string, otherwise int) int {
	if c, ok := n.Cells(name); ok && len(c) == 1 {
		return int(min(c[0], 255))
	}
	return otherwise
}

// errReg says what is wrong with a reg property.
var errReg = errors.New("reg does not fit its parent's #address-cells and #size-cells")

// Reg returns the node's reg property in the parent's address space: its whole
// entries, as in Linux (drivers/of/address.c, __of_get_address). Only addresses
// and sizes of at most 64 bits are understood.
func (n *Node) Reg() ([]Range, error) { return n.regs("reg") }

// Memory returns the ranges of a memory node. What Linux may use of them comes
// first (drivers/of/fdt.c, early_init_dt_scan_memory).
func (n *Node) Memory() ([]Range, error) {
	if _, ok := n.Value("linux,usable-memory"); ok {
		return n.regs("linux,usable-memory")
	}
	return n.Reg()
}

func (n *Node) regs(name string) ([]Range, error) {
	v, ok := n.Value(name)
	if !ok || n.Parent == nil {
		return nil, fmt.Errorf("%s: %w", n.Path(), errReg)
	}
	a, s := n.Parent.cellCount("#address-cells", 2), n.Parent.cellCount("#size-cells", 1)
	if a < 1 || a > 2 || s > 2 || len(v) < 4*(a+s) {
		return nil, fmt.Errorf("%s: %w", n.Path(), errReg)
	}
	var out []Range
	for ; len(v) >= 4*(a+s); v = v[4*(a+s):] {
		out = append(out, Range{Start: wide(v[:4*a]), Size: wide(v[4*a : 4*(a+s)])})
	}
	return out, nil
}

// String writes a range as Linux does in /proc/iomem, the last byte included.
func (r Range) String() string {
	return strconv.FormatUint(r.Start, 16) + "-" + strconv.FormatUint(r.Start+r.Size-1, 16)
}
