package fdt_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Of several nodes Linux takes one, and so does each reader.
func TestNodesToBootBy(t *testing.T) {
	timer := func(name string, props ...any) node {
		return node{name: name, props: append(props, "compatible", "arm,armv8-timer")}
	}
	psci := func(name string, props ...any) node {
		return node{name: name, props: append(props, "compatible", "arm,psci-1.0", "method", "smc")}
	}
	off := []any{"status", "disabled"}
	memory := node{name: "memory@0", props: []any{"device_type", "memory"}}
	tree := parse(t, node{kids: []node{timer("t-off", off...), timer("t-1"), timer("t-2"), psci("p-1"), psci("p-2", off...), memory, {name: "soc", kids: []node{memory}}}})
	require.Equal(t, "/t-1", tree.TimerNode().Path(), "the first that is enabled")
	require.Equal(t, "/p-1", tree.PSCINode().Path())
	require.Equal(t, "smc", tree.PSCINode().PSCIMethod())
	require.Len(t, tree.MemoryNodes(), 1, "children of the root")
	tree = parse(t, node{kids: []node{psci("p-off", off...), psci("p-2")}})
	require.Nil(t, tree.PSCINode(), "Linux looks at the first only")
	require.Nil(t, tree.TimerNode())
	require.Empty(t, tree.MemoryNodes())
}

func TestGIC(t *testing.T) {
	for name, want := range map[string]int{"arm,pl390": 1, "arm,gic-400": 2, "arm,gic-v3": 3, "arm,gic-v5": 5, "acme,intc": 0} {
		version, by := parse(t, node{props: []any{"compatible", []string{"acme,first", name}}}).Root.GIC()
		require.Equal(t, want, version)
		require.Equal(t, want > 0, by == name)
	}
}

func TestInterruptsCPUs(t *testing.T) {
	tests := map[string]struct {
		props []any
		want  bool
	}{
		"no controller":                   {nil, false},
		"a root":                          {[]any{"interrupt-controller", nil}, true},
		"its own parent":                  {[]any{"interrupt-controller", nil, "phandle", []uint32{1}, "interrupt-parent", []uint32{1}, "interrupts", []uint32{9}}, true},
		"of another's":                    {[]any{"interrupt-controller", nil, "interrupt-parent", []uint32{2}}, false},
		"of nobody's":                     {[]any{"interrupt-controller", nil, "interrupt-parent", []uint32{3}}, false},
		"with interrupts, and no parent":  {[]any{"interrupt-controller", nil, "interrupts", []uint32{9}}, false},
		"with an extended interrupt":      {[]any{"interrupt-controller", nil, "interrupts-extended", []uint32{2, 9}}, false},
		"pins":                            {[]any{"interrupt-controller", nil, "gpio-controller", nil}, false},
		"a GIC whose parent is not there": {[]any{"interrupt-controller", nil, "compatible", "arm,gic-400", "interrupt-parent", []uint32{3}}, true},
		"a GIC that is no controller":     {[]any{"compatible", "arm,gic-400"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			other := node{name: "other", props: []any{"phandle", []uint32{2}, "#interrupt-cells", []uint32{1}}}
			tree := parse(t, node{kids: []node{{name: "n", props: test.props}, other}})
			require.Equal(t, test.want, tree.Lookup("/n").InterruptsCPUs(tree.Phandles()))
		})
	}
}
