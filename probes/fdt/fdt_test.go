package fdt_test

import (
	"bytes"
	"encoding/binary"
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
