package fdt_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
)

func facts(t testing.TB, blob []byte) *fdt.Facts {
	t.Helper()
	f, err := fdt.Read(fstest.MapFS{fdt.Path: {Data: blob}})
	require.NoError(t, err)
	return f
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func TestReadWithoutATree(t *testing.T) {
	f, err := fdt.Read(fstest.MapFS{})
	require.NoError(t, err, "absence is an answer")
	require.Equal(t, &fdt.Facts{}, f)

	eio := errors.New("input/output error")
	_, err = fdt.Read(failingFS{eio})
	require.ErrorIs(t, err, eio)

	f, err = fdt.Read(fstest.MapFS{fdt.Path: {Data: []byte("junk")}})
	require.NoError(t, err, "damage is the platform's")
	require.True(t, f.Present && f.Empty())
	require.Contains(t, f.Broken, "header: 4 bytes")
}

func TestFactsNodes(t *testing.T) {
	disabled := []any{"status", "disabled"}
	cpu := func(name string, props ...any) node {
		return node{name: name, props: append([]any{"device_type", "cpu"}, props...)}
	}
	f := facts(t, build(node{
		props: []any{"model", "m", "compatible", []string{"a,b", "c,d"}},
		kids: []node{
			{name: "cpus", kids: []node{
				cpu("cpu@0", "enable-method", "psci"), cpu("cpu@1"), cpu("cpu@2", disabled...),
				{name: "cpu@3", props: []any{"device_type", []byte("cpu")}}, // no NUL
				cpu("cpu@4", "status", "fail-test"), {name: "cpu@5"}, cpu("thread@6", "reg", []uint32{0, 0}), {name: "l2-cache"},
			}},
			{name: "memory@0", props: []any{"device_type", "memory", "reg", []uint32{0, 0, 1}}},
			{name: "memory@1", props: []any{"device_type", "memory", "reg", []uint32{0, 0, 0}}},
			{name: "memory@4", props: []any{"device_type", "memory", "reg", []uint32{0, 0, 0, 0, 1, 1}}}, // the second has a size
			{name: "memory@2", props: []any{"device_type", "memory", "reg", []uint32{0}}},
			{name: "memory@3", props: []any{"device_type", "memory"}},
			{name: "timer", props: []any{"compatible", "arm,armv8-timer"}},
			{name: "psci", props: []any{"compatible", []string{"arm,psci-1.0", "arm,psci-0.2"}, "method", "smc"}},
			{name: "intc", props: []any{"interrupt-controller", nil}},
			{name: "intc-off", props: append([]any{"interrupt-controller", nil}, disabled...)},
			{name: "uart", props: []any{"compatible", "arm,pl011"}},
		},
	}))
	require.Equal(t, &fdt.Facts{
		Present: true, Size: f.Size, Nodes: 20, Model: "m", Compatible: []string{"a,b", "c,d"},
		Top:  []string{"cpus", "memory@0", "memory@1", "memory@4", "memory@2", "memory@3", "timer", "psci", "intc", "intc-off", "uart"},
		CPUs: 6, NoMethod: []string{"/cpus/cpu@1", "/cpus/cpu@2", "/cpus/cpu@3", "/cpus/cpu@5"}, Memory: 2, Timer: "/timer", PSCI: "/psci",
		Controllers: []string{"/intc"}, Consoles: []string{"/uart"},
	}, f)
	require.False(t, f.Empty())
}

// PSCI is asked only by a CPU that it starts.
func TestNoPSCI(t *testing.T) {
	cpus := func(method string) node {
		return node{name: "cpus", props: []any{"enable-method", method}, kids: []node{{name: "cpu@0"}, {name: "cpu@1"}}}
	}
	require.Equal(t, []string{"/cpus/cpu@0", "/cpus/cpu@1"}, facts(t, build(node{kids: []node{cpus("psci")}})).NoPSCI)
	require.Empty(t, facts(t, build(node{kids: []node{cpus("spin-table")}})).NoPSCI)
	psci := node{name: "psci", props: []any{"compatible", "arm,psci", "method", "smc"}}
	require.Empty(t, facts(t, build(node{kids: []node{cpus("psci"), psci}})).NoPSCI)
}

func TestEnableMethod(t *testing.T) {
	cpu := func(props ...any) node { return node{name: "cpu@0", props: append(props, "device_type", "cpu")} }
	tests := map[string]struct {
		cpus, cpu []any
		want      string
	}{
		"nowhere":           {nil, nil, ""},
		"of the parent's":   {[]any{"enable-method", "psci"}, nil, "psci"},
		"of its own":        {nil, []any{"enable-method", "psci"}, "psci"},
		"of its own, first": {[]any{"enable-method", "psci"}, []any{"enable-method", "spin-table"}, "spin-table"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := node{kids: []node{{name: "cpus", props: test.cpus, kids: []node{cpu(test.cpu...)}}}}
			method, ok := parse(t, root).Lookup("/cpus/cpu@0").EnableMethod()
			require.Equal(t, test.want, method)
			require.Equal(t, test.want != "", ok)
			require.Equal(t, !ok, len(facts(t, build(root)).NoMethod) == 1)
		})
	}
	_, ok := parse(t, node{}).Root.EnableMethod()
	require.False(t, ok, "the root has no parent to ask")
}

func TestFactsMissing(t *testing.T) {
	tests := map[string]node{
		"timer that is switched off": {name: "timer", props: []any{"compatible", "arm,armv8-timer", "status", "disabled"}},
		"psci without a method":      {name: "psci", props: []any{"compatible", "arm,psci"}},
		"psci of another method":     {name: "psci", props: []any{"compatible", "arm,psci", "method", "svc"}},
		"compatible of nothing":      {name: "timer", props: []any{"compatible", []byte{}}},
	}
	for name, n := range tests {
		t.Run(name, func(t *testing.T) {
			f := facts(t, build(node{kids: []node{n}}))
			require.Empty(t, f.Timer+f.PSCI)
			require.True(t, f.Empty(), "it describes no machine")
		})
	}
}

func TestFactsChosen(t *testing.T) {
	tests := map[string]struct {
		stdout     any
		want, node string
	}{
		"no stdout-path":          {nil, "", ""},
		"stdout-path without NUL": {[]byte("/uart"), "/uart", "/uart"},
		"options only":            {":115200", ":115200", ""},
		"nowhere":                 {"/none:115200", "/none:115200", ""},
		"disabled node":           {"/off", "/off", ""},
		"path with options":       {"/uart:115200n8", "/uart:115200n8", "/uart"},
		"alias":                   {"serial0", "serial0", "/uart"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			chosen := node{name: "chosen"}
			if test.stdout != nil {
				chosen.props = []any{"stdout-path", test.stdout}
			}
			f := facts(t, build(node{kids: []node{
				{name: "aliases", props: []any{"serial0", "/uart"}}, chosen, {name: "uart"},
				{name: "off", props: []any{"status", "disabled"}},
			}}))
			require.True(t, f.Chosen)
			require.Equal(t, test.want, f.Stdout)
			require.Equal(t, test.node, f.StdoutNode)
		})
	}
	require.False(t, facts(t, build(node{})).Chosen)
}
