package look

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
)

// A slot is empty if its registers say so, and only then: a file is the
// physical memory here, and behind its end nothing answers.
func TestEmptySlots(t *testing.T) {
	page := uint32(os.Getpagesize())
	memory := make([]byte, page)
	copy(memory[0x000:], "virt\x02\x00\x00\x00\x00")     // no device
	copy(memory[0x200:], "virt\x02\x00\x00\x00\x02")     // a disk
	copy(memory[0x400:], "\x00\x00\x00\x00\x02\x00\x00") // no virtio
	name := filepath.Join(t.TempDir(), "mem")
	require.NoError(t, os.WriteFile(name, memory, 0o600))
	mem, err := os.Open(name)
	require.NoError(t, err)
	defer mem.Close()

	for what, test := range map[string]struct {
		address    uint32
		compatible string
		more       []fdt.Prop
		want       bool
	}{
		"an empty slot":     {0x000, "virtio,mmio", nil, true},
		"a disk":            {0x200, "virtio,mmio", nil, false},
		"no virtio":         {0x400, "virtio,mmio", nil, false},
		"nothing there":     {page * 4, "virtio,mmio", nil, false},
		"another device":    {0x000, "arm,pl031", nil, false},
		"a slot turned off": {0x000, "virtio,mmio", []fdt.Prop{{Name: "status", Value: []byte("disabled\x00")}}, false},
	} {
		root := &fdt.Node{}
		slot := &fdt.Node{Name: "virtio_mmio", Parent: root, Props: append([]fdt.Prop{
			{Name: "compatible", Value: []byte(test.compatible + "\x00")},
			{Name: "reg", Value: fdttest.Cells(0, test.address, 0x200)},
		}, test.more...)}
		root.Children = []*fdt.Node{slot}
		require.Equal(t, test.want, emptySlots(mem, &fdt.Tree{Root: root})[slot], what)
	}
}
