package fdt_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest/guesttest"
)

// realFindings are those of captured guests whose trees are wrong, and why.
var realFindings = map[string][]fdt.Finding{
	// Xen hands dom0 the host's PCI bridge, and not the v2m frame or ITS that
	// the bridge's msi-map names.
	"xen-dom0": {{Rule: "phandle-dangling", Path: "/pcie@10000000", Text: "msi-map: no node has phandle 0x8003"}},
}

func lint(t testing.TB, blob []byte) *fdt.Lint {
	t.Helper()
	l, err := fdt.ReadLint(fstest.MapFS{fdt.Path: {Data: blob}})
	require.NoError(t, err)
	return l
}

// captured reads the tree of a captured guest, to be changed at will.
func captured(t testing.TB, name string) *fdt.Tree {
	t.Helper()
	blob, err := guesttest.Open(t, name).ReadFile(fdt.Path)
	require.NoError(t, err)
	tree, err := fdt.Parse(blob)
	require.NoError(t, err)
	return tree
}

func TestLintCaptured(t *testing.T) {
	for name, files := range guesttest.All(t) {
		t.Run(name, func(t *testing.T) {
			l, err := fdt.ReadLint(files)
			require.NoError(t, err)
			require.Equal(t, realFindings[name], l.Findings)
			require.Equal(t, strings.HasPrefix(name, "qemu-virt-acpi"), l.Empty)
			if !l.Empty {
				require.NotZero(t, min(l.References, l.Interrupts, l.Ranges, l.CPUs, l.Bound), "looked at")
			}
		})
	}
}

func TestLintBreaks(t *testing.T) {
	for _, b := range fdttest.Breaks {
		t.Run(b.Name, func(t *testing.T) {
			tree := captured(t, "qemu-virt-uefi-gicv3")
			b.Edit(tree)
			l := lint(t, fdttest.Encode(tree))
			require.Len(t, l.Findings, 1, l.Findings)
			require.Equal(t, []string{b.Rule, b.Path}, []string{l.Findings[0].Rule, l.Findings[0].Path}, l.Findings[0].Text)
			require.Empty(t, l.More)
		})
	}
}

func TestLintBlobs(t *testing.T) {
	for _, b := range fdttest.Blobs {
		t.Run(b.Name, func(t *testing.T) {
			l := lint(t, b.Break(fdttest.Encode(captured(t, "qemu-virt-uefi-gicv3"))))
			if b.Rule == "" {
				require.Contains(t, l.Malformed, b.Text)
				return
			}
			require.Equal(t, b.Rule, l.Findings[0].Rule)
			require.Contains(t, l.Findings[0].Text, b.Text)
		})
	}
}

func TestReadLint(t *testing.T) {
	l, err := fdt.ReadLint(fstest.MapFS{})
	require.NoError(t, err, "absence is an answer")
	require.Equal(t, &fdt.Lint{}, l)

	eio := errors.New("input/output error")
	_, err = fdt.ReadLint(failingFS{eio})
	require.ErrorIs(t, err, eio)

	require.Contains(t, lint(t, []byte("junk")).Malformed, "header: 4 bytes")

	many := append(words(begin, ""), bytes.Repeat(words(begin, "n", end), 1<<14)...)
	_, err = fdt.ReadLint(fstest.MapFS{fdt.Path: {Data: raw(many, end, last)}})
	require.ErrorContains(t, err, "too many", "a limit of ours is nobody's fault")
}

// Of one rule a few findings are shown, the others counted.
func TestLintMore(t *testing.T) {
	var kids []node
	for i := range 10 {
		kids = append(kids, node{name: fmt.Sprintf("n%d", i), props: []any{"clocks", []uint32{7}}})
	}
	l := lint(t, build(node{kids: kids}))
	require.Len(t, l.Findings, 4)
	require.Equal(t, map[string]int{"phandle-dangling": 6}, l.More)
}

// legal are trees that look odd and break no rule.
func legal() map[string]node {
	cells := func(list ...uint32) []uint32 { return list }
	kid := func(name string, props ...any) node { return node{name: name, props: props} }
	two := []any{"#address-cells", cells(2), "#size-cells", cells(2)}
	one := []any{"#address-cells", cells(1), "#size-cells", cells(1)}
	gic := func(props ...any) node {
		return kid("gic@0", append(props, "compatible", "arm,gic-v3", "interrupt-controller", nil, "phandle", cells(1), "reg", cells(0, 16, 16, 16))...)
	}
	simple := gic("#interrupt-cells", cells(3))
	with := func(props []any, more ...any) []any { return append(props[:len(props):len(props)], more...) }
	return map[string]node{
		"no property at all":            {},
		"a GIC with four cells":         {props: with(one, "interrupt-parent", cells(1)), kids: []node{gic("#interrupt-cells", cells(4)), kid("d", "interrupts", cells(0, 1, 4, 0))}},
		"extended interrupts":           {props: with(one, "interrupt-parent", cells(1)), kids: []node{simple, kid("d", "interrupts-extended", cells(1, 2, 3, 4, 0, 1, 3, 5, 1))}},
		"both kinds of interrupts":      {props: with(one, "interrupt-parent", cells(1)), kids: []node{simple, kid("d", "interrupts", cells(1), "interrupts-extended", cells(1, 0, 3, 4))}},
		"a parent above":                {props: one, kids: []node{{name: "gic", props: []any{"#interrupt-cells", cells(1), "interrupt-controller", nil}, kids: []node{kid("d", "interrupts", cells(7))}}}},
		"linux,phandle beside phandle":  {kids: []node{kid("a", "phandle", cells(5), "linux,phandle", cells(5)), kid("b", "memory-region", cells(5))}},
		"linux,phandle alone":           {kids: []node{kid("a", "linux,phandle", cells(5)), kid("b", "memory-region", cells(5))}},
		"an empty entry":                {kids: []node{kid("a", "phandle", cells(5), "#clock-cells", cells(1)), kid("b", "clocks", cells(0, 5, 1))}},
		"a GPIO hog":                    {kids: []node{{name: "g", props: []any{"#gpio-cells", cells(2)}, kids: []node{kid("hog", "gpio-hog", nil, "gpios", cells(3, 0))}}}},
		"msi-parent without a count":    {kids: []node{kid("a", "phandle", cells(5), "msi-controller", nil), kid("b", "msi-parent", cells(5))}},
		"labels for overlays":           {kids: []node{kid("__symbols__", "clocks", "/soc/clocks", "status", "/soc")}},
		"an alias":                      {kids: []node{kid("aliases", "clocks", "/x"), kid("x")}},
		"a disabled node":               {props: one, kids: []node{kid("d", "status", "disabled", "clocks", cells(9), "interrupts", cells(1), "reg", cells(16, 16)), kid("e", "compatible", "arm,primecell", "reg", cells(16, 16))}},
		"below a disabled node":         {props: one, kids: []node{{name: "bus", props: with(one, "status", "fail-hw", "ranges", nil), kids: []node{kid("d", "interrupts", cells(1), "compatible", "virtio,mmio")}}}},
		"default cells":                 {kids: []node{kid("d", "reg", cells(0, 16, 16))}},
		"cells as Linux inherits them":  {props: two, kids: []node{{name: "bus", props: []any{"ranges", nil}, kids: []node{kid("d", "reg", cells(0, 16, 0, 16))}}}},
		"a bus without ranges":          {props: one, kids: []node{{name: "i2c", props: []any{"#address-cells", cells(1), "#size-cells", cells(0)}, kids: []node{kid("d", "reg", cells(16))}}, kid("e", "compatible", "arm,primecell", "reg", cells(16, 16))}},
		"a bus that only translates":    {props: two, kids: []node{{name: "bus", props: with(one, "ranges", cells(0, 1, 0, 4096)), kids: []node{kid("d", "compatible", "virtio,mmio", "interrupts", cells(1), "interrupt-parent", cells(1), "reg", cells(256, 256))}}, kid("i", "phandle", cells(1), "#interrupt-cells", cells(1), "interrupt-controller", nil)}},
		"a frame in its parent's space": {props: one, kids: []node{{name: "u", props: with(one, "compatible", "arm,primecell", "reg", cells(0, 4096), "ranges", nil), kids: []node{kid("f", "compatible", "arm,primecell", "reg", cells(256, 256))}}}},
		"a shared register":             {props: one, kids: []node{kid("a", "compatible", "syscon", "reg", cells(0, 4096)), kid("b", "compatible", "arm,primecell", "reg", cells(0, 4096))}},
		"devices that touch":            {props: one, kids: []node{kid("a", "compatible", "arm,primecell", "reg", cells(0, 4096)), kid("b", "compatible", "arm,primecell", "reg", cells(4096, 4096))}},
		"a device up to the end":        {props: one, kids: []node{kid("a", "reg", cells(0xfffff000, 4096))}},
		"a frame buffer in RAM":         {props: one, kids: []node{kid("memory@0", "device_type", "memory", "reg", cells(0, 1<<30)), {name: "chosen", kids: []node{kid("f", "compatible", "simple-framebuffer", "reg", cells(0, 0, 256))}}}},
		"reserved memory in RAM": {props: one, kids: []node{kid("memory@0", "device_type", "memory", "reg", cells(0, 1<<30)),
			{name: "reserved-memory", props: with(one, "ranges", nil), kids: []node{kid("r@1000", "reg", cells(4096, 4096)), kid("pool", "size", cells(4096))}}}},
		"a map of one pin for all": {props: one, kids: []node{simple, kid("pcie", "device_type", "pci", "#address-cells", cells(3), "#size-cells", cells(2), "#interrupt-cells", cells(1),
			"interrupt-map-mask", cells(0, 0, 0, 0), "interrupt-map", cells(0, 0, 0, 0, 1, 0, 9, 4))}},
		"a map whose parent has addresses": {props: one, kids: []node{gic("#interrupt-cells", cells(3), "#address-cells", cells(2), "#size-cells", cells(2)),
			kid("pcie", "device_type", "pci", "#address-cells", cells(3), "#size-cells", cells(2), "#interrupt-cells", cells(1), "interrupt-map", cells(0, 0, 0, 1, 1, 0, 0, 0, 9, 4))}},
		"a map by the default of the specification": {props: one, kids: []node{simple, kid("pcie", "device_type", "pci", "#address-cells", cells(3), "#size-cells", cells(2), "#interrupt-cells", cells(1),
			"interrupt-map", cells(0, 0, 0, 1, 1, 0, 0, 0, 9, 4))}},
		"a map of a controller's own": {props: one, kids: []node{simple, kid("irq", "#interrupt-cells", cells(2), "#address-cells", cells(0), "interrupt-controller", nil, "interrupt-map", cells(1, 2))}},
		"threads of one core":         {kids: []node{{name: "cpus", props: []any{"#address-cells", cells(1), "#size-cells", cells(0)}, kids: []node{kid("cpu@0", "device_type", "cpu", "compatible", "a,b", "reg", cells(0, 1)), kid("l2-cache"), kid("cpu@2", "status", "fail")}}}},
		"a method of a vendor's":      {kids: []node{{name: "cpus", props: []any{"#address-cells", cells(2), "#size-cells", cells(0), "enable-method", "acme,smp"}, kids: []node{kid("cpu@0", "device_type", "cpu", "compatible", "a,b", "reg", cells(1, 0))}}}},
		"PSCI 0.1":                    {kids: []node{kid("psci", "compatible", "arm,psci", "cpu_on", cells(1), "cpu_off", cells(2))}},
	}
}

func TestLintLegal(t *testing.T) {
	for name, tree := range legal() {
		t.Run(name, func(t *testing.T) { require.Empty(t, lint(t, build(tree)).Findings) })
	}
	require.Empty(t, lint(t, blob(noReserve, words(nop, begin, "", nop, prop, 4, 0, 7, nop, end, nop, last), []byte("p\x00"))).Findings, "padding")
}

// broken are trees that the captured guests do not lead to.
func TestLintOdd(t *testing.T) {
	cells := func(list ...uint32) []uint32 { return list }
	kid := func(name string, props ...any) node { return node{name: name, props: props} }
	one := []any{"#address-cells", cells(1), "#size-cells", cells(1)}
	cpus := func(kids ...node) node {
		return node{kids: []node{{name: "cpus", props: []any{"#address-cells", cells(1), "#size-cells", cells(0)}, kids: kids}}}
	}
	tests := map[string]struct {
		tree             node
		rule, path, text string
	}{
		"interrupts and no parent":     {node{kids: []node{kid("d", "interrupts", cells(1))}}, "interrupt-parent", "/d", "no interrupt parent"},
		"a parent that is no provider": {node{kids: []node{kid("p", "phandle", cells(1), "#interrupt-cells", cells(1)), kid("d", "interrupt-parent", cells(1))}}, "interrupt-parent", "/d", "no interrupt-controller or interrupt-map in /p"},
		"interrupts of no cell":        {node{kids: []node{{name: "p", props: []any{"#interrupt-cells", cells(0), "interrupt-controller", nil}, kids: []node{kid("d", "interrupts", cells(1))}}}}, "interrupts-cells", "/p/d", "0 cells each"},
		"an empty reg":                 {node{props: one, kids: []node{kid("d", "reg", nil)}}, "reg-format", "/d", "0 bytes"},
		"a child larger than parent's identity": {node{props: []any{"#address-cells", cells(2), "#size-cells", cells(2)},
			kids: []node{kid("bus", append(one[:4:4], "ranges", nil)...)}}, "ranges-format", "/bus", "0 bytes"},
		"a GIC in itself":                    {node{props: one, kids: []node{kid("g", "compatible", "arm,gic-400", "interrupt-controller", nil, "#interrupt-cells", cells(3), "reg", cells(0, 4096, 256, 256))}}, "reg-overlap", "/g", "100-1ff overlaps 0-fff of /g"},
		"a device of 32 bits beyond 4 GiB":   {node{props: one, kids: []node{kid("d", "reg", cells(0xfffff000, 8192))}}, "reg-wraps", "/d", "0x2000 bytes at 0xfffff000"},
		"a CPU without an address":           {cpus(kid("cpu@0", "device_type", "cpu", "compatible", "a,b")), "cpu-node", "/cpus/cpu@0", "0 bytes"},
		"a CPU of no type":                   {cpus(kid("cpu@0", "compatible", "a,b", "reg", cells(0))), "cpu-node", "/cpus/cpu@0", "device_type"},
		"a CPU that is compatible with none": {cpus(kid("cpu@0", "device_type", "cpu", "reg", cells(0))), "cpu-node", "/cpus/cpu@0", "compatible: required of a CPU"},
		"a spin table that is nowhere":       {cpus(kid("cpu@0", "device_type", "cpu", "compatible", "a,b", "reg", cells(0), "enable-method", "spin-table")), "cpu-method", "/cpus/cpu@0", "cpu-release-addr"},
		"memory without an address":          {node{kids: []node{kid("memory", "device_type", "memory")}}, "memory-node", "/memory", "reg: required of memory"},
		"PSCI 0.1 without numbers":           {node{kids: []node{kid("psci", "compatible", "arm,psci", "cpu_on", cells(1))}}, "binding", "/psci", "cpu_off"},
		"too few redistributors": {node{props: one, kids: []node{kid("g", "compatible", "arm,gic-v3", "interrupt-controller", nil, "#interrupt-cells", cells(3),
			"#redistributor-regions", cells(2), "reg", cells(0, 16, 16, 16))}}, "binding", "/g", "2 #redistributor-regions"},
		"buses in the wrong order": {node{props: one, kids: []node{kid("pcie", "compatible", "pci-host-ecam-generic", "device_type", "pci", "#address-cells", cells(3), "#size-cells", cells(2),
			"reg", cells(0, 1<<28), "ranges", cells(0x2000000, 0, 1<<28, 1<<28, 0, 4096), "bus-range", cells(1, 0))}}, "binding", "/pcie", "bus-range"},
		"a host bridge of two cells": {node{props: one, kids: []node{kid("pcie", "compatible", "pci-host-ecam-generic", "device_type", "pci", "#address-cells", cells(2), "#size-cells", cells(2),
			"reg", cells(0, 1<<28), "ranges", cells(0, 1<<28, 1<<28, 0, 4096))}}, "binding", "/pcie", "2 and 2"},
		"windows that overlap on the bus": {node{props: one, kids: []node{kid("pcie", "compatible", "pci-host-ecam-generic", "device_type", "pci", "#address-cells", cells(3), "#size-cells", cells(2),
			"reg", cells(0, 1<<28), "ranges", cells(0x2000000, 0, 1<<28, 1<<28, 0, 4096, 0x2000000, 0, 1<<28, 1<<29, 0, 4096))}}, "reg-overlap", "/pcie", "of /pcie"},
		"reserved pieces that overlap": {node{props: one, kids: []node{{name: "reserved-memory", props: append(one[:4:4], "ranges", nil), kids: []node{
			kid("a", "reg", cells(0, 4096)), kid("b", "reg", cells(256, 256))}}}}, "reg-overlap", "/reserved-memory/b", "of /reserved-memory/a"},
		"an iommu-map that breaks off": {node{kids: []node{kid("p", "iommu-map", cells(0, 1, 2))}}, "phandle-arguments", "/p", "12 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := lint(t, build(test.tree))
			require.Len(t, l.Findings, 1)
			f := l.Findings[0]
			require.Equal(t, []string{test.rule, test.path}, []string{f.Rule, f.Path}, f.Text)
			require.Contains(t, f.Text, test.text)
		})
	}
}
