package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
	"vmspec/results"
	"vmspec/suite"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A person reads a report of one guest at a glance: on one page of a terminal of
// 80 columns, or little more.
func TestTextOfGuests(t *testing.T) {
	for _, name := range []string{
		"qemu-virt-gicv2", "qemu-virt-uefi-gicv3", "qemu-virt-acpi", "qemu-virt-arm32", "qemu-uboot", "xen-dom0",
	} {
		t.Run(name, func(t *testing.T) {
			capture := filepath.Join("..", "..", "probes", "testdata", "guests", name+".tar.gz")
			_, text, stderr := vmspec(t, "judge", "--format", "text", capture)
			require.Empty(t, stderr)
			lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			require.LessOrEqual(t, len(lines), 60)
			for _, line := range lines {
				require.LessOrEqual(t, len(line), 80, line)
			}
			golden := filepath.Join("testdata", "text", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(text), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), text)
		})
	}
}

// A reading belongs to a profile. A report's frames say it of every other one.
func TestReadingsOfAnotherProfile(t *testing.T) {
	r := suite.Judge(probes.Read(guesttest.All(t)["qemu-virt-uefi-drivers"])).Report()
	log := strings.Join(append(r.TAP(), r.Frames()...), "\n") + "\n"
	read, err := results.Parse(strings.NewReader(log), r.Nonce)
	require.NoError(t, err)
	for profile, want := range map[string]map[string]string{
		"rfc-v2": {"FW-RTC": "rfc-v2 Virtual Firmware 1, by reading 6", "PLAT-TIMER": "rfc-v2 VM Platform 6, by reading 1"},
		"v1.0":   {"FW-RTC": "v1.0 Virtual Firmware 9", "PLAT-MEM-ENUM": "v1.0 VM Platform 1, by readings 4 and 9"},
		"v2.0":   {"HW-ACPI-UEFI": "v2.0 Hardware Description 2, by readings 5 and 14", "PLAT-TIMER": "v2.0 VM Platform 6"},
	} {
		other, err := read.By(profile)
		require.NoError(t, err)
		for id, clause := range want {
			p, ok := other.Point(id)
			require.True(t, ok, id)
			require.Equal(t, clause, p.Clause)
			require.Contains(t, strings.Join(other.Lines, "\n"), `  clause: "`+clause+`"`)
		}
	}
}
