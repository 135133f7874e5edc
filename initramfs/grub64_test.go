package initramfs

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoadedFiles(t *testing.T) {
	l := Loaded{GRUB: []byte("grub"), Kernel: []byte("kernel"), Initramfs: []byte("initrd"), Tree: []byte("tree"), Parameters: " panic=-1  a='b'$c "}
	files := map[string]string{}
	for _, f := range l.Files() {
		files[f.Name] = string(f.Data)
	}
	require.Equal(t, map[string]string{
		"EFI/BOOT/BOOTAA64.EFI": "grub",
		"EFI/DEBIAN/GRUB.CFG":   "devicetree /VMSPEC/TREE.DTB\nlinux /VMSPEC/LINUX 'panic=-1' 'a='\\''b'\\''$c'\ninitrd /VMSPEC/INITRD\nboot\n",
		"VMSPEC/TREE.DTB":       "tree", "VMSPEC/LINUX": "kernel", "VMSPEC/INITRD": "initrd",
	}, files)
	_, err := newFAT(l.Files(), 512, 1, 1) // they fit a FAT
	require.NoError(t, err)
}

// blob is a device tree's header, and what it says there is.
func blob(size, total, structure, structureSize, strings, stringsSize uint32) []byte {
	b := make([]byte, size)
	for at, v := range map[int]uint32{0: treeMagic, treeTotal: total, treeStruct: structure, treeStrings: strings, treeReserve: treeHeader, 32: stringsSize, 36: structureSize} {
		binary.BigEndian.PutUint32(b[at:], v)
	}
	return b
}

func TestCompactTree(t *testing.T) {
	out, err := CompactTree(blob(1<<20, 1<<20, 56, 100, 156, 20))
	require.NoError(t, err)
	require.Len(t, out, 176)
	require.EqualValues(t, 176, binary.BigEndian.Uint32(out[treeTotal:]))
	again, err := CompactTree(out)
	require.NoError(t, err)
	require.Equal(t, out, again)
	for name, tree := range map[string][]byte{
		"empty":     nil,
		"short":     {0xd0, 0x0d, 0xfe, 0xed},
		"no tree":   make([]byte, 64),
		"cut":       blob(100, 1<<20, 56, 100, 156, 20),
		"far":       blob(100, 100, 56, 10, 0xffffffff, 0xffffffff),
		"structure": blob(100, 100, 0xffffffff, 1, 56, 1),
	} {
		_, err := CompactTree(tree)
		require.Error(t, err, name)
	}
}

// Whatever is compacted stays within what was there, and is compact.
func FuzzCompactTree(f *testing.F) {
	f.Add(blob(200, 200, 56, 100, 156, 20))
	f.Fuzz(func(t *testing.T, tree []byte) {
		out, err := CompactTree(tree)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(out), len(tree))
		again, err := CompactTree(out)
		require.NoError(t, err)
		require.Equal(t, out, again)
	})
}
