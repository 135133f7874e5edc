package results_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"vmspec/results"
	"vmspec/results/report"
)

// The stored reports, of captured guests: what vmspec judge prints, up to the
// end line.
const (
	conformant    = "qemu-virt-uefi-gicv3.tap"
	notConformant = "qemu-virt-gicv2.tap"

	conformantNonce    = "03861192"
	notConformantNonce = "2f3dc8e0"
)

func TestParse(t *testing.T) {
	whole, other := minimal("aaaa"), minimal("bbbb")
	const kernel = "[    1.234567] virtio_blk virtio0: [vda] 8 512-byte logical blocks"
	cases := []struct {
		name, log, nonce string
		want             string // the nonce of the whole report
		incomplete       string // or: what is said of one that is not
		// or neither: no report
	}{
		{name: "empty log"},
		{name: "no report", log: "U-Boot 2025.01\n" + kernel + "\n"},
		{name: "report without its first line", log: replaceLine(t, whole, "TAP")},
		{name: "lower case", log: strings.ToLower(whole)},
		{name: "TAP version 14", log: replaceLine(t, whole, "TAP", "TAP version 14")},
		{name: "something behind TAP version 13", log: replaceLine(t, whole, "TAP", "TAP version 13 "+kernel)},
		{name: "another nonce", log: whole, nonce: "bbbb"},

		{name: "only begun", log: "TAP version 13", incomplete: "its plan is missing"},
		{name: "only begun, nonce chosen", log: "TAP version 13", nonce: "aaaa", incomplete: "its plan is missing"},
		{name: "cut behind the plan", log: logOf(head(2, "aaaa")[:2]...), incomplete: "missing: 1-2"},
		{name: "cut behind a point", log: logOf(append(head(2, "aaaa"), "ok 1 - FW-ONE Holds")...), incomplete: "of 2 points, missing: 2"},
		{name: "lost plan", log: replaceLine(t, whole, "1.."), incomplete: "do not match its hash\nits plan is missing"},
		{name: "lost head", log: replaceLine(t, whole, "# vmspec 0"), incomplete: "do not match its hash"},
		{name: "lost head, nonce chosen", log: replaceLine(t, whole, "# vmspec 0"), nonce: "aaaa", incomplete: "do not match its hash"},
		{name: "lost point", log: replaceLine(t, whole, "not ok 2"), incomplete: "missing: 2"},
		{name: "lost diagnostics", log: replaceLine(t, whole, "  level"), incomplete: "do not match its hash"},
		{name: "lost verdict", log: replaceLine(t, whole, "# vmspec: verdict"), incomplete: "do not match its hash"},
		{name: "lost end", log: replaceLine(t, whole, "# vmspec: end"), incomplete: "no end line"},
		{name: "doubled point", log: replaceLine(t, whole, "ok 1", "ok 1 - FW-ONE The first holds", "ok 1 - FW-ONE The first holds"), incomplete: "do not match its hash"},
		{name: "failure turned into a pass", log: strings.Replace(whole, "not ok 2", "ok 2", 1), incomplete: "do not match its hash"},
		{name: "must turned into should", log: strings.ReplaceAll(whole, `"must"`, `"should"`), incomplete: "do not match its hash"},
		{name: "kernel in the middle of a line", log: strings.Replace(whole, "FW-TWO", "FW-T\n"+kernel+"\nWO", 1), incomplete: "do not match its hash"},
		{name: "kernel at the end of a line", log: strings.Replace(whole, "The first holds", "The first holds"+kernel, 1), incomplete: "do not match its hash"},
		{name: "kernel before a line", log: strings.Replace(whole, "ok 1", kernel+"ok 1", 1), incomplete: "do not match its hash"},
		{name: "wrapped at 40 columns", log: wrapped(whole, 40), incomplete: "no end line"},
		{name: "escape sequence cut", log: strings.Replace(whole, "holds", "ho\x1b[3\nlds", 1), incomplete: "do not match its hash"},
		{name: "prefix from the second line on", log: strings.ReplaceAll(whole, "\n", "\n(XEN) DOM1: "), incomplete: "no end line"},
		{name: "prefix lost on a line", log: strings.Replace(behind("(XEN) DOM1: ", whole), "DOM1: ok 1", "ok 1", 1), incomplete: "do not match its hash"},
		{name: "two nonces", log: strings.Replace(whole, " nonce=aaaa", " nonce=bbbb", 1), incomplete: "do not match its hash"},
		{name: "begun in a report", log: strings.Replace(whole, "ok 1 -", "TAP version 13\nok 1 -", 1), incomplete: "do not match its hash"},
		{name: "line ends lost", log: strings.ReplaceAll(whole, "\n", " ") + "\nTAP version 13\n", incomplete: "its plan is missing"},

		{name: "end of another nonce", log: logOf(append(head(0, "aaaa"), endOf(head(0, "aaaa"), 0, "bbbb"))...), incomplete: "end line"},
		{name: "end of another count", log: logOf(append(head(2, "aaaa"), endOf(head(2, "aaaa"), 2, "aaaa"))...), incomplete: "there are 0"},
		{name: "end with more points than the plan", log: hostileEnd(1, 2), incomplete: "end line"},
		{name: "end with less points than the plan", log: hostileEnd(2, 1), incomplete: "end line"},
		{name: "end of five digits", log: strings.Replace(whole, "points=2", "points=00002", 1), incomplete: "no end line"},
		{name: "end of negative points", log: strings.Replace(whole, "points=2", "points=-2", 1), incomplete: "no end line"},
		{name: "end with a short hash", log: logOf(append(head(0, "aaaa"), "# vmspec: end points=0 sha256=00 nonce=aaaa")...), incomplete: "no end line"},
		{name: "end with an upper case hash", log: upperHash(whole), incomplete: "no end line"},
		{name: "end without a nonce", log: strings.TrimSuffix(whole, "aaaa\n") + "\n", incomplete: "no end line"},
		{name: "end without head", log: logOf("TAP version 13", endOf([]string{"TAP version 13"}, 0, "aaaa")), incomplete: "end line"},
		{name: "end of a hash over nothing", log: logOf("TAP version 13", "# vmspec: end points=0 sha256="+fmt.Sprintf("%x", sha256.Sum256(nil))+" nonce=aaaa"), incomplete: "do not match its hash"},
		{name: "end alone", log: logOf(endOf(nil, 0, "aaaa"))},

		{name: "more lines than any report", log: sealed(2, "aaaa", strings.Split(strings.Repeat("  ---\n", 20_001), "\n")...), incomplete: "no end line"},
		{name: "line of megabytes in a report", log: strings.Replace(whole, "ok 1 -", strings.Repeat("x", 3<<20+1)+"ok 1 -", 1), incomplete: "do not match its hash"},
		{name: "line of megabytes without end behind the begin", log: logOf(head(2, "aaaa")...) + strings.Repeat("x", 3<<20), incomplete: "no end line"},

		{name: "whole", log: whole, want: "aaaa"},
		{name: "whole, nonce chosen", log: whole, nonce: "aaaa", want: "aaaa"},
		{name: "last line without its end", log: strings.TrimSuffix(whole, "\n"), want: "aaaa"},
		{name: "CR LF", log: strings.ReplaceAll(whole, "\n", "\r\n"), want: "aaaa"},
		{name: "CR CR LF", log: strings.ReplaceAll(whole, "\n", "\r\r\n"), want: "aaaa"},
		{name: "kernel between all lines", log: strings.ReplaceAll(whole, "\n", "\r\n"+kernel+"\r\n"), want: "aaaa"},
		{name: "NULs between lines", log: "\x00\x00" + strings.ReplaceAll(whole, "\n", "\n\x00\x00\n"), want: "aaaa"},
		{name: "UTF-16", log: strings.Join(strings.Split(whole, ""), "\x00"), want: "aaaa"},
		{name: "NUL in a line", log: strings.Replace(whole, "holds", "ho\x00lds", 1), want: "aaaa"},
		{name: "control characters", log: strings.ReplaceAll(whole, "o", "\x07o\x7f"), want: "aaaa"},
		{name: "colours", log: strings.ReplaceAll(whole, "ok", "\x1b[1;32mok\x1b[m"), want: "aaaa"},
		{name: "a screen drawn by UEFI", log: strings.ReplaceAll(whole, "\n", "\r\n\x1b[2J\x1b[01;01H\x1b[=3h"), want: "aaaa"},
		{name: "a title set by a terminal", log: "\x1b]0;qemu\x07" + whole, want: "aaaa"},
		{name: "kernel lines that look like a report's", log: strings.ReplaceAll(whole, "\n", "\n[    1.234567] ok 1 - FW-FORGED\n"), want: "aaaa"},
		{name: "a domain's lines", log: behind("(XEN) DOM1: ", whole), want: "aaaa"},
		{name: "a domain's lines, with Xen's time", log: behind("(XEN) [   12.345678] DOM1: ", whole), want: "aaaa"},
		{name: "a domain's lines, newer Xen", log: behind("(XEN) (d7) ", whole), want: "aaaa"},
		{name: "two domains interleaved", log: interleaved(behind("(XEN) DOM1: ", whole), behind("(XEN) DOM2: ", other)), nonce: "aaaa", want: "aaaa"},
		{name: "many domains that only began, before", log: domains(100, "TAP version 13") + behind("(XEN) DOM101: ", whole), want: "aaaa"},
		{name: "domains one after the other", log: behind("(XEN) DOM1: ", other) + behind("(XEN) DOM2: ", other) + behind("(XEN) DOM3: ", whole), want: "aaaa"},
		{name: "a domain among Xen's own lines", log: strings.ReplaceAll(behind("(XEN) DOM1: ", whole), "\n", "\n(XEN) ok 1 - Xen's\n"), want: "aaaa"},
		{name: "kernel time", log: ticking(whole, "[%5d.123456] "), want: "aaaa"},
		{name: "ts", log: ticking(whole, "Nov 25 06:50:%02d "), want: "aaaa"},
		{name: "ts, relative", log: ticking(whole, "00:00:%02d "), want: "aaaa"},
		{name: "LAVA", log: ticking(whole, "2026-11-25T06:50:%02d.123 "), want: "aaaa"},
		{name: "ISO time with a zone", log: ticking(whole, "[2026-11-25 06:50:%02d,123+01:00] "), want: "aaaa"},
		{name: "syslog", log: ticking(whole, "<30>Nov 25 06:50:%02d farm-3 qemu[1234]: "), want: "aaaa"},
		{name: "text before TAP version 13", log: "EFI stub: Exiting boot services...\x1b[2J\xff" + whole, want: "aaaa"},
		{name: "another TAP version 13 before", log: logOf("TAP version 13", "1..3", "ok 1 - kselftest") + whole, want: "aaaa"},
		{name: "megabytes without a line end before", log: strings.Repeat("x", 3<<20) + "\n" + whole, want: "aaaa"},
		{name: "megabytes between lines", log: strings.Replace(whole, "ok 1 -", strings.Repeat("x", 3<<20)+"\nok 1 -", 1), want: "aaaa"},
		{name: "20,000 lines of kernel in it", log: strings.Replace(whole, "ok 1 -", strings.Repeat(kernel+"\n", 20_001)+"ok 1 -", 1), want: "aaaa"},
		{name: "plan 0", log: sealed(0, "aaaa"), want: "aaaa"},
		{name: "two reports", log: whole + other, want: "bbbb"},
		{name: "older report chosen", log: whole + other, nonce: "aaaa", want: "aaaa"},
		{name: "older report, newer chosen", log: whole + other, nonce: "bbbb", want: "bbbb"},
		{name: "whole report, then one cut", log: whole + other[:len(other)-10], want: "aaaa"},
		{name: "report cut, then a whole one", log: whole[:len(whole)/2] + "\n" + other, want: "bbbb"},
		{name: "older whole report, chosen one cut", log: whole + other[:len(other)-10], nonce: "bbbb", incomplete: "no end line"},
		{name: "chosen one cut, then another whole", log: whole[:len(whole)-10] + "\n" + other, nonce: "aaaa", incomplete: "no end line"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, err := results.Parse(strings.NewReader(c.log), c.nonce)
			switch {
			case c.want != "":
				require.NoError(t, err)
				require.NoError(t, r.Incomplete)
				require.Equal(t, c.want, r.Nonce)
			case c.incomplete != "":
				require.NoError(t, err)
				require.ErrorContains(t, r.Incomplete, c.incomplete)
				status, _ := r.Conclude(false)
				require.Equal(t, results.CouldNotTell, status)
			default:
				require.ErrorIs(t, err, results.ErrNoReport)
			}
		})
	}
}

func TestParseReadError(t *testing.T) {
	broken := errors.New("input/output error")
	in := io.MultiReader(strings.NewReader(minimal("aaaa")), iotest.ErrReader(broken))
	_, err := results.Parse(in, "")
	require.ErrorIs(t, err, broken)
}

func TestParseStoredReports(t *testing.T) {
	cases := []struct {
		file   string
		want   report.Report // without points
		points int
		first  results.Point
	}{
		{
			file: notConformant,
			want: report.Report{
				Head:    report.Head{Version: "0.1.0", Catalogue: "ed810369", Profile: "rfc-v2", Arch: "arm64", Nonce: notConformantNonce},
				Planned: 17, Verdict: results.NotConformant,
			},
			points: 17,
			first: results.Point{
				Number: 1, ID: "FW-UEFI-BOOT", Title: "The VM boots through UEFI firmware", Verdict: results.Fail,
				Level: "must", Clause: "rfc-v2 Virtual Firmware 1", Kind: "functional",
				Problem: "the guest was not booted through UEFI",
				Fix:     "Start the VM with UEFI firmware, such as AAVMF or U-Boot, and let that load the kernel.",
			},
		},
		{
			file: conformant,
			want: report.Report{
				Head:    report.Head{Version: "0.1.0", Catalogue: "ed810369", Profile: "rfc-v2", Arch: "arm64", Nonce: conformantNonce},
				Planned: 17, Verdict: results.Conformant,
			},
			points: 17,
			first: results.Point{
				Number: 1, ID: "FW-UEFI-BOOT", Title: "The VM boots through UEFI firmware", Verdict: results.Pass,
				Level: "must", Clause: "rfc-v2 Virtual Firmware 1", Kind: "functional",
			},
		},
	}
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			log := stored(t, c.file)
			r := parsed(t, log)
			require.Equal(t, log, logOf(r.Lines...))
			require.Len(t, r.Points, c.points)
			for i, p := range r.Points {
				require.Equal(t, i+1, p.Number)
				require.NotEmpty(t, p.Level, p.ID)
				require.NotEmpty(t, p.Clause, p.ID)
				require.NotEmpty(t, p.Kind, p.ID)
			}
			first := r.Points[0]
			first.Found = "" // the guest's own words; the stored file says them
			require.Equal(t, c.first, first)
			got := r.Report
			got.Points = nil
			require.Equal(t, c.want, got)
			require.Equal(t, &results.Report{Report: r.Report, Lines: r.Lines, First: 1, Last: results.LineNumber(len(r.Lines)), Boot: 1}, r)
		})
	}
}

// A line that only looks like one of a report is not in its hash, and so is not
// set aside silently.
func TestParseLooksLikeAPoint(t *testing.T) {
	r, err := results.Parse(strings.NewReader(sealed(1, "aaaa", "ok 1 - FW-ONE a # in the title")), "")
	require.NoError(t, err)
	require.EqualError(t, r.Incomplete, "its lines do not match its hash\nof 1 points, missing: 1")
}

// A parser that is asked at any time says what it has so far, as a run that is
// interrupted does.
func TestParserLine(t *testing.T) {
	p := results.Parser{Nonce: "bbbb"}
	var at []int
	for n, line := range strings.Split(minimal("aaaa")+minimal("bbbb")+minimal("aaaa"), "\n") {
		if p.Line(line) {
			at = append(at, n)
		}
	}
	size := strings.Count(minimal("aaaa"), "\n")
	require.Equal(t, []int{2*size - 1}, at)
	r, err := p.Report()
	require.NoError(t, err)
	require.Equal(t, "bbbb", r.Nonce)
	again, err := p.Report()
	require.NoError(t, err)
	require.Same(t, r, again)
}

func TestEachLine(t *testing.T) {
	long := strings.Repeat("x", 4096)
	cases := []struct {
		name, log string
		want      []string
	}{
		{"empty", "", nil},
		{"no end", "a", []string{"a"}},
		{"LF", "a\nb\n", []string{"a", "b"}},
		{"CR LF", "a\r\nb\r\n", []string{"a", "b"}},
		{"CR CR LF", "a\r\r\nb\r\r\n", []string{"a", "b"}},
		{"CR inside", "a\rb\n", []string{"a\rb"}},
		{"empty lines", "\n\r\n\n", []string{"", "", ""}},
		{"as long as the buffer", long + "\n", []string{long, ""}},
		{"longer than the buffer", long + long + "yz\na\n", []string{long, long, "yz", "a"}},
		{"NUL", "a\x00b\n", []string{"a\x00b"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			in := iotest.HalfReader(strings.NewReader(c.log))
			require.NoError(t, results.EachLine(in, func(line string) { got = append(got, line) }))
			require.Equal(t, c.want, got)
		})
	}
}

const sampleEvery = 16 << 20

// FuzzParse: whatever comes, a report that is called whole matches its own end
// line, and nothing else gives a verdict.
func FuzzParse(f *testing.F) {
	f.Add([]byte(stored(f, conformant)), "")
	f.Add([]byte(stored(f, notConformant)), notConformantNonce)
	f.Add([]byte(minimal("aaaa")+minimal("bbbb")), "aaaa")
	f.Add([]byte(strings.ReplaceAll(minimal("aaaa"), "\n", "\r\r\n")), "")
	f.Add([]byte(sealed(0, "-")), "-")
	f.Add([]byte(behind("(XEN) DOM1: ", minimal("aaaa"))), "aaaa")
	f.Add([]byte(ticking(minimal("aaaa"), "\x1b[1mNov 25 06:50:%02d farm qemu[1]: \x1b[m")), "")
	f.Add([]byte(hostileEnd(2, 1)), "")
	framed := stored(f, "qemu-virt-uefi.log")
	framed = framed[strings.Index(framed, "TAP version 13"):]
	f.Add([]byte(framed), "5ca1ab1e")
	f.Add([]byte(strings.Replace(framed, "\nok ", "\n[    1.234567] kernel\r\nok ", 9)), "")
	f.Add([]byte(strings.Replace(framed, "Virtual", "Vir[    1.234567] kernel\r\ntual", 1)), "")
	f.Add([]byte(framed[strings.Index(framed, "# v1"):]), "")
	f.Add([]byte(minimal("aaaa")[:300]), "")
	f.Add([]byte("noise TAP version 13\r\n1..1\r\nok 1 - A # SKIP\n  found:\n    - \"\\ud800\"\n"), "x")
	f.Fuzz(func(t *testing.T, log []byte, nonce string) {
		r := checkParse(t, log, nonce)
		if r == nil || r.Incomplete == nil {
			return
		}
		// Mutation cannot guess a hash, so the lines that were taken are given one.
		lines := r.Lines
		if len(lines) > 0 && strings.HasPrefix(lines[len(lines)-1], "# vmspec: end ") {
			lines = lines[:len(lines)-1]
		}
		end := endOf(lines, len(r.Points), r.Nonce)
		checkParse(t, []byte(logOf(append(lines[:len(lines):len(lines)], end)...)), "")
	})
}

func checkParse(t *testing.T, log []byte, nonce string) *results.Report {
	r, err := results.Parse(strings.NewReader(string(log)), nonce)
	if errors.Is(err, results.ErrNoReport) {
		return nil
	}
	require.NoError(t, err)
	for _, strict := range []bool{false, true} {
		if status, _ := r.Conclude(strict); r.Incomplete != nil {
			require.Equal(t, results.CouldNotTell, status)
		}
	}
	if r.Incomplete != nil {
		return r
	}
	lines, last := r.Lines[:len(r.Lines)-1], r.Lines[len(r.Lines)-1]
	require.Equal(t, r.Planned, len(r.Points))
	require.Equal(t, endOf(lines, len(r.Points), r.Nonce), endOf(lines, r.Planned, r.Nonce))
	require.Equal(t, last, endOf(lines, r.Planned, r.Nonce))
	if nonce != "" {
		require.Equal(t, nonce, r.Nonce)
	}
	again, err := results.Parse(strings.NewReader(logOf(r.Lines...)), r.Nonce)
	require.NoError(t, err)
	require.Equal(t, r.Lines, again.Lines)
	require.Equal(t, r.Points, again.Points)
	require.Equal(t, r.Verdict, again.Verdict)
	require.Empty(t, again.Repaired)
	return r
}
