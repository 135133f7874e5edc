package fdttest

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"

	"vmspec/probes/fdt"
)

// A Break is one way to break a tree, and the rule and the node by which it is
// to be found.
type Break struct {
	Name       string
	Rule, Path string
	Edit       func(t *fdt.Tree)
	Offline    string // why no guest is booted with it; empty if one can be
}

// Why a guest does not see what was broken.
const (
	memoryIsQEMUs = "QEMU writes the memory nodes itself"
	needed        = "no kernel would come up"
)

// Breaks are the breaks, by the order of the rules.
var Breaks = []Break{
	{Name: "two siblings of one name", Rule: "node-double", Path: "/virtio_mmio@a000000",
		Edit: func(t *fdt.Tree) { At(t, "/virtio_mmio@a000200").Name = "virtio_mmio@a000000" }},
	{Name: "a property twice", Rule: "property-double", Path: "/gpio-keys",
		Edit: func(t *fdt.Tree) { n := At(t, "/gpio-keys"); n.Props = append(n.Props, n.Props[0]) }},
	{Name: "a blank in a node's name", Rule: "name-characters", Path: "/spare node",
		Edit: func(t *fdt.Tree) { add(t.Root, "spare node") }},
	{Name: "a hash and a percent sign in a property's name", Rule: "name-characters", Path: "/gpio-keys",
		Edit: func(t *fdt.Tree) { Set(At(t, "/gpio-keys"), "#per%cent", nil) }},
	{Name: "a string without its end", Rule: "property-format", Path: "/",
		Edit: func(t *fdt.Tree) { Set(t.Root, "model", []byte("linux,dummy-virt")) }},
	{Name: "a count of cells in two bytes", Rule: "property-format", Path: "/pl061@9030000",
		Edit: func(t *fdt.Tree) { Set(At(t, "/pl061@9030000"), "#spare-cells", []byte{0, 2}) }},
	{Name: "a status that is none", Rule: "status-value", Path: "/virtio_mmio@a000400",
		Edit: func(t *fdt.Tree) { Set(At(t, "/virtio_mmio@a000400"), "status", []byte("enabled\x00")) }},
	{Name: "a reservation beyond the address space", Rule: "reserve-range", Path: "/", Offline: needed,
		Edit: func(t *fdt.Tree) { t.Reservations = append(t.Reservations, fdt.Range{Start: 1<<64 - 4096, Size: 8192}) }},

	{Name: "phandle 0", Rule: "phandle-value", Path: "/virtio_mmio@a000000",
		Edit: func(t *fdt.Tree) { Set(At(t, "/virtio_mmio@a000000"), "phandle", Cells(0)) }},
	{Name: "a phandle twice", Rule: "phandle-double", Path: "/flash@0",
		Edit: func(t *fdt.Tree) { Set(At(t, "/flash@0"), "phandle", value(t, "/pl061@9030000", "phandle")) }},
	{Name: "a GPIO of nobody", Rule: "phandle-dangling", Path: "/gpio-keys/poweroff",
		Edit: func(t *fdt.Tree) { Set(At(t, "/gpio-keys/poweroff"), "gpios", Cells(0x9999, 3, 0)) }},
	{Name: "an interrupt-parent that is no node", Rule: "phandle-dangling", Path: "/platform-bus@c000000",
		Edit: func(t *fdt.Tree) { Set(At(t, "/platform-bus@c000000"), "interrupt-parent", Cells(0x9999)) }},
	{Name: "an interrupt-map to nobody", Rule: "phandle-dangling", Path: "/pcie@10000000",
		Edit: func(t *fdt.Tree) { setCell(t, "/pcie@10000000", "interrupt-map", 4, 0x9999) }},
	{Name: "a GPIO controller that does not count its cells", Rule: "phandle-arguments", Path: "/gpio-keys/poweroff",
		Edit: func(t *fdt.Tree) { Delete(At(t, "/pl061@9030000"), "#gpio-cells") }},
	{Name: "a GPIO with a cell too few", Rule: "phandle-arguments", Path: "/gpio-keys/poweroff",
		Edit: func(t *fdt.Tree) { shorten(At(t, "/gpio-keys/poweroff"), "gpios", 4) }},
	{Name: "an msi-map to a GPIO controller", Rule: "msi-controller", Path: "/pcie@10000000",
		Edit: func(t *fdt.Tree) { setCell(t, "/pcie@10000000", "msi-map", 1, phandle(t, "/pl061@9030000")) }},
	{Name: "an alias of nothing", Rule: "alias-dangling", Path: "/aliases",
		Edit: func(t *fdt.Tree) { Set(add(t.Root, "aliases"), "serial7", []byte("/nowhere\x00")) }},

	{Name: "an interrupt parent that takes none", Rule: "interrupt-parent", Path: "/virtio_mmio@a000000",
		Edit: func(t *fdt.Tree) {
			Set(At(t, "/virtio_mmio@a000000"), "interrupt-parent", value(t, "/pl061@9030000", "phandle"))
		}},
	{Name: "an interrupt of two cells", Rule: "interrupts-cells", Path: "/virtio_mmio@a000200",
		Edit: func(t *fdt.Tree) { shorten(At(t, "/virtio_mmio@a000200"), "interrupts", 4) }},
	{Name: "interrupts-extended of two cells", Rule: "interrupts-cells", Path: "/virtio_mmio@a000400",
		Edit: func(t *fdt.Tree) {
			Set(At(t, "/virtio_mmio@a000400"), "interrupts-extended", Cells(phandle(t, "/intc@8000000"), 0, 18))
		}},
	{Name: "an interrupt controller that does not count its cells", Rule: "interrupt-provider", Path: "/pl061@9030000",
		Edit: func(t *fdt.Tree) { Set(At(t, "/pl061@9030000"), "interrupt-controller", nil) }},
	{Name: "a GIC with interrupts of two cells", Rule: "interrupt-provider", Path: "/intc@8000000", Offline: needed,
		Edit: func(t *fdt.Tree) { Set(At(t, "/intc@8000000"), "#interrupt-cells", Cells(2)) }},
	{Name: "an interrupt of a type that the GIC lacks", Rule: "interrupt-gic", Path: "/virtio_mmio@a000600",
		Edit: func(t *fdt.Tree) { setCell(t, "/virtio_mmio@a000600", "interrupts", 0, 7) }},
	{Name: "a number behind the last SPI", Rule: "interrupt-gic", Path: "/virtio_mmio@a000600",
		Edit: func(t *fdt.Tree) { setCell(t, "/virtio_mmio@a000600", "interrupts", 1, 988) }},
	{Name: "an interrupt that nothing triggers", Rule: "interrupt-gic", Path: "/virtio_mmio@a000600",
		Edit: func(t *fdt.Tree) { setCell(t, "/virtio_mmio@a000600", "interrupts", 2, 0) }},
	{Name: "INTA of a slot twice", Rule: "interrupt-map", Path: "/pcie@10000000",
		Edit: func(t *fdt.Tree) { setCell(t, "/pcie@10000000", "interrupt-map", 10+3, 1) }},
	{Name: "a fifth pin", Rule: "interrupt-map", Path: "/pcie@10000000",
		Edit: func(t *fdt.Tree) { setCell(t, "/pcie@10000000", "interrupt-map", 3, 5) }},
	{Name: "an interrupt-map that breaks off", Rule: "interrupt-map", Path: "/pcie@10000000",
		Edit: func(t *fdt.Tree) { shorten(At(t, "/pcie@10000000"), "interrupt-map", 4) }},
	{Name: "a mask of three cells", Rule: "interrupt-map", Path: "/pcie@10000000",
		Edit: func(t *fdt.Tree) { shorten(At(t, "/pcie@10000000"), "interrupt-map-mask", 4) }},

	{Name: "a reg of three cells", Rule: "reg-format", Path: "/virtio_mmio@a000600",
		Edit: func(t *fdt.Tree) { shorten(At(t, "/virtio_mmio@a000600"), "reg", 4) }},
	{Name: "a device in another's registers", Rule: "reg-overlap", Path: "/virtio_mmio@a000800",
		Edit: func(t *fdt.Tree) { setCell(t, "/virtio_mmio@a000800", "reg", 1, 0x9030800) }},
	{Name: "a device in RAM", Rule: "reg-in-memory", Path: "/virtio_mmio@a000800",
		Edit: func(t *fdt.Tree) { setCell(t, "/virtio_mmio@a000800", "reg", 1, 0x50000000) }},
	{Name: "a window of PCI in RAM", Rule: "reg-in-memory", Path: "/pcie@10000000", Offline: needed,
		Edit: func(t *fdt.Tree) { setCell(t, "/pcie@10000000", "ranges", 7+4, 0x50000000) }},
	{Name: "a device that reaches beyond the address space", Rule: "reg-wraps", Path: "/virtio_mmio@a000a00",
		Edit: func(t *fdt.Tree) {
			Set(At(t, "/virtio_mmio@a000a00"), "reg", Cells(1<<32-1, 1<<32-256, 0, 512))
		}},
	{Name: "a device outside its bus's window", Rule: "reg-outside", Path: "/platform-bus@c000000/tpm_tis@3000000",
		Edit: func(t *fdt.Tree) {
			n := add(At(t, "/platform-bus@c000000"), "tpm_tis@3000000")
			Set(n, "compatible", []byte("tcg,tpm-tis-mmio\x00"))
			Set(n, "reg", Cells(0x3000000, 0x5000))
		}},
	{Name: "a device on a bus without ranges", Rule: "reg-outside", Path: "/platform-bus@c000000/virtio@0",
		Edit: func(t *fdt.Tree) {
			bus := At(t, "/platform-bus@c000000")
			Delete(bus, "ranges")
			n := add(bus, "virtio@0")
			Set(n, "compatible", []byte("virtio,mmio\x00"))
			Set(n, "reg", Cells(0, 0x200))
			Set(n, "interrupts", Cells(0, 112, 1))
		}},
	{Name: "ranges of three cells", Rule: "ranges-format", Path: "/platform-bus@c000000",
		Edit: func(t *fdt.Tree) { shorten(At(t, "/platform-bus@c000000"), "ranges", 4) }},
	{Name: "a window of configuration space", Rule: "pci-window", Path: "/pcie@10000000",
		Edit: func(t *fdt.Tree) { setCell(t, "/pcie@10000000", "ranges", 0, 0) }},

	{Name: "RAM described twice", Rule: "memory-overlap", Path: "/memory@50000000", Offline: memoryIsQEMUs,
		Edit: func(t *fdt.Tree) {
			n := add(t.Root, "memory@50000000")
			Set(n, "device_type", []byte("memory\x00"))
			Set(n, "reg", Cells(0, 0x50000000, 0, 0x1000000))
		}},
	{Name: "memory without its type", Rule: "memory-node", Path: "/memory@80000000", Offline: memoryIsQEMUs,
		Edit: func(t *fdt.Tree) { Set(add(t.Root, "memory@80000000"), "reg", Cells(0, 0x80000000, 0, 0x1000000)) }},
	{Name: "reserved memory without ranges", Rule: "reserved-memory", Path: "/reserved-memory",
		Edit: func(t *fdt.Tree) {
			n := add(t.Root, "reserved-memory")
			Set(n, "#address-cells", Cells(2))
			Set(n, "#size-cells", Cells(2))
		}},

	{Name: "CPUs with a size", Rule: "cpus-cells", Path: "/cpus",
		Edit: func(t *fdt.Tree) { Set(At(t, "/cpus"), "#size-cells", Cells(1)) }},
	{Name: "two CPUs of one affinity", Rule: "cpu-double", Path: "/cpus/cpu@1",
		Edit: func(t *fdt.Tree) { Set(At(t, "/cpus/cpu@1"), "reg", Cells(0)) }},
	{Name: "a CPU whose reg is no affinity", Rule: "cpu-node", Path: "/cpus/cpu@3",
		Edit: func(t *fdt.Tree) { Set(At(t, "/cpus/cpu@3"), "reg", Cells(0x1000003)) }},
	{Name: "a CPU that is started in no known way", Rule: "cpu-method", Path: "/cpus/cpu@3",
		Edit: func(t *fdt.Tree) { Set(At(t, "/cpus/cpu@3"), "enable-method", []byte("magic\x00")) }},
	{Name: "a core that is a GPIO controller", Rule: "cpu-map", Path: "/cpus/cpu-map/socket0/cluster0/core3",
		Edit: func(t *fdt.Tree) {
			Set(At(t, "/cpus/cpu-map/socket0/cluster0/core3"), "cpu", value(t, "/pl061@9030000", "phandle"))
		}},

	{Name: "a virtio device without an interrupt", Rule: "binding", Path: "/virtio_mmio@a000c00",
		Edit: func(t *fdt.Tree) { Delete(At(t, "/virtio_mmio@a000c00"), "interrupts") }},
	{Name: "an ITS without #msi-cells", Rule: "binding", Path: "/intc@8000000/its@8080000",
		Edit: func(t *fdt.Tree) { Delete(At(t, "/intc@8000000/its@8080000"), "#msi-cells") }},
	{Name: "a GIC without redistributors", Rule: "binding", Path: "/intc@8000000", Offline: needed,
		Edit: func(t *fdt.Tree) { shorten(At(t, "/intc@8000000"), "reg", 16) }},
	{Name: "a configuration space too small for the buses", Rule: "binding", Path: "/pcie@10000000",
		Edit: func(t *fdt.Tree) { setCell(t, "/pcie@10000000", "reg", 3, 0x1000000) }},
	{Name: "a host bridge without windows", Rule: "binding", Path: "/pcie@10000000",
		Edit: func(t *fdt.Tree) { Delete(At(t, "/pcie@10000000"), "ranges") }},
	{Name: "a clock without a frequency", Rule: "binding", Path: "/apb-pclk", Offline: "the console would have no clock",
		Edit: func(t *fdt.Tree) { Delete(At(t, "/apb-pclk"), "clock-frequency") }},
}

// A BrokenBlob is a flattened tree whose format is broken: nobody boots by one,
// and QEMU packs what it is given anew.
type BrokenBlob struct {
	Name  string
	Rule  string // empty if the tree cannot be read
	Text  string // a part of what is said
	Break func(blob []byte) []byte
}

// Words of the header, by their index.
const (
	magicAt      = 0
	structAt     = 2
	stringsAt    = 3
	reserveAt    = 4
	versionAt    = 5
	stringsSize  = 8
	structSizeAt = 9
)

// Blobs are broken in their format.
var Blobs = []BrokenBlob{
	{"another magic", "", "magic", func(b []byte) []byte { return setWord(b, magicAt, 0xfeedd00d) }},
	{"a structure block that is not aligned", "", "structure block", func(b []byte) []byte { return setWord(b, structAt, word(b, structAt)+2) }},
	{"memory reservations that are not aligned", "blocks-align", "not aligned to 8 bytes", func(b []byte) []byte { return setWord(b, reserveAt, word(b, reserveAt)+4) }},
	{"a strings block beyond the end", "", "strings block", func(b []byte) []byte { return setWord(b, stringsSize, word(b, stringsSize)+1) }},
	{"a version before 17", "header-version", "version 16", func(b []byte) []byte { return setWord(b, versionAt, 16) }},
	{"memory reservations without an end", "reserve-end", "not terminated", func(b []byte) []byte { return setWord(b, reserveAt, uint32(len(b)-8)&^7) }},
	{"a root with a name", "root-name", `called "root"`, func(b []byte) []byte { return insert(b, 4, "root") }},
	{"a node without a name", "node-name", `called ""`, func(b []byte) []byte { return insert(b, -8, "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02") }},
	{"a name that is too long", "name-long", "256 bytes", func(b []byte) []byte {
		return insert(b, -8, "\x00\x00\x00\x01"+strings.Repeat("n", 256)+"\x00\x00\x00\x00\x00\x00\x00\x02")
	}},
	{"a property behind a child", "property-late", "Linux ignores it", func(b []byte) []byte { return insert(b, -8, "\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00") }},
	{"a name outside the strings block", "property-name", "Linux ignores the property", func(b []byte) []byte {
		return insert(b, 8, "\x00\x00\x00\x03\x00\x00\x00\x00\x00\xff\xff\xff")
	}},
	{"a structure block that breaks off", "", "truncated", func(b []byte) []byte { return setWord(b, structSizeAt, word(b, structSizeAt)-8) }},
	{"a structure block in the strings block", "blocks-overlap", "it runs into another",
		func(b []byte) []byte { return setWord(b, structSizeAt, word(b, structSizeAt)+4) }},
	{"something behind FDT_END", "structure-end", "FDT_END is before", func(b []byte) []byte {
		at := word(b, stringsAt)
		b = slices.Insert(bytes.Clone(b), int(at), 0, 0, 0, 4)
		b = setWord(setWord(b, stringsAt, at+4), 1, uint32(len(b)))
		return setWord(b, structSizeAt, word(b, structSizeAt)+4)
	}},
}

// insert puts whole words into the structure block, at a place counted from its
// beginning or its end.
func insert(b []byte, at int, text string) []byte {
	from, size := int(word(b, structAt)), int(word(b, structSizeAt))
	if at < 0 {
		at += size
	}
	b = slices.Insert(bytes.Clone(b), from+at, []byte(text)...)
	b = setWord(b, structSizeAt, uint32(size+len(text)))
	b = setWord(b, stringsAt, word(b, stringsAt)+uint32(len(text)))
	return setWord(b, 1, uint32(len(b)))
}

func word(b []byte, i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }

func setWord(b []byte, i int, w uint32) []byte {
	b = bytes.Clone(b)
	binary.BigEndian.PutUint32(b[4*i:], w)
	return b
}

// At returns the node of that path, which has to be there.
func At(t *fdt.Tree, path string) *fdt.Node {
	n := t.Lookup(path)
	if n == nil {
		panic("no node " + path)
	}
	return n
}

// Set gives a node's property another value.
func Set(n *fdt.Node, name string, v []byte) {
	i := slices.IndexFunc(n.Props, func(p fdt.Prop) bool { return p.Name == name })
	if i < 0 {
		n.Props = append(n.Props, fdt.Prop{Name: name, Value: v})
		return
	}
	n.Props[i].Value = v
}

// Delete takes a property away that has to be there.
func Delete(n *fdt.Node, name string) {
	i := slices.IndexFunc(n.Props, func(p fdt.Prop) bool { return p.Name == name })
	n.Props = slices.Delete(n.Props, i, i+1)
}

// add makes a child, or returns the one that is there.
func add(n *fdt.Node, name string) *fdt.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	c := &fdt.Node{Name: name, Parent: n}
	n.Children = append(n.Children, c)
	return c
}

// Add adds an empty node by its path, below one that is there.
func Add(t *fdt.Tree, at string) { add(At(t, path.Dir(at)), path.Base(at)) }

// Remove takes the node of a path away.
func Remove(t *fdt.Tree, at string) {
	n := At(t, at)
	n.Parent.Children = slices.DeleteFunc(n.Parent.Children, func(c *fdt.Node) bool { return c == n })
}

func value(t *fdt.Tree, path, name string) []byte {
	v, ok := At(t, path).Value(name)
	if !ok {
		panic(path + " has no " + name)
	}
	return v
}

func phandle(t *fdt.Tree, path string) uint32 { return word(value(t, path, "phandle"), 0) }

// setCell changes one cell of a value.
func setCell(t *fdt.Tree, path, name string, i int, c uint32) {
	Set(At(t, path), name, setWord(value(t, path, name), i, c))
}

// shorten takes n bytes off the end of a value.
func shorten(n *fdt.Node, name string, bytes int) {
	v, _ := n.Value(name)
	Set(n, name, v[:len(v)-bytes])
}
