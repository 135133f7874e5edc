package results_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

func TestConclude(t *testing.T) {
	must := func(v results.Verdict) results.Point { return results.Point{Level: "must", Verdict: v} }
	should := func(v results.Verdict) results.Point { return results.Point{Level: "should", Verdict: v} }
	os := func(v results.Verdict, level string) results.Point {
		return results.Point{ID: "OS-GICV2", Level: level, Verdict: v}
	}
	const pass, fail, skip, broken = results.Pass, results.Fail, results.Skip, results.Error
	cases := []struct {
		name         string
		report       results.Report
		want, strict results.Status
		text         string
	}{
		{"incomplete, all passed", results.Report{Incomplete: errors.New("it has no end line"), Points: []results.Point{must(pass)}, Verdict: "conformant"},
			results.CouldNotTell, results.CouldNotTell, "the report is incomplete: it has no end line"},
		{"incomplete, a must failed", results.Report{Incomplete: errors.New("cut"), Points: []results.Point{must(fail)}},
			results.CouldNotTell, results.CouldNotTell, "the report is incomplete: cut"},
		{"no points", results.Report{},
			results.CouldNotTell, results.CouldNotTell, "0 of 0 musts judged failed; 0 not judged"},
		{"no must", results.Report{Points: []results.Point{should(pass)}, Verdict: "could-not-tell"},
			results.CouldNotTell, results.CouldNotTell, "0 of 0 musts judged failed; 0 not judged"},
		{"no must judged", results.Report{Points: []results.Point{must(skip), should(pass)}},
			results.CouldNotTell, results.CouldNotTell, "0 of 0 musts judged failed; 1 not judged"},
		{"no must judged, a recommendation missed", results.Report{Points: []results.Point{must(skip), should(fail)}},
			results.CouldNotTell, results.NotConformant, "0 of 0 musts judged failed; 1 not judged; 1 recommended missed"},
		{"error of a must", results.Report{Points: []results.Point{must(pass), must(broken)}},
			results.CouldNotTell, results.CouldNotTell, "0 of 1 musts judged failed; 1 not judged; 1 errors"},
		{"error of a recommendation", results.Report{Points: []results.Point{must(pass), should(broken)}},
			results.CouldNotTell, results.CouldNotTell, "0 of 1 musts judged failed; 0 not judged; 1 errors"},
		{"error beside a failed must", results.Report{Points: []results.Point{must(fail), must(broken)}},
			results.NotConformant, results.NotConformant, "1 of 1 musts judged failed; 1 not judged; 1 errors"},
		{"error beside a missed recommendation", results.Report{Points: []results.Point{must(pass), should(fail), should(broken)}},
			results.CouldNotTell, results.NotConformant, "0 of 1 musts judged failed; 0 not judged; 1 recommended missed; 1 errors"},
		{"the guest could not tell", results.Report{Points: []results.Point{must(pass)}, Verdict: "could-not-tell"},
			results.CouldNotTell, results.CouldNotTell, "0 of 1 musts judged failed; 0 not judged"},
		{"a must failed", results.Report{Points: []results.Point{must(pass), must(fail)}, Verdict: "not-conformant"},
			results.NotConformant, results.NotConformant, "1 of 2 musts judged failed; 0 not judged"},
		{"a recommendation missed", results.Report{Points: []results.Point{must(pass), should(fail)}, Verdict: "conformant"},
			results.Conformant, results.NotConformant, "0 of 1 musts judged failed; 0 not judged; 1 recommended missed"},
		{"a must skipped", results.Report{Points: []results.Point{must(pass), must(skip)}, Verdict: "conformant"},
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 1 not judged"},
		{"a recommendation skipped", results.Report{Points: []results.Point{must(pass), should(skip)}, Verdict: "conformant"},
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 0 not judged"},
		{"a guest OS beside a platform", results.Report{Points: []results.Point{must(pass), os(fail, "must"), os(broken, "must"), os(fail, "should"), os(skip, "must")}, Verdict: "conformant"},
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 0 not judged"},
		{"a guest OS in an image", results.Report{Points: []results.Point{{ID: "IMG-GPT", Level: "must", Verdict: pass}, os(fail, "must")}, Verdict: "not-conformant"},
			results.NotConformant, results.NotConformant, "1 of 2 musts judged failed; 0 not judged"},
		{"all passed", results.Report{Points: []results.Point{must(pass), should(pass)}, Verdict: "conformant"},
			results.Conformant, results.Conformant, "0 of 1 musts judged failed; 0 not judged"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			status, text := c.report.Conclude(false)
			require.Equal(t, c.want, status)
			require.Equal(t, c.text, text)
			status, text = c.report.Conclude(true)
			require.Equal(t, c.strict, status, "strict")
			require.Equal(t, c.text, text)
		})
	}
}

// What the guest concluded and what its points say come from the same results.
// Where they differ something is broken, and nothing is certified on that.
func TestConcludeAgainstTheGuest(t *testing.T) {
	passed := []results.Point{{Level: "must", Verdict: results.Pass}}
	for _, c := range []struct {
		name   string
		report results.Report
	}{
		{"the guest says not conformant, no must failed", results.Report{Points: passed, Verdict: "not-conformant"}},
		{"the guest gives no verdict", results.Report{Points: passed}},
		{"a failure of no level", results.Report{Points: append(passed, results.Point{Verdict: results.Fail}), Verdict: "not-conformant"}},
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
		want, strict results.Status
		tally        results.Tally
	}{
		{conformant, results.Conformant, results.NotConformant, results.Tally{Judged: 14, Missed: 1}},
		{notConformant, results.NotConformant, results.NotConformant, results.Tally{Judged: 14, Failed: 4, Missed: 3}},
	} {
		t.Run(c.file, func(t *testing.T) {
			r := parsed(t, stored(t, c.file))
			require.Equal(t, c.tally, r.Tally())
			status, _ := r.Conclude(false)
			require.Equal(t, c.want, status)
			require.Equal(t, r.Verdict, status.String())
			status, _ = r.Conclude(true)
			require.Equal(t, c.strict, status, "strict")
		})
	}
}

func TestStatus(t *testing.T) {
	for status, want := range map[results.Status]string{
		0: "conformant", 1: "not-conformant", 2: "could-not-tell", 3: "unusable", 4: "unusable", -1: "unusable",
	} {
		require.Equal(t, want, status.String())
	}
}

func TestSymptom(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", ""},
		{"[    0.512340] Kernel command line: panic=-1 console=ttyAMA0", ""},
		{"[    0.900000] Run /init as init process", ""},
		{"UEFI firmware (version 2024.02 built at 00:00:00)", ""},
		{"[    1.500000] Kernel panic - not syncing: VFS: Unable to mount root fs", "the guest's kernel panicked"},
		{"Synchronous Exception at 0x000000005F8A1000", "the firmware crashed"},
		{"UEFI Interactive Shell v2.2", "the firmware found nothing to boot and started its shell"},
	} {
		t.Run(c.line, func(t *testing.T) {
			meaning, ok := results.Symptom(c.line)
			require.Equal(t, c.want, meaning)
			require.Equal(t, c.want != "", ok)
		})
	}
}
