package results

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A must that failed is worse than one that could not be told.
func TestRank(t *testing.T) {
	require.Greater(t, Rank(NotConformant), Rank(CouldNotTell))
	require.Greater(t, Rank(CouldNotTell), Rank(Conformant))
}

func TestWorst(t *testing.T) {
	require.Nil(t, Worst(nil, false))
	read := func(name string) *Report {
		f, err := os.Open("testdata/" + name)
		require.NoError(t, err)
		defer f.Close()
		r, err := Parse(f, "")
		require.NoError(t, err)
		return r
	}
	first, second := read("qemu-virt-uefi-gicv3.tap"), read("qemu-virt-gicv2.tap")
	require.Same(t, second, Worst([]*Report{first, second}, false))
	require.Same(t, second, Worst([]*Report{second, first}, false))
	require.Same(t, first, Worst([]*Report{first, first}, true), "the first of several")
}
