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
