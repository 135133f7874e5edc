package fdt_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
)

func TestWindows(t *testing.T) {
	one := func(n uint32) []uint32 { return []uint32{n} }
	wide := []any{"#address-cells", one(2), "#size-cells", one(1)}
	tests := map[string]struct {
		props  []any
		want   []fdt.Window
		passes bool
	}{
		"no ranges":        {wide, nil, false},
		"empty ranges":     {append(wide, "ranges", nil), nil, true},
		"no whole entry":   {append(wide, "ranges", []uint32{1, 2, 3, 4}), nil, false},
		"one entry":        {append(wide, "ranges", []uint32{0, 1, 0, 2, 3}), []fdt.Window{{Range: fdt.Range{Start: 2, Size: 3}, Child: 1}}, true},
		"a part is left":   {append(wide, "ranges", []uint32{0, 1, 0, 2, 3, 9}), []fdt.Window{{Range: fdt.Range{Start: 2, Size: 3}, Child: 1}}, true},
		"of PCI":           {[]any{"#address-cells", one(3), "#size-cells", one(1), "ranges", []uint32{0x2000000, 0, 1, 0, 2, 3}}, []fdt.Window{{Range: fdt.Range{Start: 2, Size: 3}, Child: 1}}, true},
		"sizes too wide":   {[]any{"#address-cells", one(1), "#size-cells", one(3), "ranges", []uint32{0, 0, 2, 0, 0, 3}}, nil, false},
		"no address cells": {[]any{"#address-cells", one(0), "ranges", []uint32{0, 0, 2}}, nil, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tree := parse(t, node{kids: []node{{name: "bus", props: test.props}}})
			windows, passes := tree.Lookup("/bus").Windows()
			require.Equal(t, test.want, windows)
			require.Equal(t, test.passes, passes)
		})
	}
	_, passes := parse(t, node{props: []any{"ranges", nil}}).Root.Windows()
	require.False(t, passes, "the root has no parent")
}

func TestPlaces(t *testing.T) {
	cell := func(list ...uint32) []uint32 { return list }
	bus := func(ranges any, kids ...node) node {
		return node{name: "bus", props: []any{"#address-cells", cell(1), "#size-cells", cell(1), "ranges", ranges}, kids: kids}
	}
	dev := node{name: "dev", props: []any{"reg", cell(0x10, 4)}}
	tests := map[string]struct {
		bus  node
		want []fdt.Range
	}{
		"as it is":      {bus(nil, dev), []fdt.Range{{Start: 0x10, Size: 4}}},
		"moved":         {bus(cell(0, 0, 0x1000, 0x100), dev), []fdt.Range{{Start: 0x1010, Size: 4}}},
		"in no window":  {bus(cell(0x100, 0, 0x1000, 0x100), dev), nil},
		"the second":    {bus(cell(0x100, 0, 0x1000, 0x100, 0, 0, 0x2000, 0x100), dev), []fdt.Range{{Start: 0x2010, Size: 4}}},
		"without a reg": {bus(nil, node{name: "dev"}), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tree := parse(t, node{kids: []node{test.bus}})
			require.Equal(t, test.want, tree.Lookup("/bus/dev").Places())
		})
	}
}

func TestINTID(t *testing.T) {
	gic := func(compatible string, n uint32) node {
		return node{name: "gic", props: []any{"compatible", compatible, "interrupt-controller", nil, "#interrupt-cells", []uint32{n}, "phandle", []uint32{1}}}
	}
	tests := map[string]struct {
		gic   node
		props []any
		want  []uint32
	}{
		"SPI and PPI":          {gic("arm,gic-400", 3), []any{"interrupt-parent", []uint32{1}, "interrupts", []uint32{0, 1, 4, 1, 11, 4}}, []uint32{33, 27}},
		"four cells":           {gic("arm,gic-v3", 4), []any{"interrupt-parent", []uint32{1}, "interrupts", []uint32{1, 7, 4, 99, 1, 11, 4, 0}}, []uint32{23, 27}},
		"extended come first":  {gic("arm,gic-v3", 3), []any{"interrupts-extended", []uint32{1, 2, 0, 4}, "interrupts", []uint32{0, 1, 4}}, []uint32{4096}},
		"a GICv5's SPI":        {gic("arm,gic-v5", 3), []any{"interrupt-parent", []uint32{1}, "interrupts", []uint32{3, 1, 4}}, []uint32{fdt.GICv5(3, 1)}},
		"no parent":            {gic("arm,gic-v3", 3), []any{"interrupts", []uint32{0, 1, 4}}, nil},
		"a parent of no cells": {gic("arm,gic-v3", 0), []any{"interrupt-parent", []uint32{1}, "interrupts", []uint32{0, 1, 4}}, nil},
		"cut":                  {gic("arm,gic-v3", 3), []any{"interrupt-parent", []uint32{1}, "interrupts", []uint32{0, 1}}, nil},
		"another controller":   {gic("acme,intc", 1), []any{"interrupt-parent", []uint32{1}, "interrupts", []uint32{5}}, nil},
		"a kind of none":       {gic("arm,gic-v3", 3), []any{"interrupt-parent", []uint32{1}, "interrupts", []uint32{7, 1, 4}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tree := parse(t, node{kids: []node{test.gic, {name: "dev", props: test.props}}})
			var got []uint32
			for _, l := range tree.Lookup("/dev").Lines(tree.Phandles()) {
				if id, ok := l.INTID(); ok {
					got = append(got, id)
				}
			}
			require.Equal(t, test.want, got)
		})
	}
}
