package results_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// benchSize is how much of a form is read at once, in bytes.
const benchSize = 8 << 20

// filled repeats lines, of which each may be made of its number, up to so many
// bytes.
func filled(size int, line func(n int) string) string {
	var out strings.Builder
	for n := 0; out.Len() < size; n++ {
		out.WriteString(line(n) + "\n")
	}
	return out.String()
}

// brokenFrames are a report's frames, each with a wrong byte.
func brokenFrames(size int) string {
	return filled(size, func(n int) string {
		return fmt.Sprintf("# v1 5ca1ab1e %d/53 00000000 %s", n%53+1, strings.Repeat("QUJDRA==", 10))
	})
}

const benchKernel = "virtio_blk virtio0: [vda] 8 512-byte logical blocks (4.10 kB/4.00 KiB)"

// forms are what logs look like.
var forms = []struct {
	name string
	log  func(testing.TB) string
}{
	{"plain", func(testing.TB) string { return filled(benchSize, func(int) string { return benchKernel }) }},
	{"kernel-time", func(testing.TB) string {
		return filled(benchSize, func(n int) string { return fmt.Sprintf("[%5d.%06d] %s", n/100, n%100, benchKernel) })
	}},
	{"prefix", func(testing.TB) string {
		return filled(benchSize, func(n int) string {
			return fmt.Sprintf("Nov 25 06:%02d:%02d farm vm1[812]: [%5d.%06d] %s", n/60%60, n%60, n/100, n%100, benchKernel)
		})
	}},
	{"prefix-open", func(testing.TB) string {
		return filled(benchSize, func(n int) string {
			text := benchKernel
			if n == 0 {
				text = "TAP version 13"
			}
			return fmt.Sprintf("Nov 25 06:%02d:%02d farm vm1[812]: %s", n/60%60, n%60, text)
		})
	}},
	{"reports", func(t testing.TB) string {
		log := stored(t, "qemu-virt-uefi.log")
		return strings.Repeat(log, benchSize/len(log))
	}},
	{"broken-frames", func(testing.TB) string { return brokenFrames(benchSize) }},
	{"colours", func(testing.TB) string {
		return filled(benchSize, func(int) string { return "\x1b[0;32m[  OK  ]\x1b[0m Started \x1b[0;1;39m" + benchKernel + "\x1b[0m." })
	}},
	{"records", func(t testing.TB) string {
		return recorded(filled(benchSize/2, func(int) string { return benchKernel }), recorders[3].record)
	}},
	{"gzip", func(testing.TB) string { return filled(benchSize, func(int) string { return benchKernel }) }},
	{"screens", func(testing.TB) string {
		return filled(benchSize, func(int) string { return strings.Repeat("\x1b[2J\x1b[01;01H\x1b[=3h", 20) })
	}},
}

func BenchmarkForms(b *testing.B) {
	for _, f := range forms {
		b.Run(f.name, func(b *testing.B) {
			log := f.log(b)
			b.SetBytes(int64(len(log)))
			b.ReportAllocs()
			packed := log
			if f.name == "gzip" {
				packed = gzipped(log)
			}
			for b.Loop() {
				var p results.Parser
				require.NoError(b, results.EachRecord(opened(b, f.name, packed), func(line string) { p.Line(line) }))
				_, _ = p.Report()
			}
			b.ReportMetric(float64(heap())/(1<<20), "MiB")
		})
	}
}

func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text) // a Buffer takes everything
	_ = w.Close()
	return out.String()
}

func opened(t testing.TB, form, log string) io.Reader {
	if form != "gzip" {
		return strings.NewReader(log)
	}
	r, err := gzip.NewReader(strings.NewReader(log))
	require.NoError(t, err)
	return r
}
