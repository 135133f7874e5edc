package fdt_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/guest/guesttest"
)

// Tokens: Devicetree Specification 0.4, section 5.4.1. The test has its own,
// so that a wrong constant in the reader shows.
const (
	begin = uint32(1)
	end   = uint32(2)
	prop  = uint32(3)
	nop   = uint32(4)
	last  = uint32(9)
)

// Words of the header that tests break, by their index: section 5.2.
const (
	hdrMagic = iota
	hdrTotal
	hdrStruct
	hdrStrings
	hdrReserve
	hdrVersion
	hdrLastComp
	_
	hdrStringsSize
	hdrStructSize
)

// blob lays out header, reserve map, structure and strings, in this order.
func blob(reserve, structure, strs []byte) []byte {
	at := uint32(40)
	reserveAt := at
	at += uint32(len(reserve))
	structAt := at
	at += uint32(len(structure))
	head := []uint32{0xd00dfeed, at + uint32(len(strs)), structAt, at, reserveAt, 17, 16, 0, uint32(len(strs)), uint32(len(structure))}
	var out bytes.Buffer
	for _, w := range head {
		out.Write(binary.BigEndian.AppendUint32(nil, w))
	}
	out.Write(reserve)
	out.Write(structure)
	out.Write(strs)
	return out.Bytes()
}

// words encodes tokens and numbers as they are, strings with their NUL and
// padding, bytes with their padding.
func words(list ...any) []byte {
	var out []byte
	for _, w := range list {
		switch w := w.(type) {
		case uint32:
			out = binary.BigEndian.AppendUint32(out, w)
		case int:
			out = binary.BigEndian.AppendUint32(out, uint32(w))
		case string:
			out = append(append(out, w...), 0)
		case []byte:
			out = append(out, w...)
		}
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	return out
}

var noReserve = make([]byte, 16)

// raw is a tree with this structure block; the only property name is "p".
func raw(list ...any) []byte { return blob(noReserve, words(list...), []byte("p\x00")) }

// A node is a tree as a test writes it down.
type node struct {
	name  string
	props []any // name, value, name, value…
	kids  []node
}

// build flattens a tree. A value is nil, a string, a list of strings or cells,
// or bytes.
func build(root node) []byte {
	var strs []byte
	structure := append(flatten(root, &strs), words(last)...)
	return blob(noReserve, structure, strs)
}

func flatten(n node, strs *[]byte) []byte {
	out := words(begin, n.name)
	for i := 0; i < len(n.props); i += 2 {
		value := propBytes(n.props[i+1])
		out = append(out, words(prop, len(value), len(*strs), value)...)
		*strs = append(append(*strs, n.props[i].(string)...), 0)
	}
	for _, kid := range n.kids {
		out = append(out, flatten(kid, strs)...)
	}
	return append(out, words(end)...)
}

func propBytes(v any) []byte {
	switch v := v.(type) {
	case string:
		return append([]byte(v), 0)
	case []string:
		return append([]byte(strings.Join(v, "\x00")), 0)
	case []uint32:
		var out []byte
		for _, c := range v {
			out = binary.BigEndian.AppendUint32(out, c)
		}
		return out
	case []byte:
		return v
	}
	return nil
}

func TestParseHeader(t *testing.T) {
	good := build(node{})
	total := uint32(len(good))
	tests := map[string]struct {
		word  int
		value uint32
		want  string
	}{
		"magic in the wrong byte order":          {hdrMagic, 0xedfe0dd0, "magic"},
		"total size over the limit":              {hdrTotal, fdt.MaxSize + 1, "total size 2097153 is over"},
		"total size over the bytes there are":    {hdrTotal, total + 1, "total size"},
		"total size smaller than the header":     {hdrTotal, 39, "structure block"},
		"version too old":                        {hdrVersion, 3, "version 3, compatible down to 16"},
		"version older than it is compatible to": {hdrLastComp, 18, "compatible down to 18"},
		"version not compatible":                 {hdrLastComp, 18, "compatible down to 18"},
		"structure block in the header":          {hdrStruct, 36, "structure block"},
		"structure block behind the end":         {hdrStruct, total, "structure block"},
		"structure block longer than the tree":   {hdrStructSize, total, "structure block"},
		"structure block's end overflows":        {hdrStructSize, 0xffff_fff0, "structure block"},
		"structure block empty":                  {hdrStructSize, 0, "truncated"},
		"strings block in the header":            {hdrStrings, 0, "strings block"},
		"strings block behind the end":           {hdrStrings, total + 1, "strings block"},
		"strings block longer than the tree":     {hdrStringsSize, total, "strings block"},
		"strings block's end overflows":          {hdrStringsSize, 0xffff_ffff, "strings block"},
		"memory reservations in the header":      {hdrReserve, 32, "memory reservation"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bad := bytes.Clone(good)
			binary.BigEndian.PutUint32(bad[4*test.word:], test.value)
			_, err := fdt.Parse(bad)
			require.ErrorContains(t, err, test.want)
		})
	}
	for _, size := range []int{0, 4, 39} {
		_, err := fdt.Parse(good[:size])
		require.ErrorContains(t, err, "want at least 40")
	}
}

func TestParseStructure(t *testing.T) {
	deep := func(n int) []byte {
		out := words(begin, "")
		for range n - 1 {
			out = append(out, words(begin, "n")...)
		}
		for range n {
			out = append(out, words(end)...)
		}
		return append(out, words(last)...)
	}
	// many repeats words between the root's begin and end.
	many := func(n int, list ...any) []byte {
		out := append(words(begin, ""), bytes.Repeat(words(list...), n)...)
		return append(out, words(end, last)...)
	}
	tests := map[string]struct {
		structure []byte
		want      string // empty: the tree is good
	}{
		"no root":                   {words(last), "token 9 where the root"},
		"property before the root":  {words(prop, 0, 0), "token 3 where the root"},
		"only padding":              {words(nop, nop), "truncated"},
		"name without end":          {append(words(begin, "", begin), "abcd"...), "name does not end"},
		"property cut in its head":  {words(begin, "", prop, 4), "truncated"},
		"property cut in its value": {words(begin, "", prop, 8, 0, 1), "8 bytes is truncated"},
		"property length overflows": {words(begin, "", prop, uint32(0xffff_fffe), 0, end, last), "4294967294 bytes is truncated"},
		"unknown token":             {words(begin, "", 7, end, last), "token 7"},
		"end within the root":       {words(begin, "", last), "token 9"},
		"nested too deep":           {deep(65), "65 deep"},
		"too many nodes":            {many(1<<14, begin, "n", end), "too many"},
		"too many properties":       {many(1<<16+1, prop, 0, 0), "more than 65536"},

		"padding everywhere":      {words(nop, begin, "", nop, prop, 0, 0, nop, end, nop, last), ""},
		"nested as deep as may":   {deep(64), ""},
		"longest name":            {words(begin, "", begin, strings.Repeat("n", 255), end, end, last), ""},
		"as many props as may":    {many(1<<16, prop, 0, 0), ""},
		"something after the end": {words(begin, "", end, last, 7), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tree, err := fdt.Parse(blob(noReserve, test.structure, []byte("p\x00")))
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				require.Equal(t, err.Error(), tree.Broken)
				return
			}
			require.NoError(t, err)
			require.Empty(t, tree.Root.Path()[1:])
			require.Empty(t, tree.Broken)
		})
	}
}

// Writers may end one name within another.
func TestParseStrings(t *testing.T) {
	tree, err := fdt.Parse(blob(noReserve, words(begin, "", prop, 0, 3, end, last), []byte("xx-reg\x00")))
	require.NoError(t, err)
	require.Equal(t, "reg", tree.Root.Props[0].Name)
}

// What Linux reads over is a finding, and reading goes on: the tree still has
// what stands behind it.
func TestParseReadsOver(t *testing.T) {
	odd := func(name string) []byte { return words(begin, "", begin, name, end, begin, "behind", end, end, last) }
	unnamed := func(at uint32) []byte { return words(begin, "", prop, 0, at, begin, "behind", end, end, last) }
	tests := map[string]struct {
		structure  []byte
		strs       string
		rule, text string
	}{
		"root with a name":        {words(begin, "root", begin, "behind", end, end, last), "p\x00", "root-name", `called "root"`},
		"child without a name":    {odd(""), "p\x00", "node-name", `called ""`},
		"child with a slash":      {odd("a/b"), "p\x00", "node-name", `called "a/b"`},
		"child called as above":   {odd(".."), "p\x00", "node-name", `called ".."`},
		"child called as here":    {odd("."), "p\x00", "node-name", `called "."`},
		"child of a long name":    {odd(strings.Repeat("n", 256)), "p\x00", "name-long", "256 bytes"},
		"property without name":   {unnamed(1), "p\x00", "property-name", "0x1 is none"},
		"property named outside":  {unnamed(2), "p\x00", "property-name", "0x2 is none"},
		"property far outside":    {unnamed(0xffff_ffff), "p\x00", "property-name", "0xffffffff is none"},
		"no names at all":         {unnamed(0), "", "property-name", "0x0 is none"},
		"property name unended":   {unnamed(0), "p", "property-name", "0x0 is none"},
		"property after a child":  {words(begin, "", begin, "behind", end, prop, 0, 0, end, last), "p\x00", "property-late", "Linux ignores it"},
		"second root":             {words(begin, "", begin, "behind", end, end, begin, "", end, last), "p\x00", "structure-end", "token 1 where"},
		"no FDT_END":              {words(begin, "", begin, "behind", end, end), "p\x00", "structure-end", "no FDT_END"},
		"the same name twice":     {words(begin, "", begin, "a", end, begin, "a", end, begin, "behind", end, end, last), "p\x00", "node-double", "a sibling"},
		"the same property twice": {words(begin, "", prop, 0, 0, prop, 0, 0, begin, "behind", end, end, last), "p\x00", "property-double", "twice"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := blob(noReserve, test.structure, []byte(test.strs))
			tree, err := fdt.Parse(b)
			require.NoError(t, err)
			require.NotNil(t, tree.Lookup("/behind"))
			if name != "the same property twice" {
				require.Empty(t, tree.Root.Props)
			}
			l := lint(t, b)
			require.Equal(t, test.rule, l.Findings[0].Rule)
			require.Contains(t, l.Findings[0].Text, test.text)
			require.Empty(t, l.Malformed)
		})
	}
}

// The same of the header and of the reservations.
func TestParseHeaderReadsOver(t *testing.T) {
	good := build(node{kids: []node{{name: "behind"}}})
	tests := map[string]struct {
		edit       func(b []byte) []byte
		rule, text string
	}{
		"version 16": {func(b []byte) []byte {
			return setWords(b, hdrVersion, 16, hdrStructSize, 0xffff_ffff)
		}, "header-version", "version 16"},
		"reservations misaligned": {func(b []byte) []byte {
			at := uint32(len(b)+7)&^7 + 4
			b = append(bytes.Clone(b), make([]byte, at+16-uint32(len(b)))...)
			return setWords(b, hdrReserve, at, hdrTotal, at+16)
		}, "blocks-align", "not aligned to 8"},
		"reservations without an end": {func(b []byte) []byte { return setWords(b, hdrReserve, (uint32(len(b))-8)&^7) }, "reserve-end", "not terminated"},
		"a reservation of no bytes": {func(b []byte) []byte {
			b = bytes.Clone(b)
			b[47] = 1
			return b
		}, "reserve-range", "no bytes at 0x1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := test.edit(good)
			tree, err := fdt.Parse(b)
			require.NoError(t, err)
			require.NotNil(t, tree.Lookup("/behind"))
			l := lint(t, b)
			require.Equal(t, test.rule, l.Findings[0].Rule)
			require.Contains(t, l.Findings[0].Text, test.text)
		})
	}
	odd := blob(make([]byte, 18), words(begin, "", begin, "behind", end, end, last), nil)
	l := lint(t, odd)
	require.Equal(t, "blocks-align", l.Findings[0].Rule)
	require.Contains(t, l.Findings[0].Text, "not aligned to 4")
	require.Equal(t, 2, l.Nodes)

	tree, err := fdt.Parse(append(setWords(good, hdrTotal, uint32(len(good))+4096), make([]byte, 4096)...))
	require.NoError(t, err, "QEMU pads its trees")
	require.NotNil(t, tree.Lookup("/behind"))
}

func setWords(b []byte, pairs ...uint32) []byte {
	b = bytes.Clone(b)
	for i := 0; i < len(pairs); i += 2 {
		binary.BigEndian.PutUint32(b[4*pairs[i]:], pairs[i+1])
	}
	return b
}

// A tree that breaks off is read up to there, without the node that is not
// whole.
func TestParseBreaksOff(t *testing.T) {
	whole := build(node{props: []any{"compatible", "a,b"}, kids: []node{
		{name: "cpus", kids: []node{{name: "cpu@0", props: []any{"device_type", "cpu"}}}},
		{name: "uart", props: []any{"compatible", "c,d", "clocks", []uint32{9}}},
		{name: "last", props: []any{"compatible", "e,f"}},
	}})
	tests := map[string]struct {
		edit func(b []byte) []byte
		want []string
	}{
		"cut in its last node": {func(b []byte) []byte { return setWords(b, hdrStructSize, word(b, hdrStructSize)-16) }, []string{"cpus", "uart"}},
		"a bad token":          {func(b []byte) []byte { return bytes.Replace(b, words(begin, "last"), words(8, "last"), 1) }, []string{"cpus", "uart"}},
		"total size too large": {func(b []byte) []byte { return setWords(b, hdrTotal, uint32(len(b))+1) }, []string{"cpus", "uart", "last"}},
		"no reservations":      {func(b []byte) []byte { return setWords(b, hdrReserve, 8) }, []string{"cpus", "uart", "last"}},
		"no names":             {func(b []byte) []byte { return setWords(b, hdrStrings, 0) }, []string{"cpus", "uart", "last"}},
		"no structure":         {func(b []byte) []byte { return setWords(b, hdrStruct, 0) }, nil},
		"no tree":              {func(b []byte) []byte { return b[:20] }, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := test.edit(whole)
			f := facts(t, b)
			require.True(t, f.Present)
			require.NotEmpty(t, f.Broken)
			require.Equal(t, test.want, f.Top)
			l := lint(t, b)
			require.Contains(t, l.Malformed, f.Broken)
			for _, found := range l.Findings {
				require.NotEqual(t, "phandle-dangling", found.Rule, "it may be in the part that is not there")
			}
		})
	}
}

func word(b []byte, i int) uint32 { return binary.BigEndian.Uint32(b[4*i:]) }

func TestParseReservations(t *testing.T) {
	pair := func(list ...uint64) []byte {
		var out []byte
		for _, w := range list {
			out = binary.BigEndian.AppendUint64(out, w)
		}
		return out
	}
	// Laid out last, so that nothing behind it looks like the end.
	tree := build(node{})
	end := (len(tree) + 7) &^ 7
	at := func(reserve []byte) []byte {
		b := append(append(bytes.Clone(tree), make([]byte, end-len(tree))...), reserve...)
		binary.BigEndian.PutUint32(b[4*hdrReserve:], uint32(end))
		binary.BigEndian.PutUint32(b[4*hdrTotal:], uint32(len(b)))
		return b
	}
	all := []fdt.Range{{Start: 0x1000, Size: 0x2000}, {Size: 1}}
	for name, list := range map[string][]uint64{"": {0, 0}, "not terminated": nil, "cut in its terminator": {0}, "no bytes": {7, 0, 8, 8}} {
		got, err := fdt.Parse(at(append(pair(0x1000, 0x2000, 0, 1), pair(list...)...)))
		require.NoError(t, err, name)
		require.Equal(t, all, got.Reservations, name)
	}
}

func TestParseIgnoresWhatFollows(t *testing.T) {
	got, err := fdt.Parse(append(build(node{}), "junk"...))
	require.NoError(t, err)
	require.EqualValues(t, len(build(node{})), got.Size)
	require.EqualValues(t, 17, got.Version)
}

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

// dtc is an independent reader: what it makes of a tree, flattened again by
// it, has as many nodes as we count.
func TestOracleDTC(t *testing.T) {
	dtc, err := exec.LookPath("dtc")
	if err != nil && os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("dtc is not installed")
	}
	require.NoError(t, err, "where guests are booted dtc has to be there")
	for name, files := range guesttest.All(t) {
		t.Run(name, func(t *testing.T) {
			text, err := files.ReadFile(fdt.Path)
			require.NoError(t, err)
			tree, err := fdt.Parse(text)
			require.NoError(t, err)
			cmd := exec.Command(dtc, "-q", "-I", "dtb", "-O", "dts")
			cmd.Stdin = bytes.NewReader(text)
			source, err := cmd.Output()
			require.NoError(t, err)
			require.Equal(t, bytes.Count(source, []byte(" {\n")), len(tree.Root.All()))
		})
	}
}

// spent returns how many bytes f allocates, in all.
func spent(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// hostile trees make the most of the 2 MiB that a hypervisor may hand over.
func hostile() map[string][]byte {
	const room = fdt.MaxSize - 256
	fill := func(list ...any) []byte { w := words(list...); return bytes.Repeat(w, room/len(w)) }
	leaf := words(begin, "l", prop, 0, 0, end)
	chain := words(begin, "")
	for range 62 {
		chain = append(chain, words(begin, strings.Repeat("n", 255))...)
	}
	chain = append(chain, bytes.Repeat(leaf, 2_000)...)
	chain = append(chain, bytes.Repeat(words(end), 63)...)
	nuls := build(node{props: []any{"compatible", make([]byte, room)}})
	return map[string][]byte{
		"reservations without end": blob(bytes.Repeat([]byte{1}, room&^7), words(begin, "", end, last), nil),
		"padding without end":      raw(fill(nop)),
		"nodes without end":        raw(begin, "", fill(begin, "n", end)),
		"depth without end":        raw(begin, "", fill(begin, "n")),
		"properties without end":   raw(begin, "", fill(prop, 0, 0)),
		"long names":               raw(begin, "", fill(begin, strings.Repeat("n", 255), end)),
		"list of empty strings":    nuls,
		"paths that add up":        blob(noReserve, append(chain, words(last)...), []byte("interrupt-controller\x00")),
	}
}

// PID 1 may have no more than some 100 MiB.
func TestMemoryIsBounded(t *testing.T) {
	const most = 16 << 20
	for name, blob := range hostile() {
		require.LessOrEqual(t, len(blob), fdt.MaxSize)
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, spent(func() { _, _ = fdt.Parse(blob) }), uint64(most), "Parse")
			files := fstest.MapFS{fdt.Path: {Data: blob}}
			// The file itself is read into memory once.
			require.LessOrEqual(t, spent(func() { _, _ = fdt.Read(files) }), uint64(most+2*len(blob)), "Read")
		})
	}
}

// Limits that an accepted tree keeps, as the reader promises them.
const (
	mostNodes = 1 << 14
	mostProps = 1 << 16
	mostDepth = 64
	mostName  = 255
)

func FuzzParse(f *testing.F) {
	for _, files := range guesttest.All(f) {
		text, err := files.ReadFile(fdt.Path)
		require.NoError(f, err)
		tree, err := fdt.Parse(text)
		require.NoError(f, err)
		f.Add(compact(tree))
	}
	f.Add(build(node{}))
	f.Add(build(node{kids: []node{{name: "cpus", props: []any{"#size-cells", []uint32{0}}, kids: []node{{name: "cpu@0", props: []any{"reg", []uint32{0}}}}}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := fdt.Parse(data)
		checkTree(t, tree, data)
		if _, reading := fdt.Read(fstest.MapFS{fdt.Path: {Data: data}}); reading != nil {
			require.ErrorContains(t, err, "too many")
		}
	})
}

// compact flattens a captured tree anew: QEMU pads its own to 1 MiB, which
// would have the fuzzer change zeroes.
func compact(t *fdt.Tree) []byte {
	var convert func(*fdt.Node) node
	convert = func(n *fdt.Node) node {
		out := node{name: n.Name}
		for _, p := range n.Props {
			out.props = append(out.props, p.Name, p.Value)
		}
		for _, c := range n.Children {
			out.kids = append(out.kids, convert(c))
		}
		return out
	}
	return build(convert(t.Root))
}

// oddlyNamed tells whether a name is no element of a path.
func oddlyNamed(n *fdt.Node) bool {
	if n.Parent == nil {
		return false
	}
	return n.Name == "" || n.Name == "." || n.Name == ".." || strings.Contains(n.Name, "/") || oddlyNamed(n.Parent)
}

func checkTree(t *testing.T, tree *fdt.Tree, data []byte) {
	props := 0
	nodes := tree.Root.All()
	require.LessOrEqual(t, len(nodes), mostNodes)
	for _, n := range nodes {
		props += len(n.Props)
		require.LessOrEqual(t, strings.Count(n.Path(), "/"), mostDepth)
		require.LessOrEqual(t, len(n.Name), mostName)
		if !oddlyNamed(n) {
			require.NotNil(t, tree.Lookup(n.Path()), n.Path())
		}
		for _, p := range n.Props {
			require.LessOrEqual(t, len(p.Name), 4*mostName+4)
			require.True(t, inside(data, p.Value), "%s: %s lies outside the input", n.Path(), p.Name)
		}
		if ranges, err := n.Reg(); err == nil {
			require.NotEmpty(t, ranges)
		}
	}
	require.LessOrEqual(t, props, mostProps)
}

// inside tells whether a piece shares the memory of data.
func inside(data, piece []byte) bool {
	if len(piece) == 0 {
		return true
	}
	for i := range data {
		if &data[i] == &piece[0] {
			return len(piece) <= len(data)-i && cap(piece) == len(piece)
		}
	}
	return false
}
