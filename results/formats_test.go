package results_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"vmspec/results"
	"vmspec/results/report"
)

func TestOutcomes(t *testing.T) {
	for want, points := range map[results.Outcome][]results.Point{
		results.Passed:   {{Verdict: results.Pass, Level: report.Must}, {Verdict: results.Pass}},
		results.Failed:   {{Verdict: results.Fail, Level: report.Must}},
		results.NotMet:   {{Verdict: results.Fail, Level: report.Should}, {Verdict: results.Fail, Level: report.May}, {Verdict: results.Fail}},
		results.Noted:    {{Verdict: results.Fail, Level: report.Info}},
		results.InError:  {{Verdict: results.Error, Level: report.Must}, {Verdict: results.Error, Level: report.Info}},
		results.LeftOpen: {{Verdict: results.Skip, Level: report.Must}},
	} {
		for _, p := range points {
			require.Equal(t, want, results.OutcomeOf(p), "%+v", p)
		}
	}
	for want, counts := range map[string]results.Counts{
		"0 points":            {},
		"1 point: 1 in error": {Points: 1, Errors: 1},
		"21 points: 1 failed, 2 in error, 3 missed, 4 noted, 5 passed, 6 skipped": {Points: 21, Failed: 1, Errors: 2, Missed: 3, Noted: 4, Passed: 5, Skipped: 6},
	} {
		require.Equal(t, want, counts.String())
	}
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"plain é 中 €":               "plain é 中 €",
		"a\tb\nc\r\nd\u2028e\u00a0": "a b c  d e ",
		"\x00\x1b[2J\x7f":           `\x00\x1b[2J\x7f`,
		"\u0085\u009b31m":           `\u0085\u009b31m`,
		"\u202egnp\u2066\ufeff":     `\u202egnp\u2066\ufeff`,
		"a\xffb":                    "a\ufffdb",
		"\U000e0041":                `\U000e0041`,
	} {
		require.Equal(t, want, results.Visible(text), "%q", text)
	}
}

// The lines around a point are the log's own, up to the next point.
func TestExcerpts(t *testing.T) {
	doc := document(t, "qemu-virt-gicv2.tap")
	points := validate(t, strictSchema(t), doc)["reports"].([]any)[0].(map[string]any)["points"].([]any)
	require.Len(t, points, 17)
	for _, p := range points {
		require.Contains(t, p, "log", p)
	}
	first := points[0].(map[string]any)["log"].(map[string]any)
	require.Equal(t, "4", fmt.Sprint(first["line"]))
	require.Equal(t, "1", fmt.Sprint(first["first"]))
	lines := first["lines"].([]any)
	require.Equal(t, "TAP version 13", lines[0])
	require.Contains(t, lines[3], "not ok 1 - FW-UEFI-BOOT ")
	require.Len(t, lines, 3+1+8)

	// Behind prefixes, the report's own source is told from another's.
	two := document(t, "logs/xen-dom0less-two.log").Entries[0]
	require.Equal(t, "(XEN) DOM1:", two.Report.Source)
	for _, p := range two.Report.Points {
		e := two.Excerpts.Of(p.ID, two.Report)
		require.NotNil(t, e, p.ID)
		require.Contains(t, e.Lines[e.Line-e.First], fmt.Sprintf("(XEN) DOM1: %sok %d - %s ", map[bool]string{true: "not "}[p.Verdict == results.Fail], p.Number, p.ID))
	}
}

// A log may be anything: what is kept of it is bounded, and text.
func FuzzExcerpts(f *testing.F) {
	f.Add("ok 1 - FW-ONE x\n  ---\nnot ok 2 - FW-TWO y # TODO should\n")
	f.Add("\x1b[1mok 1 - A\xff\n\x00ok 2 - A b\n" + strings.Repeat("ok 3 - A\n", 20))
	f.Add("vm1 | ok 1 - FW-ONE " + strings.Repeat("é", 300))
	f.Fuzz(func(t *testing.T, log string) {
		x := &results.Excerpts{}
		n := 0
		for line := range strings.Lines(log) {
			x.Take(line)
			n++
		}
		r := &results.Report{First: 1, Last: results.LineNumber(n)}
		for _, id := range []string{"FW-ONE", "A"} {
			e := x.Of(id, r)
			if e == nil {
				continue
			}
			require.LessOrEqual(t, len(e.Lines), 12)
			require.GreaterOrEqual(t, e.Line, e.First)
			require.Less(t, int(e.Line-e.First), len(e.Lines))
			for _, line := range e.Lines {
				require.LessOrEqual(t, len(line), 210)
				require.True(t, utf8.ValidString(line), "%q", line)
			}
		}
	})
}

// A viewer knows a case by its class and name: none is there twice.
func TestJUnitNamesAreUnique(t *testing.T) {
	doc := document(t, "qemu-virt-gicv2.tap", "qemu-virt-gicv2.tap", "qemu-virt-uefi.log")
	other, err := doc.Entries[2].Report.By("v2.0")
	require.NoError(t, err)
	doc.Entries = append(doc.Entries, results.Entry{Name: "vm", Report: other},
		results.Entry{Name: "lost", Why: "no report in the log"}, results.Entry{Name: "lost", Why: "no report in the log"})
	var out bytes.Buffer
	require.NoError(t, doc.JUnit(&out))
	var read struct {
		Suites []struct {
			Cases []struct {
				Class string `xml:"classname,attr"`
				Name  string `xml:"name,attr"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(out.Bytes(), &read))
	require.Len(t, read.Suites, 6)
	seen := map[string]bool{}
	for _, s := range read.Suites {
		for _, c := range s.Cases {
			require.False(t, seen[c.Class+" "+c.Name], "%s %s", c.Class, c.Name)
			seen[c.Class+" "+c.Name] = true
		}
	}
	require.True(t, seen["vmspec.v2.0.platform PLAT-GIC"])
}

// GitHub refuses a long summary: it is cut, and says so.
func TestSummaryIsBounded(t *testing.T) {
	doc := document(t, "qemu-virt-gicv2.tap")
	var whole, short bytes.Buffer
	require.NoError(t, doc.Markdown(&short))
	require.NoError(t, doc.Summary(&whole))
	require.Equal(t, short.String(), whole.String())

	points := doc.Entries[0].Report.Points
	for i := range points {
		points[i].Found = strings.Repeat("`", 1<<16)
	}
	whole.Reset()
	require.NoError(t, doc.Summary(&whole))
	require.LessOrEqual(t, whole.Len(), results.MaxSummary+100)
	require.Contains(t, whole.String(), "The summary is cut here")
}
