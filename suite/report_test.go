package suite

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/results/report"
)

var update = flag.Bool("update", false, "rewrite the golden reports")

// golden is where a captured guest's report lies.
func golden(guest string) string { return filepath.Join("testdata", guest+".tap") }

func TestGoldenReports(t *testing.T) {
	for name, files := range guesttest.All(t) {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(Judge(probes.Read(files)).Report().TAP(), "\n") + "\n"
			if *update {
				require.NoError(t, os.WriteFile(golden(name), []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden(name))
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func TestReport(t *testing.T) {
	r := Requirement{ID: "FW-RTC", Title: "The clock", Kind: Functional, Fix: "Mend it.", Clauses: Clauses{RFCv2: Clause{Must, "Firmware", 3}}}
	info := r
	info.Clauses = infoEverywhere()
	for _, c := range []struct {
		name    string
		r       Requirement
		finding Finding
		want    report.Point
	}{
		{"pass", r, pass("a", "b"), report.Point{Verdict: Pass, Level: Must, Clause: "rfc-v2 Firmware 3", Kind: "functional", Found: "a; b"}},
		{"fail", r, fail("no", "a"), report.Point{Verdict: Fail, Level: Must, Clause: "rfc-v2 Firmware 3", Kind: "functional", Problem: "no", Found: "a", Fix: "Mend it."}},
		{"error", r, unknown("EIO"), report.Point{Verdict: Error, Level: Must, Clause: "rfc-v2 Firmware 3", Kind: "functional", Reason: "EIO", Problem: "EIO"}},
		{"skip", r, skip("untested"), report.Point{Verdict: Skip, Level: Must, Clause: "rfc-v2 Firmware 3", Kind: "functional", Reason: "untested"}},
		{"no text asks it", info, fail("no"), report.Point{Verdict: Fail, Level: Info, Kind: "functional", Problem: "no", Fix: "Mend it."}},
		{"no text asks it, and it was not tried", info, skip("untested"), report.Point{Verdict: Skip, Level: Info, Reason: "untested"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			clause, _ := c.r.Clauses.By(RFCv2)
			j := Judgement{Settings: Settings{Profile: RFCv2}, Results: []Result{{c.r, c.finding, clause}}}
			c.want.Number, c.want.ID, c.want.Title = 1, r.ID, r.Title
			require.Equal(t, []report.Point{c.want}, j.Report().Points)
		})
	}
}

func TestAppendix(t *testing.T) {
	j := Judge(probes.Read(guesttest.Open(t, uefiGuest)))
	a := j.Report().Appendix
	require.Equal(t, []string{"rfc-v2", "v1.0", "v2.0"}, a.Profiles)
	others := map[string]bool{}
	for _, p := range a.Points {
		others[p.ID] = true
		require.Zero(t, p.Number)
		require.Empty(t, p.Level, "its profile does not ask it")
		require.Empty(t, p.Clause)
	}
	for i, r := range Catalogue() {
		_, asked := r.Clauses.By(j.Settings.Profile)
		require.Equal(t, !asked, others[r.ID], r.ID)
		require.Equal(t, r.ID, a.Rows[i].ID)
		require.Len(t, a.Rows[i].Clauses, len(a.Profiles))
	}
	r, _ := Find("HW-ACPI-UEFI")
	require.Equal(t, report.Clause{}, r.row().Clauses[0], "rfc-v2 does not ask it")
	r, _ = Find("FW-UEFI-BOOT")
	require.Equal(t, report.Clause{Level: Must, Text: "Virtual Firmware 1"}, r.row().Clauses[0])
	r, _ = Find("FW-SMBIOS")
	require.Equal(t, report.Clause{Level: Info}, r.row().Clauses[0])
}
