package memory_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/memory"
)

func readTouch(t *testing.T, text string) memory.Touch {
	t.Helper()
	f, err := memory.Read(fstest.MapFS{"vmspec/touch": {Data: []byte(text)}})
	require.NoError(t, err)
	return f.Touch
}

func TestReadTouch(t *testing.T) {
	tests := map[string]struct {
		text string
		want memory.Touch
	}{
		"failed":             {"error take 4096 bytes: ENOMEM\n", memory.Touch{Err: "vmspec/touch: take 4096 bytes: ENOMEM"}},
		"failed half-way":    {"page 4096\ntouched 8 wrong 0\nerror EPERM\n", memory.Touch{Page: 4096, Touched: 8, Err: "vmspec/touch: EPERM"}},
		"a size no number":   {"page x\n", memory.Touch{Err: `vmspec/touch: page: BYTES: "x" is not a number`}},
		"a count cut":        {"touched 8\n", memory.Touch{Touched: 8, Err: "vmspec/touch: touched: no wrong PAGES"}},
		"a piece cut":        {"piece 1 2\n", memory.Touch{Err: "vmspec/touch: piece: no PAGES"}},
		"a word we know not": {"later 1\n", memory.Touch{}},
		"whole": {"page 4096\ntouched 8 wrong 1\npiece 4096 16383 2 4096 12288\n", memory.Touch{Page: 4096, Touched: 8, Wrong: 1,
			Pieces: []memory.Piece{{Start: 4096, Last: 16383, Pages: 2, Lowest: 4096, Highest: 12288}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, readTouch(t, test.text)) })
	}
	touch := readTouch(t, "piece 4096 16383 2 4096 12288\n")
	require.True(t, touch.In(fdt.Range{Start: 0, Size: 4097}), "the lowest")
	require.True(t, touch.In(fdt.Range{Start: 12288, Size: 1}), "the highest")
	require.False(t, touch.In(fdt.Range{Start: 4097, Size: 100}), "between them nothing is known")
	require.False(t, touch.In(fdt.Range{Start: 4096}), "of no size")
}

// Whatever stands in the note, an error says where.
func FuzzReadTouch(f *testing.F) {
	f.Add("page 4096\ntouched 8 wrong 1\npiece 4096 16383 2 4096 12288\n")
	f.Add("piece 18446744073709551615 0 1 1 1\nerror gone\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := readTouch(t, text)
		if got.Err != "" {
			require.Contains(t, got.Err, "vmspec/touch")
		}
		for _, p := range got.Pieces {
			require.True(t, got.In(fdt.Range{Start: p.Lowest, Size: 1}))
		}
	})
}
