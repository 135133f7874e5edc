// Package fdttest breaks device trees for tests: a table of breaks that applies to
// the tree of QEMU's virt machine with a GICv3 and four CPUs, captured or dumped.
package fdttest

import "vmspec/probes/fdt"

// Encode flattens a tree.
func Encode(t *fdt.Tree) []byte { return fdt.Encode(t) }

// EncodeLate is Encode, and puts a property of the root behind its children.
func EncodeLate(t *fdt.Tree, name string, value []byte) []byte {
	return fdt.EncodeLate(t, name, value)
}

// Cells encodes a list of cells.
func Cells(list ...uint32) []byte { return fdt.EncodeCells(list...) }
