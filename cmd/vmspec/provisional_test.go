package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/results"
	"vmspec/results/report"
	"vmspec/suite"
)

// What a provisional report leaves out comes from the catalogue, by any profile.
func TestComplete(t *testing.T) {
	full := suite.Judge(probes.Read(guesttest.Open(t, "qemu-virt-uefi-gicv3"))).Report()
	early := *full
	early.Points = append([]report.Point(nil), full.Points...)
	for i := range early.Points {
		if early.Points[i].ID == "FW-RTC" {
			early.Points[i] = report.Point{ID: "FW-RTC", Number: i + 1, Verdict: report.Error, Reason: report.NotYet, Level: report.Must}
		}
	}
	log := strings.Join(append(early.Provisional(1), "# vmspec: trial clock: UEFI GetTime"), "\n") + "\n"
	r, err := results.Parse(strings.NewReader(log), "")
	require.NoError(t, err)
	complete(r)
	for i, p := range r.Points {
		want := full.Points[i]
		require.Equal(t, []string{want.ID, want.Title, want.Clause, want.Fix}, []string{p.ID, p.Title, p.Clause, p.Fix})
	}
	require.Equal(t, "to go on without it: --append vmspec.skip=FW-RTC,PLAT-CLOCK-DATE,PLAT-COUNTER-PACE", r.GoOn())
	for _, profile := range suite.Profiles() {
		other, err := by(r, string(profile), "log")
		require.NoError(t, err)
		require.True(t, other.Provisional())
		verdict, text := other.Conclude(false)
		require.Equal(t, results.CouldNotTell, verdict, text)
	}
}

// Of another catalogue nothing is made up.
func TestCompleteOfAnotherCatalogue(t *testing.T) {
	full := suite.Judge(probes.Read(guesttest.Open(t, "qemu-virt-gicv2"))).Report()
	full.Catalogue = "00000000"
	r, err := results.Parse(strings.NewReader(strings.Join(full.Provisional(1), "\n")+"\n"), "")
	require.NoError(t, err)
	complete(r)
	require.Empty(t, r.Points[0].Title)
	require.Nil(t, r.Appendix)
}
