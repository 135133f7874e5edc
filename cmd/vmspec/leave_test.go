package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// The report leaves by a port of its own as it does by the console, and the
// captured guest by the console where it is told to.
func TestBootReportByPortAndCaptureByConsole(t *testing.T) {
	t.Parallel()
	needBoot(t)
	dir := t.TempDir()
	port, log, capture := filepath.Join(dir, "port"), filepath.Join(dir, "log"), filepath.Join(dir, "guest.tar.gz")
	status, stdout, stderr := vmspec(t, "run", "qemu-virt", "--guest", guestDir, "--append", "vmspec.capture=console", "--log", log,
		"--", "-device", "virtio-serial-pci", "-chardev", "file,id=r,path="+port, "-device", "virtserialport,chardev=r,name=org.vmspec.report")
	require.Equal(t, results.NotConformant, status, stderr)
	report := parse(t, stdout)

	written, err := os.ReadFile(port)
	require.NoError(t, err)
	byPort, err := results.Parse(strings.NewReader(string(written)), "")
	require.NoError(t, err)
	require.NoError(t, byPort.Incomplete)
	require.Empty(t, byPort.Repaired)
	require.Equal(t, report.Lines, byPort.Lines)

	status, logged, stderr := vmspec(t, "report", "--capture", capture, log)
	require.Equal(t, results.NotConformant, status, stderr)
	require.Equal(t, report.Lines, parse(t, logged).Lines)
	_, again, stderr := vmspec(t, "judge", capture)
	require.Equal(t, report.Lines, parse(t, again).Lines, stderr)
}
