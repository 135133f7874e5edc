package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
