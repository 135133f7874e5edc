// Package fdt reads a flattened device tree, the file /sys/firmware/fdt, and
// finds in it what a Linux guest needs to boot ([Facts]) and which rules it
// breaks ([Lint]).
//
// The reader takes the bytes of a hypervisor, and allocates no more than a small
// multiple of them. It takes what Linux takes. What breaks the format of the
// Devicetree Specification 0.4, chapter 5, and Linux reads over, is a fault for
// [Lint]; what Linux ignores is ignored. A tree that Linux cannot read either is
// read as far as it goes. It judges nothing.
package fdt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Tokens of the structure block: Devicetree Specification 0.4, section 5.4.1.
const (
	tokenBeginNode = 1
	tokenEndNode   = 2
	tokenProp      = 3
	tokenNop       = 4
	tokenEnd       = 9
)

const (
	magic      = 0xd00dfeed
	headerSize = 40
	// MaxSize is the most that the arm64 boot protocol allows
	// (Documentation/arch/arm64/booting.rst), in bytes.
	MaxSize = 2 << 20
	// The limits keep a hostile tree from using up the guest's memory; the
	// largest trees in Linux have a few thousand nodes.
	maxDepth = 64
	maxNodes = 1 << 14
	maxProps = 1 << 16
	maxName  = 255
	// maxPropName is only there for hostile trees, whose properties can share a name.
	maxPropName = 1 << 10
	// maxStrings bounds a list in one property; Linux's longest have some dozens.
	maxStrings = 1 << 10
)

// errTooMany is a limit of the reader, and none of the format.
var errTooMany = errors.New("too many")

// A Tree is a device tree as it was read.
type Tree struct {
	Version      uint32
	Size         uint32 // the header's totalsize, in bytes
	Root         *Node
	Reservations []Range
	Broken       string // why Linux cannot read it; Root is then what could be read
	header       header
	used         uint32 // bytes of the structure block up to the end token
	faults       []fault
}

// A fault breaks the format, and Linux reads over it.
type fault struct {
	rule     string
	node     *Node
	property string
	text     string // with a verb for each number
	numbers  []uint64
}

// maxFaults bounds the memory: four of a rule are shown.
const maxFaults = 1 << 10

func (t *Tree) fault(rule string, n *Node, property, text string, numbers ...uint64) {
	if len(t.faults) == maxFaults {
		return
	}
	t.faults = append(t.faults, fault{rule, n, property, text, numbers})
}

// A Range is a piece of the physical address space, in bytes.
type Range struct{ Start, Size uint64 }

// End returns the first address behind the range, or the last of all for one
// that reaches beyond it.
func (r Range) End() uint64 {
	if end := r.Start + r.Size; end >= r.Start {
		return end
	}
	return math.MaxUint64
}

// A Node is one node of a tree. Values of properties share the memory of the
// bytes that were parsed.
type Node struct {
	Name     string // with the unit address; empty for the root
	Parent   *Node
	Props    []Prop
	Late     []Prop // behind a child node, where Linux ignores them
	Children []*Node
}

// A Prop is one property.
type Prop struct {
	Name  string
	Value []byte
}

// decoder reads big-endian words and remembers the first error.
type decoder struct {
	data []byte
	off  int
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("offset %#x: %w", d.off, fmt.Errorf(format, args...))
	}
}

func (d *decoder) u32() uint32 {
	if d.err != nil || len(d.data)-d.off < 4 {
		d.fail("truncated")
		return 0
	}
	v := binary.BigEndian.Uint32(d.data[d.off:])
	d.off += 4
	return v
}

func (d *decoder) u64() uint64 {
	hi := d.u32()
	return uint64(hi)<<32 | uint64(d.u32())
}

// bytes takes n bytes and the padding to the next word.
func (d *decoder) bytes(n uint32) []byte {
	if d.err != nil || uint64(n) > uint64(len(d.data)-d.off) {
		d.fail("value of %d bytes is truncated", n)
		return nil
	}
	v := d.data[d.off : d.off+int(n) : d.off+int(n)]
	d.off = min(len(d.data), d.off+(int(n)+3)&^3)
	return v
}

// name takes a NUL-terminated string and the padding to the next word.
func (d *decoder) name() string {
	if d.err != nil {
		return ""
	}
	end := bytes.IndexByte(d.data[d.off:], 0)
	if end < 0 {
		d.fail("node name does not end")
		return ""
	}
	s := string(d.data[d.off : d.off+end])
	d.off = min(len(d.data), d.off+(end+4)&^3)
	return s
}

// header is the blob's header: Devicetree Specification 0.4, section 5.2.
type header struct {
	Magic, Total, Struct, Strings, Reserve, Version, LastComp, BootCPU, StringsSize, StructSize uint32
}

// errMagic says that the bytes are no tree at all.
var errMagic = errors.New("header")

func parseHeader(blob []byte) (h header, err error) {
	if len(blob) < headerSize {
		return h, fmt.Errorf("%w: %d bytes, want at least %d", errMagic, len(blob), headerSize)
	}
	d := decoder{data: blob[:headerSize]}
	for _, field := range []*uint32{
		&h.Magic, &h.Total, &h.Struct, &h.Strings, &h.Reserve, &h.Version, &h.LastComp, &h.BootCPU, &h.StringsSize, &h.StructSize,
	} {
		*field = d.u32()
	}
	switch {
	case h.Magic != magic:
		return h, fmt.Errorf("%w: magic %#08x, want %#08x", errMagic, h.Magic, uint32(magic))
	case h.Version < oldest || h.LastComp > newest || h.Version < h.LastComp:
		return h, fmt.Errorf("%w: version %d, compatible down to %d; Linux reads %d and %d", errMagic, h.Version, h.LastComp, oldest, newest)
	}
	return h, nil
}

// The versions whose structure block has the form that is read here. Linux also
// reads those of before 2005.
const oldest, newest = 16, 17

// check returns the first reason for which Linux takes none of the tree
// (scripts/dtc/libfdt/fdt.c, fdt_check_header), and how many bytes there are.
func (h *header) check(blob []byte) (size uint32, err error) {
	size = min(uint32(min(len(blob), MaxSize)), max(h.Total, headerSize))
	inside := func(off, length uint32) bool {
		return off >= headerSize && uint64(off)+uint64(length) <= uint64(size)
	}
	if h.Version < newest { // it has no size of the structure block
		h.StructSize = size - min(size, h.Struct)
	}
	switch {
	case h.Total > MaxSize:
		err = fmt.Errorf("header: total size %d is over the %d that Linux takes", h.Total, MaxSize)
	case uint64(h.Total) > uint64(len(blob)):
		err = fmt.Errorf("header: total size %d, but there are %d bytes", h.Total, len(blob))
	case !inside(h.Struct, h.StructSize):
		err = fmt.Errorf("header: structure block at %#x, size %#x", h.Struct, h.StructSize)
	case !inside(h.Strings, h.StringsSize):
		err = fmt.Errorf("header: strings block at %#x, size %#x", h.Strings, h.StringsSize)
	case !inside(h.Reserve, 0):
		err = fmt.Errorf("header: memory reservation block at %#x", h.Reserve)
	}
	return size, err
}

// part returns as much of a block as there is.
func part(blob []byte, off, size uint32) []byte {
	if off < headerSize || uint64(off) > uint64(len(blob)) {
		return nil
	}
	return blob[off:min(uint64(len(blob)), uint64(off)+uint64(size))]
}

// Parse reads a flattened tree. Bytes behind the header's total size are
// ignored, as Linux does. With an error the tree is what could be read.
func Parse(blob []byte) (*Tree, error) {
	t := &Tree{Root: &Node{}}
	h, err := parseHeader(blob)
	t.Version, t.Size, t.header = h.Version, h.Total, h
	if err == nil {
		err = t.read(blob, h)
	}
	if err != nil {
		t.Broken = err.Error()
	}
	return t, err
}

func (t *Tree) read(blob []byte, h header) error {
	size, err := h.check(blob)
	t.header, blob = h, blob[:size]
	t.layout()
	t.readReservations(part(blob, h.Reserve, size))
	if err != nil {
		t.faults = nil // they may come of it
	}
	p := parser{tree: t, decoder: decoder{data: part(blob, h.Struct, h.StructSize)}, strings: string(part(blob, h.Strings, h.StringsSize))}
	p.root(t.Root)
	t.used = uint32(p.off)
	if p.err == nil {
		return err
	}
	p.forget()
	if err != nil && !errors.Is(p.err, errTooMany) {
		return err // which explains the other
	}
	return fmt.Errorf("structure block: %w", p.err)
}

// layout looks at what the header says and Linux does not mind.
func (t *Tree) layout() {
	h := &t.header
	if h.Version < newest {
		t.fault("header-version", t.Root, "header", "version %d, not %d", uint64(h.Version), newest)
	}
	if h.Struct%4 != 0 {
		t.fault("blocks-align", t.Root, "structure block", "%#x is not aligned to 4 bytes", uint64(h.Struct))
	}
	if h.Reserve%8 != 0 {
		t.fault("blocks-align", t.Root, "memory reservation block", "%#x is not aligned to 8 bytes", uint64(h.Reserve))
	}
}

// readReservations reads up to an entry of no size, as Linux does
// (drivers/of/fdt.c, early_init_fdt_scan_reserved_mem).
func (t *Tree) readReservations(block []byte) {
	for d := (decoder{data: block}); ; {
		r := Range{Start: d.u64(), Size: d.u64()}
		switch {
		case d.err != nil:
			t.fault("reserve-end", t.Root, "memory reservation block", "it is not terminated")
			return
		case r.Size == 0 && r.Start != 0:
			t.fault("reserve-range", t.Root, "memory reservation block", "no bytes at %#x, which Linux takes for its end", r.Start)
			return
		case r.Size == 0:
			return
		}
		t.Reservations = append(t.Reservations, r)
	}
}

type parser struct {
	decoder
	tree         *Tree
	strings      string
	nodes, props int
	open         *Node // whose properties are being read
}

// root reads the one root node and the end token. Linux does not look at the
// root's name, nor at what follows its end.
func (p *parser) root(root *Node) {
	if token := p.token(); token != tokenBeginNode {
		p.fail("token %d where the root node should begin", token)
		return
	}
	if name := p.name(); name != "" {
		p.tree.fault("root-name", root, "", "the root node is called "+quote(name)+", and should have no name")
	}
	if p.node(root, 1); p.err != nil {
		return
	}
	if token := p.token(); p.err != nil {
		p.err = nil
		p.tree.fault("structure-end", root, "structure block", "there is no FDT_END")
	} else if token != tokenEnd {
		p.tree.fault("structure-end", root, "structure block", "token %d where the tree should end", uint64(token))
	}
}

// forget drops the node in which the tree breaks off: it is not whole.
func (p *parser) forget() {
	if p.open == nil || p.open.Parent == nil {
		return
	}
	up := p.open.Parent
	up.Children = up.Children[:len(up.Children)-1]
}

// token takes the next token that is not padding.
func (p *parser) token() uint32 {
	for {
		if t := p.u32(); t != tokenNop || p.err != nil {
			return t
		}
	}
}

// node reads the properties and children of n up to its end token.
func (p *parser) node(n *Node, depth int) {
	if p.nodes++; depth > maxDepth || p.nodes > maxNodes {
		p.fail("node %d, nested %d deep: %w", p.nodes, depth, errTooMany)
		return
	}
	for p.open = n; p.err == nil; {
		switch token := p.token(); {
		case p.err != nil:
		case token == tokenProp:
			p.prop(n)
		case token == tokenBeginNode:
			if name := p.name(); p.err == nil {
				p.node(p.child(n, name), depth+1)
			}
		case token == tokenEndNode:
			p.open = nil
			return
		default:
			p.fail("%s: token %d", n.Path(), token)
		}
	}
}

// child adds a node. Linux takes any name.
func (p *parser) child(n *Node, name string) *Node {
	c := &Node{Name: name[:min(len(name), maxName)], Parent: n}
	n.Children = append(n.Children, c)
	switch {
	case len(name) > maxName:
		p.tree.fault("name-long", c, "name", "%d bytes", uint64(len(name)))
	case name == "" || name == "." || name == ".." || strings.Contains(name, "/"):
		p.tree.fault("node-name", c, "name", "a node is called "+quote(name))
	}
	return c
}

func (p *parser) prop(n *Node) {
	size, nameOff := p.u32(), p.u32()
	value := p.bytes(size)
	if p.props++; p.props > maxProps {
		p.fail("more than %d properties: %w", maxProps, errTooMany)
	}
	if p.err != nil {
		return
	}
	name, ok := p.propName(nameOff)
	switch {
	case !ok:
		p.tree.fault("property-name", n, "", "a property's name at %#x is none of the strings block; Linux ignores the property", uint64(nameOff))
	case len(n.Children) > 0:
		n.Late = append(n.Late, Prop{Name: name, Value: value})
		p.tree.fault("property-late", n, name, "it stands behind a child node, where Linux ignores it")
	default:
		n.Props = append(n.Props, Prop{Name: name, Value: value})
	}
}

// propName looks a name up in the strings block.
func (p *parser) propName(off uint32) (string, bool) {
	if uint64(off) >= uint64(len(p.strings)) {
		return "", false
	}
	end := strings.IndexByte(p.strings[off:], 0)
	if end < 1 {
		return "", false
	}
	return p.strings[off : int(off)+min(end, maxPropName)], true
}

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
