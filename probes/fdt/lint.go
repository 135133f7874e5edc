package fdt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// A Finding is a rule that a node of the tree breaks.
type Finding struct{ Rule, Path, Text string }

// Lint is what rules of the Devicetree Specification 0.4, and of the bindings
// in Linux, the guest's tree breaks. Where a tree may be read in two ways, both
// are right. Of what is disabled only the form is looked at.
type Lint struct {
	Present   bool
	Empty     bool   // it describes no machine: [Facts.Empty]
	Malformed string // why Linux cannot read it; the rest is about what could be read
	// How many there were to look at.
	Nodes, References, Interrupts, Ranges, Memory, CPUs, Bound int

	Findings []Finding      // at most maxShown of a rule
	More     map[string]int // how many more of a rule
}

const (
	maxShown = 4
	// maxSteps bounds the time that a hostile tree can take; Linux's largest
	// trees need some ten thousand.
	maxSteps = 1 << 20
	// maxRegions bounds the memory; they have some hundreds.
	maxRegions = 1 << 14
)

// errSteps is the error of a tree that takes too long: no machine has such a tree.
var errSteps = errors.New("lint the tree: it has more to look at than any machine's")

// ReadLint looks the guest's tree over. A guest without one is an answer.
func ReadLint(fsys fs.FS) (*Lint, error) {
	t, err := Load(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return &Lint{}, nil
	}
	if err != nil {
		return nil, err
	}
	return LintTree(t)
}

// A linter goes through a tree once, parents first.
type linter struct {
	*Lint
	tree        *Tree
	handles     map[uint32]*Node
	controllers map[*Node]controller
	counts      map[counted]int
	seen        map[string]bool
	regions     []region
	reserved    []region // children of /reserved-memory
	steps       int
}

// A place is a node and what it takes from those above it.
type place struct {
	*Node
	up        *place
	names     []string // compatible
	kind      string   // device_type
	enabled   bool     // and so is all above it
	addr      int      // #address-cells and #size-cells for its children
	size      int
	linux     [2]int // the same as Linux takes them, from above where they are not said
	ranges    []byte
	windows   []Window // what they hold
	mapped    bool     // it has ranges
	parent    *Node    // of its interrupts
	lost      bool     // the parent cannot be told; why is found elsewhere
	forwarder bool     // it is the interrupt parent of what is below it
}

// LintTree looks a tree over.
func LintTree(t *Tree) (*Lint, error) {
	l := &linter{
		Lint: &Lint{Present: true}, tree: t, handles: map[uint32]*Node{},
		controllers: map[*Node]controller{}, counts: map[counted]int{}, seen: map[string]bool{},
	}
	if t.Broken != "" {
		l.Malformed = "parse " + Path + ": " + t.Broken
	}
	l.blocks()
	l.collect(t.Root)
	l.visit(t.Root, nil)
	l.overlaps(l.regions)
	l.overlaps(l.reserved)
	l.Empty = l.CPUs == 0 && len(t.Root.Compatible()) == 0
	if l.steps > maxSteps {
		return nil, errSteps
	}
	return l.Lint, nil
}

// found notes a finding, or only counts it where there are enough to show. The text
// about the property is a format for the numbers, if there are any; the path of
// another node follows it. This form keeps the many call sites small.
func (l *linter) found(rule string, n *Node, property, text string, other *Node, numbers ...uint64) {
	if l.Malformed != "" && slices.Contains(elsewhere, rule) {
		return
	}
	shown := 0
	for _, f := range l.Findings {
		if f.Rule == rule {
			shown++
		}
	}
	if shown < maxShown {
		l.Findings = append(l.Findings, Finding{rule, n.Path(), sentence(property, text, other, numbers)})
		return
	}
	if l.More == nil {
		l.More = map[string]int{}
	}
	l.More[rule]++
}

// elsewhere are the rules about what is missing. In a broken tree that may be in the
// part that cannot be read.
var elsewhere = []string{"phandle-dangling", "alias-dangling"}

func sentence(property, text string, other *Node, numbers []uint64) string {
	if len(numbers) > 0 {
		args := make([]any, len(numbers))
		for i, n := range numbers {
			args[i] = n
		}
		text = fmt.Sprintf(text, args...)
	}
	if other != nil {
		text += " " + other.Path()
	}
	if property == "" {
		return text
	}
	return property + ": " + text
}

// spend counts steps and tells whether there are any left.
//
//go:noinline
func (l *linter) spend(n int) bool {
	l.steps += n
	return l.steps <= maxSteps
}

// visit looks at a node, then at those below it.
func (l *linter) visit(n *Node, up *place) {
	if l.Nodes++; strings.HasPrefix(n.Name, "__") {
		return // labels, for overlays: dt-object-internal.txt of dtc
	}
	at := l.place(n, up)
	l.names(n)
	for _, p := range n.Props {
		l.format(n, p)
	}
	l.reg(at)
	l.windows(at)
	if n.IsCPU() && !n.Failed() {
		l.CPUs++
	}
	if at.enabled {
		l.interrupts(at)
		l.interruptMap(at)
		l.references(at)
		l.bindings(at)
		l.special(at)
	}
	for _, c := range n.Children {
		l.visit(c, at)
	}
}

func (l *linter) place(n *Node, up *place) *place {
	at := &place{Node: n, up: up, names: n.Compatible(), enabled: n.Enabled(), addr: 2, size: 1, linux: [2]int{1, 1}}
	at.kind, _ = n.String("device_type")
	if up != nil {
		at.enabled = at.enabled && up.enabled
		at.linux = up.linux
	}
	if c := l.count(n, "#address-cells"); c >= 0 {
		at.addr, at.linux[0] = c, c
	}
	if c := l.count(n, "#size-cells"); c >= 0 {
		at.size, at.linux[1] = c, c
	}
	at.ranges, at.mapped = n.Value("ranges")
	l.interruptParent(at)
	return at
}

// is tells what the device is compatible with, as [Node.Is] does.
//
//go:noinline
func (p *place) is(names ...string) bool {
	return slices.ContainsFunc(p.names, func(c string) bool { return slices.Contains(names, c) })
}

// sure tells whether the specification and Linux agree on the number of cells of
// the node's children.
func (p *place) sure() bool { return p.linux == [2]int{p.addr, p.size} }

// counted is a property of a node that holds a number of cells.
type counted struct {
	*Node
	name string
}

// count returns such a property, or -1 if there is none.
func (l *linter) count(n *Node, name string) int {
	key := counted{n, name}
	c, ok := l.counts[key]
	if !ok {
		c = n.cellCount(name, -1)
		l.counts[key] = c
	}
	return c
}

// blocks looks at how the blob is laid out: chapter 5. Their order is only
// recommended.
func (l *linter) blocks() {
	h, root := l.tree.header, l.tree.Root
	for _, f := range l.tree.faults {
		l.found(f.rule, f.node, f.property, f.text, nil, f.numbers...)
	}
	if l.Malformed != "" {
		return
	}
	type block struct {
		name     string
		from, to uint64
	}
	size := h.StructSize
	if h.Version < newest {
		size = l.tree.used
	}
	all := []block{
		{"memory reservation", uint64(h.Reserve), uint64(h.Reserve) + 16*uint64(len(l.tree.Reservations)+1)},
		{"structure", uint64(h.Struct), uint64(h.Struct) + uint64(size)},
		{"strings", uint64(h.Strings), uint64(h.Strings) + uint64(h.StringsSize)},
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.from < b.to && b.from < a.to {
				l.found("blocks-overlap", root, a.name+" block", "at %#x it runs into another at %#x", nil, a.from, b.from)
			}
		}
	}
	if l.tree.used < size {
		l.found("structure-end", root, "structure block", "%d bytes, FDT_END is before %d", nil, uint64(size), uint64(l.tree.used))
	}
	for _, r := range l.tree.Reservations {
		if r.Start+(r.Size-1) < r.Start {
			l.found("reserve-range", root, "memory reservation block", "%#x bytes at %#x reach beyond the address space", nil, r.Size, r.Start)
		}
	}
}

// names looks for what is there twice (section 2.2) and for characters that
// names do not have: tables 2.1 and 2.2, and the asterisk that dtc takes.
func (l *linter) names(n *Node) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,._+-"
	clear(l.seen)
	for _, c := range n.Children {
		if strings.Trim(c.Name, letters+"@") != "" {
			l.found("name-characters", c, "name", quote(c.Name), nil)
		}
		if l.seen[c.Name] {
			l.found("node-double", c, "name", "a sibling has the same", nil)
		}
		l.seen[c.Name] = true
	}
	clear(l.seen)
	for _, p := range n.Props {
		if strings.Trim(p.Name, letters+"?#*") != "" {
			l.found("name-characters", n, "property", quote(p.Name), nil)
		}
		if l.seen[p.Name] {
			l.found("property-double", n, p.Name, "it is there twice", nil)
		}
		l.seen[p.Name] = true
	}
}

// format looks at properties that have the same form everywhere: section 2.3.
func (l *linter) format(n *Node, p Prop) {
	list := false
	switch {
	case strings.HasPrefix(p.Name, "#") && strings.HasSuffix(p.Name, "-cells"),
		p.Name == "phandle", p.Name == "linux,phandle", p.Name == "interrupt-parent":
		if len(p.Value) != 4 {
			l.found("property-format", n, p.Name, "%d bytes, not the 4 of a cell", nil, uint64(len(p.Value)))
		}
		return
	case p.Name == "compatible", strings.HasSuffix(p.Name, "-names"):
		list = true
	case p.Name == "model", p.Name == "device_type", p.Name == "status", p.Name == "stdout-path":
	default:
		return
	}
	if text := p.Value; len(text) == 0 || text[len(text)-1] != 0 {
		l.found("property-format", n, p.Name, "it does not end in a NUL", nil)
	} else if !list && strings.Count(string(text), "\x00") > 1 {
		l.found("property-format", n, p.Name, "a list of strings, not one", nil)
	} else if p.Name == "status" {
		l.status(n, string(text[:len(text)-1]))
	}
}

// status is one of table 2.4; "ok" is Linux's.
func (l *linter) status(n *Node, s string) {
	switch s {
	case "okay", "ok", "disabled", "reserved", "fail":
		return
	}
	if !strings.HasPrefix(s, "fail-") {
		l.found("status-value", n, "status", quote(s), nil)
	}
}

// quote writes text of the guest's.
func quote(s string) string { return strconv.Quote(s[:min(len(s), maxName)]) }

// cell returns the cell at index i of a value that is long enough.
//
//go:noinline
func cell(v []byte, i int) uint32 { return binary.BigEndian.Uint32(v[4*i:]) }

// wide returns the number that the cells of v make; of more than two, the last.
//
//go:noinline
func wide(v []byte) (n uint64) {
	for ; len(v) >= 4; v = v[4:] {
		n = n<<32 | uint64(cell(v, 0))
	}
	return n
}
