package results

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"
)

// TestEveryFaultAtEveryByte breaks a real log of qemu-virt-uefi in every way at
// every byte. The answer must be the true report or an incomplete one, and but
// for cuts the true one, whole or repaired. Its guest was asked for a few points, so
// that the log is short; it has all that a log has, provisional reports among it.
//
// There are some 700 000 faults. So each parse begins at the line that is broken,
// from a copy of the parser that read the lines before; and where the broken lines
// leave it in a state it was in before at the same line, what follows is known: a
// parser has no other input than its lines. Some are parsed from the beginning all
// the same, to prove it.
func TestEveryFaultAtEveryByte(t *testing.T) { breakLog(t, "faults/qemu-virt-uefi.log", 1) }

// sparse is how many bytes lie between two of a long log that are broken.
const sparse = 499

// TestFaultsOfALongLog does the same to a log with all points and all that a kernel
// says, here and there; at every byte under make faults.
func TestFaultsOfALongLog(t *testing.T) {
	every := sparse
	if os.Getenv("VMSPEC_FAULTS") != "" {
		every = 1
	}
	breakLog(t, "qemu-virt-uefi.log", every)
}

// breakLog breaks a log by all faults.
func breakLog(t *testing.T, name string, every int) {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	log := string(data)
	truth, err := Parse(strings.NewReader(log), nonce)
	require.NoError(t, err)
	require.NoError(t, truth.Incomplete)
	require.Empty(t, truth.Repaired)

	// Nearly all of the memory is thrown away at once, and little is kept.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	tables := make([]table, len(faults))
	t.Run("faults", func(t *testing.T) {
		for i, f := range faults {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				f.every = max(f.every, 1) * every
				tables[i] = newBreaking(f, log, truth).all(t)
			})
		}
	})
	t.Log(tell(tables))
}

// nonce is that of the logs.
const nonce = "5ca1ab1e"

// A region is where in the log a fault lies.
type region int

const (
	before region = iota // firmware, kernel, and what the guest says of itself
	tap
	first  // copy of the frames
	second // copy of the frames
	regions
)

// An answer is what a parser said of a broken log.
type answer int

const (
	whole answer = iota
	mended
	incomplete
	none
	wrong
	answers
)

// table counts the answers by region.
type table [regions][answers]int

// tell writes the counts as a table.
func tell(tables []table) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "whole + repaired + incomplete of all\tbefore the report\tTAP\tfirst frames\tsecond frames\t\n")
	sum := 0
	for i, f := range faults {
		fmt.Fprint(w, f.name)
		for _, row := range tables[i] {
			fmt.Fprintf(w, "\t%d + %d + %d", row[whole], row[mended], row[incomplete]+row[none])
			for _, n := range row {
				sum += n
			}
		}
		fmt.Fprint(w, "\t\n")
	}
	fmt.Fprintf(w, "%d faults\t\t\t\t\t\n", sum)
	// A Builder takes everything.
	_ = w.Flush()
	return "\n" + out.String()
}
