package results

import (
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repeated is a block so many times, with another number each time.
func repeated(block string, times int) string {
	var out strings.Builder
	for n := range times {
		out.WriteString(strings.ReplaceAll(block, "%d", strconv.Itoa(n)))
	}
	return out.String()
}

// fed is a parser that read a log.
func fed(log string) *Parser {
	p := &Parser{}
	// A string can always be read.
	_ = EachLine(strings.NewReader(log), func(line string) { p.Line(line) })
	return p
}

// stepsOf measures the work on a block that comes so many times.
func stepsOf(block string, times int) int {
	p := fed(repeated(block, times))
	_, _ = p.Reports()
	return p.steps
}

// hostile are blocks that make a parser keep something. %d is another number each
// time.
var hostile = map[string]string{
	"broken frames":             "# v1 5ca1ab1e 1/53 00000000 QUJDRA==\n",
	"broken frames that go on":  "# v1 5ca1ab1e 1/53 00000000 QUJDRA\nQUJD\nQUJD\n",
	"many in a line":            strings.Repeat("# v1 a 1/1 00000000 A", 100) + "\n",
	"frames of many nonces":     "# v1 n%d 1/999 00000000 QUJD\n",
	"reports that only begin":   "TAP version 13\n",
	"behind many prefixes":      "vm%d | TAP version 13\nvm%d | 1..2\n",
	"behind many shapes":        "%d TAP version 13\na %d b %d TAP version 13\n",
	"lines behind many":         "vm%d | TAP version 13\nvm1 | ok 1 - A\nvm2 | ok 1 - A\n",
	"whole reports":             another,
	"whole ones of many":        "vm%d | " + strings.ReplaceAll(strings.TrimSpace(another), "\n", "\nvm%d | ") + "\n",
	"banners behind a report":   another + "Booting Linux on 1\nKernel panic - not syncing\n",
	"messages within lines":     "ok 1 - A[    1.234567] x\n",
	"a message in a first line": "TAP ver[    1.234567] x\nsion 13\n1..2\n",
}

// The work grows as the log does, whatever it holds.
func TestStepsAreLinear(t *testing.T) {
	for name, block := range hostile {
		t.Run(name, func(t *testing.T) { requireLinear(t, block) })
	}
}

func requireLinear(t *testing.T, block string) {
	t.Helper()
	const times, more = 400, 4
	few, many := stepsOf(block, times), stepsOf(block, more*times)
	lines := strings.Count(block, "\n") + 1
	require.LessOrEqual(t, few, times*lines*3000)
	require.LessOrEqual(t, many, more*few+more*few/2+1_000_000, "steps of %d and %d times", times, more*times)
}

func FuzzSteps(f *testing.F) {
	for _, block := range hostile {
		f.Add(block)
	}
	f.Fuzz(func(t *testing.T, block string) {
		if len(block) > 4096 {
			return
		}
		requireLinear(t, block+"\n")
	})
}

// What a parser keeps has a bound.
func TestMemoryIsFlat(t *testing.T) {
	const size, most = 8 << 20, 48 << 20
	for name, block := range hostile {
		t.Run(name, func(t *testing.T) {
			log := repeated(block, size/len(block))
			p := fed(log)
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			require.Less(t, m.HeapAlloc, uint64(most+size))
			runtime.KeepAlive(p)
			runtime.KeepAlive(log)
		})
	}
}
