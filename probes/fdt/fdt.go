// Package fdt reads a flattened device tree, the file /sys/firmware/fdt, and
// finds in it what a Linux guest needs to boot ([Facts]) and which rules it
// breaks ([Lint]).
//
// The reader is strict: it takes the bytes of a hypervisor, allocates no more
// than a small multiple of them, and answers a tree that breaks the format of
// the Devicetree Specification 0.4, chapter 5, with an error that names the
// offset. It judges nothing.
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
	header       header
	used         uint32 // bytes of the structure block up to the end token
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
	if end < 0 || end > maxName {
		d.fail("node name does not end within %d bytes", maxName)
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

func parseHeader(blob []byte) (header, error) {
	var h header
	if len(blob) < headerSize {
		return h, fmt.Errorf("header: %d bytes, want at least %d", len(blob), headerSize)
	}
	d := decoder{data: blob[:headerSize]}
	for _, field := range []*uint32{
		&h.Magic, &h.Total, &h.Struct, &h.Strings, &h.Reserve, &h.Version, &h.LastComp, &h.BootCPU, &h.StringsSize, &h.StructSize,
	} {
		*field = d.u32()
	}
	inside := func(off, size uint32) bool {
		return off >= headerSize && uint64(off)+uint64(size) <= uint64(h.Total)
	}
	switch {
	case h.Magic != magic:
		return h, fmt.Errorf("header: magic %#08x, want %#08x", h.Magic, uint32(magic))
	case h.Total > MaxSize:
		return h, fmt.Errorf("header: total size %d is over the %d that Linux takes", h.Total, MaxSize)
	case uint64(h.Total) > uint64(len(blob)):
		return h, fmt.Errorf("header: total size %d, but there are %d bytes", h.Total, len(blob))
	case h.Version < 17 || h.LastComp > 17:
		return h, fmt.Errorf("header: version %d, compatible down to %d; want 17", h.Version, h.LastComp)
	case !inside(h.Struct, h.StructSize) || h.Struct%4 != 0:
		return h, fmt.Errorf("header: structure block at %#x, size %#x", h.Struct, h.StructSize)
	case !inside(h.Strings, h.StringsSize):
		return h, fmt.Errorf("header: strings block at %#x, size %#x", h.Strings, h.StringsSize)
	case !inside(h.Reserve, 16) || h.Reserve%8 != 0:
		return h, fmt.Errorf("header: memory reservation block at %#x", h.Reserve)
	}
	return h, nil
}

// Parse reads a flattened tree. Bytes behind the header's total size are
// ignored, as Linux does.
func Parse(blob []byte) (*Tree, error) {
	h, err := parseHeader(blob)
	if err != nil {
		return nil, err
	}
	t := &Tree{Version: h.Version, Size: h.Total, header: h}
	if t.Reservations, err = parseReservations(blob[h.Reserve:h.Total]); err != nil {
		return nil, fmt.Errorf("memory reservation block: %w", err)
	}
	p := parser{
		decoder: decoder{data: blob[h.Struct : h.Struct+h.StructSize]},
		strings: string(blob[h.Strings : h.Strings+h.StringsSize]),
	}
	if t.Root = p.tree(); p.err != nil {
		return nil, fmt.Errorf("structure block: %w", p.err)
	}
	t.used = uint32(p.off)
	return t, nil
}

func parseReservations(block []byte) ([]Range, error) {
	var out []Range
	for d := (decoder{data: block}); ; {
		r := Range{Start: d.u64(), Size: d.u64()}
		if d.err != nil {
			return nil, d.err
		}
		if r == (Range{}) {
			return out, nil
		}
		out = append(out, r)
	}
}

type parser struct {
	decoder
	strings      string
	nodes, props int
}

// tree reads the one root node and the end token.
func (p *parser) tree() *Node {
	if token := p.token(); token != tokenBeginNode {
		p.fail("token %d where the root node should begin", token)
		return nil
	}
	root := &Node{Name: p.name()}
	if root.Name != "" {
		p.fail("root node is called %q", root.Name)
	}
	p.node(root, 1)
	if token := p.token(); token != tokenEnd {
		p.fail("token %d where the tree should end", token)
	}
	return root
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
	}
	for p.err == nil {
		switch token := p.token(); token {
		case tokenProp:
			p.prop(n)
		case tokenBeginNode:
			child := &Node{Name: p.name(), Parent: n}
			if child.Name == "" || child.Name == "." || child.Name == ".." || strings.Contains(child.Name, "/") {
				p.fail("child of %s is called %q", n.Path(), child.Name)
			}
			n.Children = append(n.Children, child)
			p.node(child, depth+1)
		case tokenEndNode:
			return
		default:
			p.fail("%s: token %d", n.Path(), token)
		}
	}
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
	if !ok {
		p.fail("%s: property name at %#x is outside the strings block", n.Path(), nameOff)
		return
	}
	if len(n.Children) > 0 {
		p.fail("%s: property %s after a child node", n.Path(), name)
		return
	}
	n.Props = append(n.Props, Prop{Name: name, Value: value})
}

// propName looks a name up in the strings block.
func (p *parser) propName(off uint32) (string, bool) {
	if uint64(off) >= uint64(len(p.strings)) {
		return "", false
	}
	end := strings.IndexByte(p.strings[off:], 0)
	if end < 1 || end > maxName {
		return "", false
	}
	return p.strings[off : int(off)+end], true
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

// Strings returns a property that is a list of strings; ok is false where
// the node has none, or it does not end in a NUL or is longer than any.
func (n *Node) Strings(name string) (list []string, ok bool) {
	v, ok := n.Value(name)
	if !ok || len(v) == 0 || v[len(v)-1] != 0 || bytes.Count(v, []byte{0}) > maxStrings {
		return nil, false
	}
	return strings.Split(string(v[:len(v)-1]), "\x00"), true
}

// String returns a property that is one string.
//
//go:noinline
func (n *Node) String(name string) (string, bool) {
	list, ok := n.Strings(name)
	if !ok || len(list) != 1 {
		return "", false
	}
	return list[0], true
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
	status, ok := n.String("status")
	if _, has := n.Value("status"); !has {
		return true
	}
	return ok && (status == "okay" || status == "ok")
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

// Reg returns the node's reg property in the parent's address space. Only
// addresses and sizes of at most 64 bits are understood.
func (n *Node) Reg() ([]Range, error) {
	cells, ok := n.Cells("reg")
	if !ok || n.Parent == nil {
		return nil, fmt.Errorf("%s: %w", n.Path(), errReg)
	}
	a, s := n.Parent.cellCount("#address-cells", 2), n.Parent.cellCount("#size-cells", 1)
	if a < 1 || a > 2 || s > 2 || len(cells) == 0 || len(cells)%(a+s) != 0 {
		return nil, fmt.Errorf("%s: %w", n.Path(), errReg)
	}
	var out []Range
	for ; len(cells) > 0; cells = cells[a+s:] {
		out = append(out, Range{Start: number(cells[:a]), Size: number(cells[a : a+s])})
	}
	return out, nil
}

func number(cells []uint32) uint64 {
	var v uint64
	for _, c := range cells {
		v = v<<32 | uint64(c)
	}
	return v
}

// String writes a range as Linux does in /proc/iomem, the last byte included.
func (r Range) String() string {
	return strconv.FormatUint(r.Start, 16) + "-" + strconv.FormatUint(r.Start+r.Size-1, 16)
}
