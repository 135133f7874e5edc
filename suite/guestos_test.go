package suite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/results/report"
	"vmspec/suite/mutants/mutantstest"
)

// distribution makes the suite's own guest one that somebody else booted.
var distribution = replace("vmspec/context", "program\n")

// The verdict on the platform does not depend on the guest OS.
func TestPlatformIsNotTheGuestOS(t *testing.T) {
	judge := func(c change) *report.Report {
		return JudgeBy(Settings{Profile: RFCv2}, "arm64", probes.Read(c(t, guesttest.Open(t, uefiGuest)))).Report()
	}
	want, text := judge(distribution).Conclude()
	for _, r := range tableRows(t) {
		if r.Profile == string(RFCv2) && strings.HasPrefix(r.Name, "a distribution's") {
			got, gotText := judge(mutantstest.ChangeOfRow(t, r, nil)).Conclude()
			require.Equal(t, want, got, r.Name)
			require.Equal(t, text.String(), gotText.String(), r.Name)
		}
	}
	got, tally := judge(all(distribution, mutantstest.NoOption("CONFIG_ARM_GIC_V3"))).ConcludeOn(report.GuestOS)
	require.Equal(t, report.NotConformant, got, "concluded beside it")
	require.Equal(t, 1, tally.Failed)
}

// The guest OS is concluded on in a guest that somebody else booted, and not in the
// suite's own.
func TestGuestOSUnderTest(t *testing.T) {
	files := guesttest.Open(t, uefiGuest)
	require.NotContains(t, Judge(probes.Read(files)).Report().Parties(), report.GuestOS)
	require.Contains(t, Judge(probes.Read(distribution(t, files))).Report().Parties(), report.GuestOS)
}
