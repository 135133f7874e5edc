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

var architectureMutants = []mutant{
	{
		name: "a guest at EL2", guest: uefiGuest, profile: V20, change: edit("vmspec/kmsg", startedAt, "CPU: All CPU(s) started at EL2"),
		want:    fails("FW-EL1"),
		problem: map[string]string{"FW-EL1": "started at EL2"},
	},
	{
		name: "a guest at several levels", guest: uefiGuest, profile: V20, change: edit("vmspec/kmsg", startedAt, "CPU: CPUs started in inconsistent modes"),
		want:    fails("FW-EL1"),
		problem: map[string]string{"FW-EL1": "different levels"},
	},
	{
		name: "a kernel that does not say its level", guest: uefiGuest, profile: V20,
		change: all(edit("vmspec/kmsg", startedAt, "CPU: up"), edit("vmspec/kmsg", "HYP mode not available", "none")),
		want:   map[string]Verdict{"FW-EL1": Error},
	},
	{
		name: "only KVM's word of the level", guest: uefiGuest, profile: V20, change: edit("vmspec/kmsg", startedAt, "CPU: up"),
		want: map[string]Verdict{},
	},
	{
		name: "KVM found EL2", guest: uefiGuest, profile: V20,
		change: all(edit("vmspec/kmsg", startedAt, "CPU: up"), edit("vmspec/kmsg", "HYP mode not available", "VHE mode initialized successfully")),
		want:   fails("FW-EL1"),
	},
	{
		name: "no DBG2", guest: acpiGuest, profile: V20, change: remove(tablesDir + "DBG2"),
		want:    fails("HW-ACPI-SBBR"),
		problem: map[string]string{"HW-ACPI-SBBR": "there is no DBG2"},
	},
	{
		name: "a damaged DBG2", guest: acpiGuest, profile: V20, change: set(tablesDir+"DBG2", map[int]byte{9: 0}),
		want:    fails("HW-ACPI-SBBR", "HW-ACPI-BOOT"),
		problem: map[string]string{"HW-ACPI-SBBR": "the table DBG2 is damaged: checksum"},
	},
	{
		name: "a DBG2 without ports", guest: acpiGuest, profile: V20, change: patch("DBG2", 40, 0, 0, 0, 0),
		want:    fails("HW-ACPI-SBBR"),
		problem: map[string]string{"HW-ACPI-SBBR": "the DBG2 has no serial port"},
	},
	{
		name: "an SPCR without a port", guest: acpiGuest, profile: V20, change: patch("SPCR", 44, 0, 0, 0, 0, 0, 0, 0, 0),
		want:    fails("HW-ACPI-SBBR", "HW-STDOUT"),
		problem: map[string]string{"HW-ACPI-SBBR": "the SPCR has no port"},
	},
	{
		name: "PCI and no MCFG", guest: acpiGuest, profile: V20, change: remove(tablesDir + "MCFG"),
		want:    fails("HW-ACPI-SBBR"),
		problem: map[string]string{"HW-ACPI-SBBR": "there is no MCFG"},
	},
	{
		name: "tables of ACPI 5.0", guest: acpiGuest, profile: V20, change: all(patch("FACP", 8, 5), patch("FACP", 131, 0)),
		want:    fails("HW-ACPI-SBBR"),
		problem: map[string]string{"HW-ACPI-SBBR": "older than ACPI 5.1"},
	},
	{
		name: "an RSDT", guest: acpiGuest, profile: V20, change: edit("vmspec/kmsg", "ACPI: XSDT", "ACPI: RSDT"),
		want:    fails("HW-ACPI-SBBR"),
		problem: map[string]string{"HW-ACPI-SBBR": "an RSDT lists the tables"},
	},
	{
		name: "an RSDP of ACPI 1.0", guest: acpiGuest, profile: V20, change: edit("vmspec/kmsg", "000024 (v02 BOCHS )", "000024 (v00 BOCHS )"),
		want:    fails("HW-ACPI-SBBR"),
		problem: map[string]string{"HW-ACPI-SBBR": "the RSDP is of revision 0"},
	},
	{
		name: "nothing known of where the tables begin", guest: acpiGuest, profile: V20,
		change: all(edit("vmspec/kmsg", "ACPI: XSDT", "ACPI: XXXX"), edit("vmspec/kmsg", "ACPI: RSDP", "ACPI: XXXX")),
		want:   map[string]Verdict{"HW-ACPI-SBBR": Error},
	},
}

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
