package suite

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
)

const (
	tablesDir = "sys/firmware/acpi/tables/"
	startedAt = "CPU: All CPU(s) started at EL1"
)

// A table that Linux needs to boot is HW-ACPI-BOOT's to tell; what it does not need
// is not.
func TestSBBRFollows(t *testing.T) {
	for file, follows := range map[string]string{"GTDT": "HW-ACPI-BOOT", "SPCR": ""} {
		files := remove(tablesDir+file)(t, guesttest.Open(t, acpiGuest))
		finding := verdicts(JudgeBy(Settings{Profile: V20}, "arm64", probes.Read(files)))["HW-ACPI-SBBR"]
		require.Equal(t, Fail, finding.Verdict)
		require.Equal(t, follows, finding.Follows, file)
	}
}

// What is whole passes, and what Linux does not run by is not judged.
func TestArchitectureOfWholeGuests(t *testing.T) {
	for guest, want := range map[string]Verdict{acpiGuest: Pass, uefiGuest: Skip} {
		found := verdicts(JudgeBy(Settings{Profile: V20}, "arm64", probes.Read(guesttest.Open(t, guest))))
		require.Equal(t, want, found["HW-ACPI-SBBR"].Verdict, guest)
		require.Equal(t, Pass, found["FW-EL1"].Verdict, guest)
	}
}
