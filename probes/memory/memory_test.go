package memory_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/memory"
)

func TestParseIomem(t *testing.T) {
	tests := map[string]struct {
		text string
		want []memory.Region // nil: an error
		err  string
	}{
		"blank line":            {"\n", nil, "line 1"},
		"no name":               {"0-1\n", nil, "line 1"},
		"no dash":               {"1000 : RAM\n", nil, "line 1"},
		"no end":                {"1000- : RAM\n", nil, "line 1"},
		"not hexadecimal":       {"xyz-1000 : RAM\n", nil, "line 1"},
		"prefixed with 0x":      {"0x1000-0x1fff : RAM\n", nil, "line 1"},
		"negative":              {"-1000-1fff : RAM\n", nil, "line 1"},
		"over 64 bits":          {"0-10000000000000000 : RAM\n", nil, "line 1"},
		"end before start":      {"0-1 : A\n2-1 : RAM\n", nil, "line 2"},
		"line without end":      {"0-1 : " + strings.Repeat("x", 1<<16), nil, "too long"},
		"hidden from the guest": {"00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n", nil, "hidden"},
		"nothing":               {"", []memory.Region{}, ""},
		"one byte":              {"1-1 : x\n", []memory.Region{{Range: fdt.Range{Start: 1, Size: 1}, Name: "x"}}, ""},
		"name with a colon":     {"0-f : a : b\n", []memory.Region{{Range: fdt.Range{Size: 16}, Name: "a : b"}}, ""},
		"name of no length":     {"0-f : \n", []memory.Region{{Range: fdt.Range{Size: 16}}}, ""},
		"two levels":            {"0-f : a\n    1-1 : b\n", []memory.Region{{Range: fdt.Range{Size: 16}, Name: "a"}, {Range: fdt.Range{Start: 1, Size: 1}, Depth: 2, Name: "b"}}, ""},
		"top of the space":      {"fffffffffffff000-ffffffffffffffff : t\n", []memory.Region{{Range: fdt.Range{Start: math.MaxUint64 &^ 0xfff, Size: 0x1000}, Name: "t"}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := memory.ParseIomem(strings.NewReader(test.text))
			if test.want == nil {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.ElementsMatch(t, test.want, got)
		})
	}
}

func TestCovers(t *testing.T) {
	pieces := memory.Ranges{{Start: 0x3000, Size: 0x1000}, {Start: 0x1000, Size: 0x1000}, {Start: 0x2000, Size: 0x1000}, {Start: 0x5000, Size: 0}}
	tests := map[string]struct {
		address, size uint64
		want          bool
	}{
		"before":                         {0xfff, 1, false},
		"begins before":                  {0xfff, 2, false},
		"ends behind":                    {0x3fff, 2, false},
		"behind":                         {0x4000, 1, false},
		"in a piece of no size":          {0x5000, 1, false},
		"all there is":                   {0, math.MaxUint64, false},
		"end overflows":                  {0x1000, math.MaxUint64, false},
		"one piece":                      {0x1000, 0x1000, true},
		"first byte":                     {0x1000, 1, true},
		"last byte":                      {0x3fff, 1, true},
		"over pieces that touch":         {0x1800, 0x2000, true},
		"all pieces, in any order":       {0x1000, 0x3000, true},
		"nothing, even where nothing is": {0x9000, 0, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, pieces.Covers(test.address, test.size))
		})
	}
	require.False(t, memory.Ranges(nil).Covers(0, 1))
	require.EqualValues(t, 0x3000, pieces.Total())
}

// A hypervisor writes the ranges of the tree: a piece at the top of the
// address space must neither hide what it holds nor have the search run in
// circles, which nothing would end.
func TestCoversAtTheTop(t *testing.T) {
	const top = math.MaxUint64 &^ 0xfff
	last := fdt.Range{Start: top, Size: 0x1000}
	require.True(t, memory.Ranges{last}.Covers(top, 0x800))

	done := make(chan bool)
	go func() { done <- memory.Ranges{{Start: 0, Size: top}, last}.Covers(0x1000, top-0x800) }()
	select {
	case covers := <-done:
		require.True(t, covers)
	case <-time.After(time.Minute):
		require.Fail(t, "the search does not end")
	}
}

// What real guests say reads as prometheus/procfs reads it.
func TestTotalAsProcfs(t *testing.T) {
	for name, files := range guesttest.All(t) {
		text, err := files.ReadFile("proc/meminfo")
		require.NoError(t, err, name)
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "meminfo"), text, 0o600))
		proc, err := procfs.NewFS(dir)
		require.NoError(t, err)
		want, err := proc.Meminfo()
		require.NoError(t, err, name)
		got, err := memory.Read(files)
		require.NoError(t, err, name)
		require.Equal(t, *want.MemTotalBytes, got.Total, name)
	}
}

func TestWithout(t *testing.T) {
	all := memory.Ranges{{Start: 0x1000, Size: 0x1000}, {Start: 0x4000, Size: 0x1000}}
	tests := map[string]struct{ others, want memory.Ranges }{
		"nothing":      {nil, all},
		"all":          {all, nil},
		"more":         {memory.Ranges{{Size: math.MaxUint64}}, nil},
		"what touches": {memory.Ranges{{Start: 0x2000, Size: 0x2000}}, all},
		"the middle":   {memory.Ranges{{Start: 0x1400, Size: 0x400}}, memory.Ranges{{Start: 0x1000, Size: 0x400}, {Start: 0x1800, Size: 0x800}, all[1]}},
		"both ends":    {memory.Ranges{{Start: 0, Size: 0x1400}, {Start: 0x4c00, Size: 0x1000}}, memory.Ranges{{Start: 0x1400, Size: 0xc00}, {Start: 0x4000, Size: 0xc00}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, all.Without(test.others)) })
	}
}

// What is described and not there, but for what is kept from the kernel.
func TestReadMissing(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-gicv2")
	const half = "40000000-4fffffff : System RAM\n"
	tests := map[string]struct {
		iomem, cmdline string
		missing        uint64
		limited        string
	}{
		"half of it":           {half, "", 256 << 20, ""},
		"the rest is reserved": {half + "50000000-5fffffff : reserved\n", "", 0, ""},
		"a part is reserved":   {half + "58000000-5fffffff : reserved\n", "", 128 << 20, ""},
		"no page of 64 KiB":    {"40001000-5fff0fff : System RAM\n", "", 0, ""},
		"a limit":              {half, "console=ttyAMA0 mem=256M", 256 << 20, "mem=256M"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := memory.Read(files.With(map[string][]byte{"proc/iomem": []byte(test.iomem), "proc/cmdline": []byte(test.cmdline)}))
			require.NoError(t, err)
			require.Equal(t, test.missing, f.Missing.Total())
			require.Contains(t, f.Limited, test.limited)
			require.Equal(t, test.limited == "", f.Limited == "")
		})
	}
}

func TestReserved(t *testing.T) {
	_, err := memory.Reserved(fstest.MapFS{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = memory.Reserved(fstest.MapFS{"proc/iomem": {Data: []byte("junk")}})
	require.ErrorContains(t, err, "parse proc/iomem: line 1")

	got, err := memory.Reserved(fstest.MapFS{"proc/iomem": {Data: []byte("0-f : System RAM\n  1-2 : reserved\n20-2f : Reserved\n30-3f : reserved not\n")}})
	require.NoError(t, err)
	require.Equal(t, memory.Ranges{{Start: 1, Size: 2}, {Start: 0x20, Size: 0x10}}, got, "at any depth")
}

func TestReadErrors(t *testing.T) {
	f, err := memory.Read(fstest.MapFS{fdt.Path: {Data: []byte("junk")}})
	require.NoError(t, err, "each witness has an error of its own")
	require.Empty(t, f.DescribedErr, "damage is told by the tree's own subject")
	require.Empty(t, f.Described)
	require.Contains(t, f.RAMErr, "file does not exist")

	for text, want := range map[string]string{
		"": "no MemTotal", "junk": "no MemTotal", "MemTotal: x kB\n": `parsing "x"`, "MemTotal: 1 MB\n": `"MemTotal: 1 MB" is no amount in kB`,
		"MemTotal: 1\n": "is no amount in kB", "MemTotal: 18014398509481984 kB\n": "out of range",
	} {
		f, err = memory.Read(fstest.MapFS{"proc/meminfo": {Data: []byte(text)}})
		require.NoError(t, err)
		require.Contains(t, f.TotalErr, want)
	}

	f, err = memory.Read(fstest.MapFS{})
	require.NoError(t, err)
	require.Empty(t, f.DescribedErr, "a guest without a tree")
}

func TestRead(t *testing.T) {
	for _, name := range []string{"qemu-virt-gicv2", "qemu-virt-uefi-gicv3"} {
		files := guesttest.Open(t, name)
		f, err := memory.Read(files)
		require.NoError(t, err)
		require.Empty(t, f.DescribedErr+f.RAMErr+f.TotalErr)
		require.Less(t, f.Total, f.RAM.Total(), "the kernel keeps some for itself")
		require.Equal(t, memory.Ranges{{Start: 1 << 30, Size: 512 << 20}}, f.Described)
		require.NotEmpty(t, f.RAM)
		for _, piece := range f.RAM {
			require.True(t, f.Described.Covers(piece.Start, piece.Size))
		}
	}
}

func TestReadMemoryNodes(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-gicv2")
	tree, err := files.ReadFile(fdt.Path)
	require.NoError(t, err)
	replaced := func(from, to string) string {
		require.Equal(t, 1, strings.Count(string(tree), from))
		return strings.Replace(string(tree), from, to, 1)
	}
	tests := map[string]struct {
		tree string
		want memory.Ranges
	}{
		"no node is memory":           {replaced("memory\x00", "memorx\x00"), nil},
		"reg does not fit":            {replaced("#size-cells", "#size-cellx"), memory.Ranges{{Start: 1 << 30}}},
		"address of its name differs": {replaced("memory@40000000", "memory@50000000"), memory.Ranges{{Start: 1 << 30, Size: 512 << 20}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := memory.Read(files.With(map[string][]byte{fdt.Path: []byte(test.tree)}))
			require.NoError(t, err)
			require.Equal(t, test.want, f.Described)
			require.Empty(t, f.DescribedErr)
		})
	}
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func TestReadUnreadable(t *testing.T) {
	f, err := memory.Read(failingFS{errors.New("operation not permitted")})
	require.NoError(t, err)
	require.Contains(t, f.DescribedErr, "operation not permitted")
	require.Contains(t, f.RAMErr, "operation not permitted")
}

func FuzzParseIomem(f *testing.F) {
	for _, files := range guesttest.All(f) {
		text, err := files.ReadFile("proc/iomem")
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte("0-ffffffffffffffff : x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		regions, err := memory.ParseIomem(bytes.NewReader(data))
		if err != nil {
			require.Empty(t, regions)
			return
		}
		// What was read, written as Linux does, is read as the same.
		var text strings.Builder
		for _, r := range regions {
			fmt.Fprintf(&text, "%s%s : %s\n", strings.Repeat("  ", r.Depth), r.Range, r.Name)
		}
		again, err := memory.ParseIomem(strings.NewReader(text.String()))
		require.NoError(t, err)
		require.Equal(t, regions, again)
	})
}

// The kernel logs what it begins with, once.
func TestAtBoot(t *testing.T) {
	log := func(lines ...string) []byte {
		return []byte("[    0.000000] " + strings.Join(lines, "\n[    0.000000] ") + "\n")
	}
	early, node, end := "Early memory node ranges", "  node   0: [mem 0x0000000040000000-0x000000004fffffff]", "Initmem setup node 0 [mem 0x0000000040000000-0x000000005fffffff]"
	piece := fdt.Range{Start: 0x40000000, Size: 0x10000000}
	for name, test := range map[string]struct {
		log  []byte
		want memory.Ranges
	}{
		"whole":            {log("x", early, node, node, end, node), memory.Ranges{piece, piece}},
		"no beginning":     {log(node, end), nil},
		"nothing follows":  {log(early), nil},
		"backwards":        {log(early, "  node   0: [mem 0x0000000000000002-0x0000000000000001]"), nil},
		"no number":        {log(early, "  node   0: [mem 0x000000000000000g-0x0000000000000001]", node), memory.Ranges{piece}},
		"another's ranges": {log(early, "  x   0: [mem 0x0000000040000000-0x000000004fffffff]", node), nil},
	} {
		f, err := memory.Read(fstest.MapFS{"vmspec/kmsg": {Data: test.log}})
		require.NoError(t, err)
		require.Equal(t, test.want, f.AtBoot, name)
	}
}
