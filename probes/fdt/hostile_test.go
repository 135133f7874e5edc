package fdt_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
)

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
