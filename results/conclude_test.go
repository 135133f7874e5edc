package results_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
	"vmspec/results/report"
)

// saying is a report with a guest's own conclusion.
func saying(conclusion results.Conformance, points ...results.Point) results.Report {
	return results.Report{Report: report.Report{Verdict: conclusion, Points: points}}
}

// unfinished is a report that is not whole.
func unfinished(why error, r results.Report) results.Report {
	r.Incomplete = why
	return r
}

func TestConclude(t *testing.T) {
	must := func(v results.Verdict) results.Point { return results.Point{Level: "must", Verdict: v} }
	should := func(v results.Verdict) results.Point { return results.Point{Level: "should", Verdict: v} }
	os := func(v results.Verdict, level report.Level) results.Point {
		return results.Point{ID: "OS-GICV2", Level: level, Verdict: v}
	}
	const pass, fail, skip, broken = results.Pass, results.Fail, results.Skip, results.Error
	cases := []struct {
		name         string
		report       results.Report
		want, strict results.Conformance
		text         string
	}{
		{"incomplete, all passed", unfinished(errors.New("it has no end line"), saying("conformant", must(pass))),
			results.CouldNotTell, results.CouldNotTell, "the report is incomplete: it has no end line"},
		{"incomplete, a must failed", unfinished(errors.New("cut"), saying("", must(fail))),
			results.CouldNotTell, results.CouldNotTell, "the report is incomplete: cut"},
		{"no points", saying(""),
			results.CouldNotTell, results.CouldNotTell, "0 of 0 musts judged failed; 0 not judged"},
		{"no must", saying("could-not-tell", should(pass)),
			results.CouldNotTell, results.CouldNotTell, "0 of 0 musts judged failed; 0 not judged"},
		{"no must judged", saying("", must(skip), should(pass)),
			results.CouldNotTell, results.CouldNotTell, "0 of 0 musts judged failed; 1 not judged"},
		{"no must judged, a recommendation missed", saying("", must(skip), should(fail)),
			results.CouldNotTell, results.NotConformant, "0 of 0 musts judged failed; 1 not judged; 1 recommended missed"},
		{"error of a must", saying("", must(pass), must(broken)),
			results.CouldNotTell, results.CouldNotTell, "0 of 1 musts judged failed; 1 not judged; 1 errors"},
		{"error of a recommendation", saying("conformant", must(pass), should(broken)),
			results.Conformant, results.CouldNotTell, "0 of 1 musts judged failed; 0 not judged; 1 errors"},
		{"error beside a failed must", saying("", must(fail), must(broken)),
			results.NotConformant, results.NotConformant, "1 of 1 musts judged failed; 1 not judged; 1 errors"},
		{"error beside a missed recommendation", saying("conformant", must(pass), should(fail), should(broken)),
			results.Conformant, results.NotConformant, "0 of 1 musts judged failed; 0 not judged; 1 recommended missed; 1 errors"},
		{"the guest could not tell", saying("could-not-tell", must(pass)),
			results.CouldNotTell, results.CouldNotTell, "0 of 1 musts judged failed; 0 not judged"},
		{"a must failed", saying("not-conformant", must(pass), must(fail)),
			results.NotConformant, results.NotConformant, "1 of 2 musts judged failed; 0 not judged"},
		{"a recommendation missed", saying("conformant", must(pass), should(fail)),
			results.Conformant, results.NotConformant, "0 of 1 musts judged failed; 0 not judged; 1 recommended missed"},
		{"a must skipped", saying("conformant", must(pass), must(skip)),
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 1 not judged"},
		{"a recommendation skipped", saying("conformant", must(pass), should(skip)),
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 0 not judged"},
		{"a guest OS beside a platform", saying("conformant", must(pass), os(fail, "must"), os(broken, "must"), os(fail, "should"), os(skip, "must")),
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 0 not judged"},
		{"a guest OS in an image", saying("conformant", results.Point{ID: "IMG-GPT", Level: "must", Verdict: pass}, os(fail, "must")),
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 0 not judged"},
		{"an image beside a platform", saying("conformant", must(pass), results.Point{ID: "IMG-GPT", Level: "must", Verdict: fail}),
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 0 not judged"},
		{"a part", results.Report{Report: report.Report{Verdict: "could-not-tell", Points: []report.Point{must(pass)}, Choice: report.Choice{Only: []string{"PLAT-GIC"}, Musts: 2}}},
			results.CouldNotTell, results.CouldNotTell, "only 1 of 2 musts was chosen (vmspec.only=PLAT-GIC); 0 of 1 musts judged failed; 0 not judged"},
		{"a part that the host chose", results.Report{Report: report.Report{Verdict: "could-not-tell", Points: []report.Point{must(pass)}, Choice: report.Choice{Only: []string{"PLAT-GIC"}, Musts: 2, ByHost: true}}},
			results.MetAsChosen, results.MetAsChosen, "only 1 of 2 musts was chosen (vmspec.only=PLAT-GIC); 0 of 1 musts judged failed; 0 not judged"},
		{"all passed", saying("conformant", must(pass), should(pass)),
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 0 not judged"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			status, text := c.report.Conclude(false)
			require.Equal(t, c.want, status)
			require.Equal(t, c.text, text)
			status, text = c.report.Conclude(true)
			require.Equal(t, c.strict, status, "strict")
			strictly := c.text
			if before, after, missed := strings.Cut(c.text, "; 1 recommended missed"); missed && c.want != c.strict {
				strictly = "--strict: 1 recommended missed; " + before + after
			}
			require.Equal(t, strictly, text)
		})
	}
}

// What the guest concluded and what its points say come from the same results.
// Where they differ something is broken, and nothing is certified on that.
func TestConcludeAgainstTheGuest(t *testing.T) {
	passed := results.Point{Level: "must", Verdict: results.Pass}
	for _, c := range []struct {
		name   string
		report results.Report
	}{
		{"the guest says not conformant, no must failed", saying("not-conformant", passed)},
		{"the guest gives no verdict", saying("", passed)},
		{"a failure of no level", saying("not-conformant", passed, results.Point{Verdict: results.Fail})},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, _ := c.report.Conclude(false)
			require.Equal(t, results.CouldNotTell, status)
		})
	}
}

func TestConcludeStoredReports(t *testing.T) {
	for _, c := range []struct {
		file         string
		want, strict results.Conformance
		tally        report.Tally
	}{
		{conformant, results.Conformant, results.NotConformant, report.Tally{Judged: 14, Missed: 1}},
		{notConformant, results.NotConformant, results.NotConformant, report.Tally{Judged: 14, Failed: 4, Missed: 3}},
	} {
		t.Run(c.file, func(t *testing.T) {
			r := parsed(t, stored(t, c.file))
			require.Equal(t, c.tally, r.Tally(report.Platform))
			status, _ := r.Conclude(false)
			require.Equal(t, c.want, status)
			require.Equal(t, r.Verdict, status)
			status, _ = r.Conclude(true)
			require.Equal(t, c.strict, status, "strict")
		})
	}
}
