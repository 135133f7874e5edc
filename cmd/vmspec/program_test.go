package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/cpio"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/initramfs"
	"vmspec/probes/kernel"
	"vmspec/results"
)

// somebodysGuest builds an initramfs whose PID 1 is not the suite's, and
// which has the suite's init as /suite.
func somebodysGuest(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	init := filepath.Join(dir, "init")
	build := exec.Command("go", "build", "-o", init, "./testdata/distribution")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	k, err := initramfs.FindKernel(filepath.Join(guestDir, "kernel"))
	require.NoError(t, err)
	tree, err := initramfs.OpenTree(k.Modules)
	require.NoError(t, err)
	var archive bytes.Buffer
	_, _, err = initramfs.Write(&archive, initramfs.Config{Init: init, Tree: tree, Modules: kernel.Modules(), Kconfig: k.Config})
	require.NoError(t, err)

	// The kernel unpacks a second archive on top of the first.
	suite, err := os.ReadFile(filepath.Join(guestDir, "init"))
	require.NoError(t, err)
	archive.Write(make([]byte, -archive.Len()&3))
	second := cpio.Newc.Writer(&archive)
	require.NoError(t, cpio.WriteRecords(second, []cpio.Record{cpio.StaticFile("suite", string(suite), 0o755)}))
	require.NoError(t, cpio.WriteTrailer(second))
	name := filepath.Join(dir, "initramfs")
	require.NoError(t, os.WriteFile(name, archive.Bytes(), 0o644))
	return name
}

func TestBootAsAnOrdinaryProgram(t *testing.T) {
	t.Parallel()
	needBoot(t)
	var log bytes.Buffer
	r := vmm.Run{
		Command: append([]string{target.Binary},
			"-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio", "-machine", "virt,gic-version=3", "-cpu", "cortex-a57",
			"-smp", "2", "-m", "512", "-kernel", filepath.Join(guestDir, imageName), "-initrd", somebodysGuest(t), "-append", "panic=-1", "-device", rootPort),
		Log: &log, Timeout: patience, Silence: patience, Grace: time.Minute, // the first report is not the end
	}
	_, err := r.Start(t.Context())
	require.NoError(t, err)

	asRoot, asNobody, two := strings.Cut(log.String(), "uid 0: exit status 1, changed nothing: true")
	require.True(t, two, log.String())
	require.Contains(t, asNobody, "uid 65534: exit status 1, changed nothing: true")

	report := parse(t, asRoot)
	want := map[string]results.Verdict{"PLAT-PSCI-FEATURES": results.Error} // nobody mounted debugfs
	for id, v := range fails["qemu-virt"] {
		want[id] = v
	}
	require.Equal(t, want, unmet(report), asRoot)

	// What only root sees is an error, and nothing more is a failure.
	for id, v := range unmet(parse(t, asNobody)) {
		if want[id] == "" {
			require.Equal(t, results.Error, v, "%s\n%s", id, asNobody)
		}
	}
}
