package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
	"vmspec/suite"
)

// guestDir is where make guest leaves what boots.
var guestDir = filepath.Join("..", "..", "build", "arm64")

// canBoot skips a test that boots, unless VMSPEC_BOOT says that it must not
// be skipped.
func canBoot(t *testing.T) {
	t.Helper()
	if os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("boots a VM: make test sets VMSPEC_BOOT")
	}
	_, err := exec.LookPath(target.Binary)
	require.NoError(t, err)
	for _, name := range []string{imageName, initramfsName} {
		require.FileExists(t, filepath.Join(guestDir, name), "make guest builds it")
	}
}

// needBoot is canBoot, and waits until there is room for one VM more: there is one more
// than there are cores, three at most, since a VM waits a fifth of its time.
func needBoot(t *testing.T) {
	t.Helper()
	canBoot(t)
	boots <- struct{}{}
	t.Cleanup(func() { <-boots })
}

var boots = make(chan struct{}, min(3, runtime.NumCPU()+1))

// vmspec runs the command line as a person would, but patiently. What it wrote
// to its standard error is shown where the test fails.
func vmspec(t *testing.T, args ...string) (status results.Conformance, stdout, stderr string) {
	t.Helper()
	limit := 5 * time.Minute
	if slices.Contains(args, "--boots") { // four of them, one after the other
		limit *= 4
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var out, errs bytes.Buffer
	status = run(ctx, patient(args), &out, &errs)
	t.Cleanup(func() {
		if t.Failed() && errs.Len() > 0 {
			t.Logf("vmspec %s: exit status %s\n%s", strings.Join(args, " "), status, &errs)
		}
	})
	return status, out.String(), errs.String()
}

// patience is how long a guest may take, and its console be silent, unless a
// test says otherwise: on a busy host a sound one's is silent for a minute.
const patience = 4 * time.Minute

// patient gives a run patience.
func patient(args []string) []string {
	at := 1
	if len(args) > 1 && args[1] == "exec" {
		at = 2
	}
	if len(args) <= at || args[0] != "run" {
		return args
	}
	return slices.Insert(slices.Clone(args), at, "--timeout", patience.String(), "--silence", patience.String())
}

// parse reads the report that a command printed.
func parse(t *testing.T, stdout string) *results.Report {
	t.Helper()
	report, err := results.Parse(strings.NewReader(stdout), "")
	require.NoError(t, err, stdout)
	require.NoError(t, report.Incomplete)
	return report
}

// unmet lists the IDs of the requirements that were tried and did not pass,
// with their verdicts.
func unmet(report *results.Report) map[string]results.Verdict {
	out := map[string]results.Verdict{}
	for _, p := range report.Points {
		if p.Verdict == results.Fail || p.Verdict == results.Error {
			out[p.ID] = p.Verdict
		}
	}
	return out
}

func point(report *results.Report, id string) results.Point {
	for _, p := range report.Points {
		if p.ID == id {
			return p
		}
	}
	return results.Point{}
}

func found(report *results.Report, id string) string   { return point(report, id).Found }
func problem(report *results.Report, id string) string { return point(report, id).Problem }

// fails are the requirements that each target does not meet.
// QEMU's own PSCI knows no SMCCC_VERSION.
var fails = map[string]map[string]results.Verdict{
	"qemu-virt-uefi": {"PLAT-SMCCC": results.Fail},
	"qemu-virt": {
		"FW-UEFI-BOOT": results.Fail, "FW-UEFI-VERSION": results.Fail, "FW-UEFI-SYSTAB": results.Fail,
		"FW-VAR-RUNTIME": results.Fail, "FW-RTC": results.Fail, "HW-FDT-UEFI": results.Fail,
		"PLAT-SMCCC": results.Fail,
	},
	"qemu-virt-acpi": {
		"HW-FDT-UEFI": results.Fail, "HW-FDT-BOOT": results.Fail, "HW-FDT-ALONE": results.Fail,
		"PLAT-SMCCC": results.Fail,
	},
}

// asked is how many requirements the default profile has.
func asked() int {
	n := 0
	for _, r := range suite.Catalogue() {
		if _, ok := r.Clauses.By(suite.RFCv2); ok {
			n++
		}
	}
	return n
}

// shows is what is found of each target, or what its problem is.
var shows = map[string]map[string]string{
	"qemu-virt": {
		"PLAT-GIC": "GICv3 with 1 CPU", "PLAT-CPU-ENUM": " declared by fdt, 1 present, 1 online", "PLAT-TIMER": "1 CPU",
		"PLAT-VIRTIO-STATUS": "virtio_rng", // its driver is a module
	},
	"qemu-virt-acpi": {
		"HW-FDT-UEFI": emptyTree, "HW-FDT-BOOT": emptyTree, "HW-FDT-ALONE": emptyTree,
	},
}

const emptyTree = "the device tree is empty: only /chosen"

func TestBootTargets(t *testing.T) {
	for name, want := range fails {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needBoot(t)
			capture := filepath.Join(t.TempDir(), "guest.tar.gz")
			log := filepath.Join(t.TempDir(), "console.log")
			status, stdout, stderr := vmspec(t, "run", name, "--guest", guestDir, "--capture", capture, "--log", log)
			report := parse(t, stdout)
			require.Equal(t, want, unmet(report), stdout+stderr)
			require.Len(t, report.Points, asked())
			conformant := name == "qemu-virt-uefi"
			require.Equal(t, conformant, status == results.Conformant, stdout)
			prove(t, stdout, conformant)
			for id, part := range shows[name] {
				require.Contains(t, found(report, id)+problem(report, id), part, id)
			}

			judged, again, stderr := vmspec(t, "judge", capture)
			require.Equal(t, status, judged, stderr)
			require.Equal(t, report.Lines, parse(t, again).Lines, "the capture is judged otherwise")

			fromLog, logged, stderr := vmspec(t, "report", log)
			require.Equal(t, status, fromLog, stderr)
			require.Equal(t, report.Lines, parse(t, logged).Lines)
			if name == "qemu-virt-acpi" {
				plainOfBoth(t, log)
			}
		})
	}
}

// TestBootTargets has a GICv3 with one CPU, and TestBootFullVM a GICv2 with four.
func TestBootGICAndCPUs(t *testing.T) {
	for gic, counts := range map[int][]int{2: {1, 8}, 3: {4, 8}} {
		for _, cpus := range counts {
			t.Run(fmt.Sprintf("GICv%d with %d CPUs", gic, cpus), func(t *testing.T) {
				t.Parallel()
				needBoot(t)
				_, stdout, stderr := vmspec(t, "run", "qemu-virt", "--guest", guestDir,
					"--gic", fmt.Sprint(gic), "--cpus", fmt.Sprint(cpus))
				report := parse(t, stdout)
				showsCPUs(t, report, gic, cpus)
				require.Equal(t, fails["qemu-virt"], unmet(report), stdout+stderr)
			})
		}
	}
}

// showsCPUs requires that a guest by the tree found this GIC and so many CPUs.
func showsCPUs(t *testing.T, report *results.Report, gic, cpus int) {
	t.Helper()
	require.Contains(t, found(report, "PLAT-GIC"), fmt.Sprintf("GICv%d with %d CPU", gic, cpus))
	require.Contains(t, found(report, "PLAT-CPU-ENUM"), fmt.Sprintf(" declared by fdt, %d present, %d online", cpus, cpus))
	require.Contains(t, found(report, "PLAT-TIMER"), fmt.Sprintf("%d CPU", cpus))
}

// A kernel that loads no module without its signature, as one that is locked
// down, finds what any other does: TestBootTargets.
func TestBootWithSignedModulesAlone(t *testing.T) {
	t.Parallel()
	needBoot(t)
	status, stdout, stderr := vmspec(t, "run", "qemu-virt", "--guest", guestDir, "--append", "module.sig_enforce=1")
	require.Equal(t, results.NotConformant, status, stderr)
	report := parse(t, stdout)
	require.Equal(t, fails["qemu-virt"], unmet(report))
	require.Contains(t, found(report, "PLAT-VIRTIO-STATUS"), "virtio_rng", "its driver is a module")
}

func TestBootWithNobodyBehindTheCapture(t *testing.T) {
	t.Parallel()
	needBoot(t)
	dir, err := os.MkdirTemp("", "vmspec")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	status, stdout, stderr := vmspec(t, "run", "qemu-virt", "--guest", guestDir, "--", "-device", "virtio-serial-pci",
		"-chardev", "socket,id=c,server=on,wait=off,path="+filepath.Join(dir, "port"), "-device", "virtserialport,chardev=c,name=org.vmspec.capture")
	require.Equal(t, results.NotConformant, status, stderr)
	require.Equal(t, fails["qemu-virt"], unmet(parse(t, stdout)))
}

// firmware is UEFI with a variable store of its own, as QEMU's arguments.
func firmware(t *testing.T) []string {
	t.Helper()
	f, err := target.Target{UEFI: true}.Firmware().Find("")
	require.NoError(t, err)
	vars, err := f.OwnVars(t.TempDir())
	require.NoError(t, err)
	return []string{"-drive", "if=pflash,format=raw,readonly=on,file=" + f.Code, "-drive", "if=pflash,format=raw,file=" + vars}
}

// rootPort is one into which something can be plugged.
const rootPort = "pcie-root-port,id=port1,chassis=1"

// direct is a VMM's command line as a vendor would write it.
func direct(t *testing.T, more ...string) []string {
	t.Helper()
	return append([]string{
		"-nodefaults", "-no-reboot", "-display", "none", "-monitor", "none",
		"-machine", "virt,gic-version=3", "-cpu", "cortex-a57", "-m", "512",
		"-kernel", filepath.Join(guestDir, imageName), "-initrd", filepath.Join(guestDir, initramfsName), "-append", target.Emulated,
		"-device", rootPort,
	}, more...)
}

func TestBootByAnyVMM(t *testing.T) {
	t.Parallel()
	needBoot(t)
	for _, serial := range []string{"", "socket", "file"} {
		t.Run("console by "+serial, func(t *testing.T) {
			// A socket's path may not be long.
			dir, err := os.MkdirTemp("", "vmspec")
			require.NoError(t, err)
			t.Cleanup(func() { os.RemoveAll(dir) })
			name := filepath.Join(dir, "serial")
			chardev := map[string]string{"": "stdio,id=c", "socket": "socket,id=c,server=on,wait=on,path=" + name, "file": "file,id=c,path=" + name}
			args := []string{"run", "exec"}
			if serial != "" {
				args = append(args, "--serial", name)
			}
			args = append(args, "--", target.Binary)
			args = append(args, direct(t, "-device", "virtio-rng-pci", "-chardev", chardev[serial], "-serial", "chardev:c")...)
			status, stdout, stderr := vmspec(t, args...)
			require.Equal(t, results.NotConformant, status, stderr)
			require.Equal(t, fails["qemu-virt"], unmet(parse(t, stdout)), stdout)
		})
	}
}

func TestBootThatCannotReport(t *testing.T) {
	bare := []string{"-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio", "-machine", "virt", "-cpu", "cortex-a57", "-m", "512"}
	for _, c := range []struct {
		name    string
		silence string
		args    func(t *testing.T) []string
		stderr  []string
	}{
		{"nothing to boot", "1m", func(t *testing.T) []string { return slices.Concat(bare, firmware(t)) }, []string{"the firmware found nothing to boot", "the guest's last lines:", "UEFI Interactive Shell"}},
		{"a kernel without an initramfs", "1m", func(t *testing.T) []string {
			return slices.Concat(bare, []string{"-kernel", filepath.Join(guestDir, imageName), "-append", "panic=-1"})
		}, []string{"the guest's kernel panicked", "the guest's last lines:", "Unable to mount root fs"}},
		{"nothing at all", "3s", func(t *testing.T) []string {
			return bare
		}, []string{"silent for 3s", "the guest said nothing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			needBoot(t)
			args := append([]string{"run", "exec", "--silence", c.silence, "--", target.Binary}, c.args(t)...)
			status, stdout, stderr := vmspec(t, args...)
			require.Equal(t, results.CouldNotTell, status, stdout)
			for _, part := range append(c.stderr, "no report") {
				require.Contains(t, stderr, part)
			}
		})
	}
}

func TestBootThatQEMURefuses(t *testing.T) {
	t.Parallel()
	needBoot(t)
	status, stdout, stderr := vmspec(t, "run", "qemu-virt-uefi", "--guest", guestDir, "--gic", "2", "--cpus", "9")
	require.Equal(t, unusable, status)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "Number of SMP CPUs requested (9) exceeds max CPUs supported by machine 'mach-virt' (8)")
}

func TestBootInterrupted(t *testing.T) {
	t.Parallel()
	needBoot(t)
	bin, err := filepath.Abs(filepath.Join("..", "..", "bin", "vmspec"))
	require.NoError(t, err)
	mark := fmt.Sprintf("vmspec-interrupted-%d", os.Getpid())
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGKILL} {
		cmd := exec.Command(bin, "run", "qemu-virt", "--guest", guestDir, "--", "-name", mark)
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool { return running(mark) > 0 }, 20*time.Second, 20*time.Millisecond)
		require.NoError(t, cmd.Process.Signal(sig))
		require.Error(t, cmd.Wait())
		require.Eventually(t, func() bool { return running(mark) == 0 }, 20*time.Second, 20*time.Millisecond, "QEMU outlived vmspec after %s", sig)
	}
}

// running counts QEMU's processes that have the mark in their arguments.
func running(mark string) int {
	n := 0
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if line, err := os.ReadFile(f); err == nil && strings.HasPrefix(string(line), target.Binary) && strings.Contains(string(line), mark) {
			n++
		}
	}
	return n
}

func TestBootAfter(t *testing.T) {
	for _, c := range []struct {
		after, last string
		killed      bool
	}{
		{"poweroff", "reboot: Power down", false},
		{"reboot", "reboot: Restarting system", false},
		{"halt", "reboot: System halted", true},
	} {
		t.Run(c.after, func(t *testing.T) {
			t.Parallel()
			needBoot(t)
			r := vmm.Run{
				Command: append([]string{target.Binary}, direct(t, "-serial", "stdio", "-append", "vmspec.only=PLAT-GIC vmspec.after="+c.after)...),
				Timeout: patience, Silence: patience, Grace: 5 * time.Second,
			}
			out, err := r.Start(t.Context())
			require.NoError(t, err)
			require.NotNil(t, out.Report)
			require.Len(t, out.Report.Points, 1)
			require.Contains(t, strings.Join(out.Last, "\n"), c.last)
			require.Equal(t, c.killed, out.Killed)
		})
	}
}

// By the command line they come in TestBootAfter and TestBothDescriptions.
func TestBootParametersBySMBIOS(t *testing.T) {
	t.Parallel()
	needBoot(t)
	_, stdout, _ := vmspec(t, "run", "qemu-virt-uefi", "--guest", guestDir, "--", "-smbios", "type=11,value=vmspec.skip=PLAT-GIC")
	require.Equal(t, results.Skip, point(parse(t, stdout), "PLAT-GIC").Verdict)
}
