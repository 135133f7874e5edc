package fdt_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
)

func parse(t testing.TB, root node) *fdt.Tree {
	t.Helper()
	tree, err := fdt.Parse(build(root))
	require.NoError(t, err)
	return tree
}

func TestLookup(t *testing.T) {
	tree := parse(t, node{kids: []node{
		{name: "aliases", props: []any{
			"serial0", "/soc/uart@9000", "relative", "soc", "list", []string{"/soc", "/soc"}, "nowhere", "/none", "empty", ""}},
		{name: "memory@0"},
		{name: "memory", kids: []node{{name: "below"}}},
		{name: "soc", kids: []node{{name: "uart@9000", kids: []node{{name: "port"}}}}},
	}})
	tests := map[string]struct{ name, want string }{
		"no such node":                     {"/none", ""},
		"no such child":                    {"/soc/uart@9000/none", ""},
		"unit address that differs":        {"/soc/uart@9001", ""},
		"no such alias":                    {"serial1", ""},
		"alias to a relative path":         {"relative", ""},
		"alias that is a list":             {"list", "/soc"},
		"alias to nowhere":                 {"nowhere", ""},
		"alias of no length":               {"empty", ""},
		"nothing":                          {"", ""},
		"root":                             {"/", "/"},
		"slash too many":                   {"//soc/", "/soc"},
		"full path":                        {"/soc/uart@9000", "/soc/uart@9000"},
		"without unit address":             {"/soc/uart/port", "/soc/uart@9000/port"},
		"exact name before unit addresses": {"/memory/below", "/memory/below"},
		"alias":                            {"serial0", "/soc/uart@9000"},
		"alias with a path behind":         {"serial0/port", "/soc/uart@9000/port"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := tree.Lookup(test.name)
			if test.want == "" {
				require.Nil(t, n)
				return
			}
			require.NotNil(t, n)
			require.Equal(t, test.want, n.Path())
		})
	}
	require.Nil(t, parse(t, node{}).Lookup("serial0"), "a tree without aliases")
}

func TestReg(t *testing.T) {
	cells := func(v uint32) []uint32 { return []uint32{v} }
	tests := map[string]struct {
		parent []any
		reg    any
		want   []fdt.Range // nil: an error
	}{
		"no reg":                     {nil, nil, nil},
		"reg of no cells":            {nil, []uint32{}, nil},
		"reg of three bytes":         {nil, []byte{1, 2, 3}, nil},
		"cells left over":            {nil, []uint32{0, 1, 2, 3}, []fdt.Range{{Start: 1, Size: 2}}},
		"addresses of no cell":       {[]any{"#address-cells", cells(0)}, []uint32{1}, nil},
		"addresses of three cells":   {[]any{"#address-cells", cells(3)}, []uint32{0, 0, 1, 1}, nil},
		"sizes of three cells":       {[]any{"#size-cells", cells(3)}, []uint32{0, 0, 0, 0, 1}, nil},
		"cell count that overflows":  {[]any{"#size-cells", cells(0xffff_ffff)}, []uint32{0, 0, 1}, nil},
		"defaults, two and one":      {nil, []uint32{1, 2, 3}, []fdt.Range{{Start: 1<<32 | 2, Size: 3}}},
		"cell count that is no cell": {[]any{"#address-cells", []byte{1}}, []uint32{0, 2, 3}, []fdt.Range{{Start: 2, Size: 3}}},
		"one and one, twice": {[]any{"#address-cells", cells(1)}, []uint32{1, 2, 3, 4},
			[]fdt.Range{{Start: 1, Size: 2}, {Start: 3, Size: 4}}},
		"no sizes":    {[]any{"#address-cells", cells(1), "#size-cells", cells(0)}, []uint32{7}, []fdt.Range{{Start: 7}}},
		"two and two": {[]any{"#size-cells", cells(2)}, []uint32{0, 1, 2, 3}, []fdt.Range{{Start: 1, Size: 2<<32 | 3}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var props []any
			if test.reg != nil {
				props = []any{"reg", test.reg}
			}
			tree := parse(t, node{props: test.parent, kids: []node{{name: "n", props: props}}})
			got, err := tree.Root.Children[0].Reg()
			if test.want == nil {
				require.ErrorContains(t, err, "/n: reg does not fit")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	_, err := parse(t, node{props: []any{"reg", []uint32{0, 0, 1}}}).Root.Reg()
	require.Error(t, err, "the root has no parent to count by")
}

func TestRange(t *testing.T) {
	require.Equal(t, "1000-2fff", fdt.Range{Start: 0x1000, Size: 0x2000}.String())
	require.EqualValues(t, 0x3000, fdt.Range{Start: 0x1000, Size: 0x2000}.End())
	for _, beyond := range []fdt.Range{{Start: 1, Size: math.MaxUint64}, {Start: math.MaxUint64, Size: 2}} {
		require.EqualValues(t, uint64(math.MaxUint64), beyond.End(), "what reaches beyond the space")
	}
}

func TestValues(t *testing.T) {
	root := parse(t, node{props: []any{
		"none", nil, "unended", []byte("abc"), "one", "a", "two", []string{"a", "b"}, "cell", []uint32{1, 0xffff_ffff}, "odd", []byte{1, 2, 3},
	}}).Root
	tests := map[string]struct {
		strings  []string
		cells    []uint32
		isString bool
	}{
		"absent":  {nil, nil, false},
		"none":    {nil, []uint32{}, false},
		"unended": {[]string{"abc"}, nil, true},
		"odd":     {[]string{"\x01\x02\x03"}, nil, true},
		"one":     {[]string{"a"}, nil, true},
		"two":     {[]string{"a", "b"}, []uint32{}, true},
		"cell":    {[]string{"", "", "", "\x01\xff\xff\xff\xff"}, []uint32{1, 0xffff_ffff}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, ok := root.Strings(name)
			require.Equal(t, test.strings, list)
			require.Equal(t, test.strings != nil, ok)
			one, ok := root.String(name)
			require.Equal(t, test.isString, ok)
			if ok {
				require.Equal(t, test.strings[0], one)
			}
			if name != "two" { // four bytes may be a cell too
				cells, ok := root.Cells(name)
				require.Equal(t, test.cells, cells)
				require.Equal(t, test.cells != nil, ok)
			}
		})
	}
}

func TestEnabled(t *testing.T) {
	tests := map[string]struct {
		status any
		want   bool
	}{
		"without a NUL": {[]byte("okay"), true},
		"of no length":  {[]byte{}, false},
		"two strings":   {[]string{"okay", "fail"}, true},
		"disabled":      {"disabled", false},
		"reserved":      {"reserved", false},
		"okay":          {"okay", true},
		"ok, as of old": {"ok", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, parse(t, node{props: []any{"status", test.status}}).Root.Enabled())
		})
	}
	require.True(t, parse(t, node{}).Root.Enabled(), "absent")
}
