package fdt_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest/guesttest"
)

// hostileLint are trees that make the most of what is looked up and compared.
func hostileLint() map[string][]byte {
	const room = fdt.MaxSize - 1<<19
	one := []any{"#address-cells", []uint32{1}, "#size-cells", []uint32{1}}
	repeat := func(bytesOf int, list ...uint32) []byte {
		return bytes.Repeat(fdttest.Cells(list...), bytesOf/4/len(list))
	}
	kids := func(n int, props ...any) (out []node) {
		for i := range n {
			out = append(out, node{name: fmt.Sprintf("n%d", i), props: props})
		}
		return out
	}
	many := []any{"phandle", []uint32{1}, "#interrupt-cells", []uint32{1}, "interrupt-controller", nil}
	for i := range 20_000 {
		many = append(many, fmt.Sprintf("p%d", i), nil)
	}
	huge := []any{"phandle", []uint32{1}, "compatible", append(bytes.Repeat([]byte("ab\x00"), 1000), make([]byte, 1)...)}
	trees := map[string]node{
		"ranges of one reg":          {props: one, kids: kids(1, "compatible", "arm,primecell", "reg", repeat(room, 4096, 8192))},
		"as many devices in one":     {props: one, kids: kids(12_000, "compatible", "arm,primecell", "reg", []uint32{0, 4096})},
		"memory in memory":           {props: one, kids: kids(2, "device_type", "memory", "reg", repeat(room/2, 0, 1<<31))},
		"windows for all":            {props: one, kids: []node{{name: "bus", props: append(one[:4:4], "ranges", repeat(room/2, 9, 9, 1)), kids: kids(8000, "compatible", "virtio,mmio", "interrupts", nil, "reg", []uint32{0, 1})}}},
		"a node of many properties":  {kids: append([]node{{name: "p", props: many}}, kids(4000, "interrupts-extended", repeat(96, 1, 1))...)},
		"references to one node":     {kids: append(kids(1, "clocks", repeat(room, 1)), node{name: "c", props: []any{"phandle", []uint32{1}, "#clock-cells", []uint32{0}}})},
		"a list of names to look at": {kids: append(kids(4000, "interrupt-parent", []uint32{1}, "interrupts", repeat(96, 1)), node{name: "c", props: append(huge, "#interrupt-cells", []uint32{1}, "interrupt-controller", nil)})},
		"an interrupt-map":           {kids: []node{{name: "c", props: append(slices.Clone(many[:6]), "#address-cells", []uint32{0})}, {name: "n", props: []any{"#interrupt-cells", []uint32{1}, "#address-cells", []uint32{0}, "interrupt-map", repeat(room, 1, 1, 1)}}}},
		"a phandle of all":           {kids: kids(12_000, "phandle", []uint32{1})},
		"aliases of nothing":         {kids: []node{{name: "aliases", props: many}, {name: "x", kids: kids(9000)}}},
	}
	out := hostile()
	for name, tree := range trees {
		out[name] = build(tree)
	}
	return out
}

// A hostile tree costs PID 1 no more memory and time than it has.
func TestLintIsBounded(t *testing.T) {
	const most = 48 << 20 // allocated in all, not at once
	for name, blob := range hostileLint() {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, len(blob), fdt.MaxSize)
			tree, err := fdt.Parse(blob) // with an error, what could be read
			began := time.Now()
			var l *fdt.Lint
			require.LessOrEqual(t, spent(func() { l, err = fdt.LintTree(tree) }), uint64(most))
			require.Less(t, time.Since(began), 2*time.Second)
			if err == nil {
				checkLint(t, l)
			}
		})
	}
}

// checkLint holds findings against what is promised of them.
func checkLint(t *testing.T, l *fdt.Lint) {
	shown := map[string]int{}
	for _, f := range l.Findings {
		require.NotEmpty(t, f.Text)
		require.Regexp(t, "^/", f.Path)
		shown[f.Rule]++
	}
	for rule, n := range shown {
		require.LessOrEqual(t, n, 4, rule)
	}
	for _, rule := range slices.Collect(maps.Keys(l.More)) {
		require.Equal(t, 4, shown[rule], rule)
	}
}

func FuzzLint(f *testing.F) {
	for _, files := range guesttest.All(f) {
		text, err := files.ReadFile(fdt.Path)
		require.NoError(f, err)
		tree, err := fdt.Parse(text)
		require.NoError(f, err)
		f.Add(compact(tree))
	}
	for _, b := range fdttest.Breaks {
		tree := captured(f, "qemu-virt-uefi-gicv3")
		b.Edit(tree)
		f.Add(fdttest.Encode(tree))
	}
	for _, tree := range legal() {
		f.Add(build(tree))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := fdt.ReadLint(fstest.MapFS{fdt.Path: {Data: data}})
		if err != nil {
			return
		}
		checkLint(t, l)
		if _, err := fdt.Parse(data); err != nil {
			require.NotEmpty(t, l.Malformed)
		}
	})
}
