package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/results"
)

// fullVM is a virtual machine with a device of each kind that the suite tries,
// disks by both transports: arguments for QEMU.
func fullVM(t *testing.T) []string {
	t.Helper()
	args := []string{"-global", "virtio-mmio.force-legacy=off"}
	for _, id := range []string{"pci", "mmio"} {
		disk := filepath.Join(t.TempDir(), id)
		require.NoError(t, os.WriteFile(disk, nil, 0o644))
		require.NoError(t, os.Truncate(disk, 16<<20))
		args = append(args, "-drive", "if=none,format=raw,id="+id+",file="+disk)
	}
	return append(args,
		"-device", "virtio-blk-pci,drive=pci", "-device", "virtio-blk-device,drive=mmio",
		"-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
		"-device", "virtio-balloon-pci",
		"-device", "virtio-serial-pci", "-chardev", "null,id=port", "-device", "virtserialport,chardev=port,name=port",
		"-chardev", "null,id=console", "-device", "virtconsole,chardev=console",
		"-device", "pcie-root-port")
}

// runFull starts fullVM with four CPUs.
func runFull(t *testing.T, target string, more ...string) (status results.Conformance, stdout, stderr string) {
	t.Helper()
	args := append([]string{"run", target, "--guest", guestDir, "--cpus", "4"}, more...)
	return vmspec(t, append(append(args, "--"), fullVM(t)...)...)
}

// tried are the requirements of the devices in fullVM and, behind a colon, a
// part of what is found.
var tried = []string{
	"PLAT-VIRTIO-STATUS:6 of 6 devices running", "PLAT-VIRTIO-FEATURES:virtio5 bits", "PLAT-VIRTIO-IDS:5 of 5 devices",
	"PLAT-VIRTIO-PCI:5 of 5 devices", "PLAT-PCI-CONFIG:functions readable", "PLAT-PCI-BARS:BARs in windows",
	"PLAT-PCI-MSI-COUNT:messages", "PLAT-BLOCK-READ:vdb: ", "PLAT-NET-LINK:DHCP answered",
	"PLAT-RNG-BYTES:bytes from virtio_rng", "PLAT-CONSOLE-INPUT:ttyAMA0 read", "PLAT-VIRTIO-PORT:opened",
}

func TestBootFullVM(t *testing.T) {
	for target, more := range map[string][]string{
		"qemu-virt-uefi": nil,
		"qemu-virt":      {"--gic", "2"},
		"qemu-virt-acpi": nil,
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			needBoot(t)
			_, stdout, stderr := runFull(t, target, more...)
			report := parse(t, stdout)
			for _, want := range tried {
				id, part, _ := strings.Cut(want, ":")
				require.Equal(t, results.Pass, point(report, id).Verdict, "%s: %s%s", id, stdout, stderr)
				require.Contains(t, found(report, id), part, id)
			}
			require.Equal(t, fails[target], unmet(report), stdout)
			if target == "qemu-virt" {
				showsCPUs(t, report, 2, 4)
			}
		})
	}
}

// soakTargets take turns.
var soakTargets = []string{"qemu-virt-uefi", "qemu-virt", "qemu-virt-acpi"}

// TestSoak boots again and again while every core is busy, and counts the
// points that are judged otherwise than on a quiet machine. VMSPEC_SOAK says
// how often.
func TestSoak(t *testing.T) {
	runs, quiet := soak(t)
	load(t)
	countFlakes(t, runs, quiet)
}

// TestSoakManyCPUs does so with eight times as many CPUs as a machine with two cores
// serves at once.
func TestSoakManyCPUs(t *testing.T) {
	runs, quiet := soak(t)
	countFlakes(t, runs, quiet, "--cpus", "16")
}

// soak returns how often to boot, and the reports of a quiet machine by target.
func soak(t *testing.T) (runs int, quiet map[string]*results.Report) {
	t.Helper()
	runs, err := strconv.Atoi(os.Getenv("VMSPEC_SOAK"))
	if err != nil {
		t.Skip("takes minutes: make soak sets VMSPEC_SOAK")
	}
	canBoot(t)
	quiet = map[string]*results.Report{}
	for _, target := range soakTargets {
		_, stdout, _ := runFull(t, target)
		quiet[target] = parse(t, stdout)
	}
	return runs, quiet
}

// countFlakes boots so often, with more arguments for run, and fails for each point
// that is judged otherwise than when it was quiet. Such a boot's log stays in build/soak.
func countFlakes(t *testing.T, runs int, quiet map[string]*results.Report, more ...string) {
	t.Helper()
	flakes := 0
	for i := range runs {
		target := soakTargets[i%len(soakTargets)]
		began := time.Now()
		log := filepath.Join(t.TempDir(), "console.log")
		_, stdout, stderr := runFull(t, target, append([]string{"--log", log}, more...)...)
		t.Logf("run %d, %s, took %s", i+1, target, time.Since(began).Round(time.Second))
		report := parse(t, stdout)
		before := flakes
		for j, p := range quiet[target].Points {
			if got := report.Points[j]; got.Verdict != p.Verdict {
				flakes++
				t.Errorf("run %d, %s: %s is %s, not %s: %s%s\n%s", i+1, target, p.ID, got.Verdict, p.Verdict, got.Problem, got.Found, stderr)
			}
		}
		if flakes > before {
			keepLog(t, log, fmt.Sprintf("%s-%d.log", t.Name(), i+1))
		}
	}
	t.Logf("runs %d, flakes %d", runs, flakes)
}

// keepLog keeps a log that shows what a soak found: it may take a hundred boots to come
// again.
func keepLog(t *testing.T, log, name string) {
	t.Helper()
	dir := filepath.Join("..", "..", "build", "soak")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
}

// load keeps every core busy until the test ends.
func load(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	for range runtime.NumCPU() {
		go func() {
			for ctx.Err() == nil {
			}
		}()
	}
}
