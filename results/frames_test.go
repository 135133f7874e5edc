package results_test

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// guestLog is a log of qemu-virt-uefi, from its report's first line on.
func guestLog(t *testing.T) string {
	t.Helper()
	log := stored(t, "qemu-virt-uefi.log")
	return strings.ReplaceAll(log[strings.Index(log, "TAP version 13"):], "\r\n", "\n")
}

// What was damaged is told, and not only that something was.
func TestRepaired(t *testing.T) {
	log := guestLog(t)
	truth := parsed(t, log)
	require.Empty(t, truth.Repaired)
	gic := replaceLine(t, log, "ok 29 ")
	lines := len(truth.Lines)
	for _, c := range []struct{ name, log, repaired string }{
		{"a lost line", gic, fmt.Sprintf("1 of its %d lines, of PLAT-GIC", lines)},
		{"a changed line", strings.Replace(log, "ok 29 ", "ok 28 ", 1), fmt.Sprintf("1 of its %d lines, of PLAT-GIC", lines)},
		{"a lost head", replaceLine(t, log, "# vmspec 0"), fmt.Sprintf("1 of its %d lines", lines)},
		{"a line twice", replaceLine(t, log, "1..", "1..53", "1..53"), "1 lines that were none of its own"},
		{"lines swapped", strings.Replace(log, "1..53\n# vmspec 0", "# vmspec 0", 1), ""},
		{"many points", strings.ReplaceAll(log, "\n  kind", "\n kind"), ", of 53 points"},
		{"nothing but frames", log[strings.Index(log, "# v1 "):], "the whole report"},
		{"the kernel in a line", strings.Replace(log, "PLAT-GIC The", "PLAT-[    1.234567] crng init done\nGIC The", 1), fmt.Sprintf("1 of its %d lines, of PLAT-GIC", lines)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parsed(t, c.log)
			require.Equal(t, truth.Lines, r.Lines)
			require.Equal(t, truth.Points, r.Points)
			require.Contains(t, r.Repaired, c.repaired)
			require.NotEmpty(t, r.Repaired)
		})
	}
}

// Where no whole report is, the frames that are there are counted.
func TestFramesMissing(t *testing.T) {
	log := guestLog(t)
	frames := log[strings.Index(log, "# v1 "):]
	without := slices.DeleteFunc(strings.SplitAfter(frames, "\n"), func(l string) bool { return strings.Contains(l, " 7/53 ") })
	for name, c := range map[string]struct{ log, want string }{
		"beside a report": {replaceLine(t, log[:strings.Index(log, "# v1 ")], "ok 29 ") + strings.Join(without, ""), "of 53 points, missing: 29; of its 53 frames there are 52"},
		"alone":           {strings.Join(without, ""), "none of its lines can be told; of its 53 frames there are 52"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := results.Parse(strings.NewReader(c.log), "")
			require.NoError(t, err)
			require.ErrorContains(t, r.Incomplete, c.want)
		})
	}
}

// Another report that began behind a whole one is told of.
func TestLater(t *testing.T) {
	whole, other := minimal("aaaa"), minimal("bbbb")
	for name, c := range map[string]struct {
		log   string
		later bool
	}{
		"alone":                      {whole, false},
		"behind one that was cut":    {other[:200] + "\n" + whole, false},
		"before one that was cut":    {whole + other[:200], true},
		"before one that only began": {whole + other[:15], false},
		"before a whole one":         {whole + other, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.later, parsed(t, c.log).Later) })
	}
}

// A parser knows what the guest was doing.
func TestDoing(t *testing.T) {
	var p results.Parser
	for _, c := range []struct{ line, doing string }{
		{"[    0.1] Booting Linux on physical CPU 0x0", ""},
		{"# vmspec: trial clock", "trial clock"},
		{"(XEN) DOM1: # vmspec: trial timer", "trial timer"},
		{"random: crng init done", "trial timer"},
		{"TAP version 13", "writing its report"},
		{"# vmspec: parameter vmspec.x=1: no such parameter", "writing its report"},
		{"# vmspec: end points=0 sha256=00 nonce=-", ""},
	} {
		p.Line(c.line)
		require.Equal(t, c.doing, p.Doing(), c.line)
	}
}

// captureFrames are data as a guest writes a capture, so many bytes a frame.
func captureFrames(nonce string, data []byte, size int) []string {
	var lines []string
	total := (len(data) + size - 1) / size
	for piece := range slices.Chunk(data, size) {
		place := fmt.Sprintf("%s %d/%d", nonce, len(lines)+1, total)
		text := base64.StdEncoding.EncodeToString(piece)
		lines = append(lines, fmt.Sprintf("# c1 %s %08x %s", place, crc32.ChecksumIEEE([]byte(place+" "+text)), text))
	}
	return lines
}

func TestCapture(t *testing.T) {
	data := []byte(strings.Repeat("a captured guest ", 5000))
	lines := captureFrames("aaaa", data, 48)
	require.Greater(t, len(lines), 1000)
	damaged := slices.Clone(lines)
	damaged[77] = strings.Replace(damaged[77], "/", "\n[    1.2] kernel\n/", 1)
	for name, c := range map[string]struct {
		log, nonce string
		want       []byte
		err        string
	}{
		"none":               {log: minimal("aaaa")},
		"whole":              {log: minimal("aaaa") + logOf(lines...), nonce: "aaaa", want: data},
		"of another":         {log: logOf(lines...), nonce: "bbbb"},
		"behind Xen":         {log: behind("(XEN) DOM1: ", logOf(lines...)), want: data},
		"out of order":       {log: logOf(append(lines[500:len(lines):len(lines)], lines[:500]...)...), want: data},
		"one is broken":      {log: logOf(damaged...), err: fmt.Sprintf("of the captured guest's %d frames there are %d", len(lines), len(lines)-1)},
		"broken, then whole": {log: logOf(damaged...) + logOf(lines...), want: data},
		"too many":           {log: strings.ReplaceAll(logOf(lines[:9]...), fmt.Sprintf("/%d ", len(lines)), "/100000 ")},
	} {
		t.Run(name, func(t *testing.T) {
			p := results.Parser{Nonce: c.nonce}
			require.NoError(t, results.EachLine(strings.NewReader(c.log), func(l string) { p.Line(l) }))
			got, err := p.Capture()
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}
