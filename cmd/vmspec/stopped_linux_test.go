package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/results"
	"vmspec/suite"
)

// A stopped is a step in which a VM is stopped, and the trial that it is of.
type stopped struct{ step, risk string }

// stops are those of a VM that has a device for each trial.
var stops = []stopped{
	{"trial entropy", "entropy"},
	{"trial disks", "disks"},
	{"trial ports", "ports"},
	{"look mounts", "mounts"},
	{"trial variables", "variables"},
	{"trial mark", "mark"},
	{"trial image", "image"},
	{"trial clock", "clock"},
	{"trial network", "network"},
	{"trial offline", "offline"},
	{"trial hotplug", "hotplug"},
	{"trial pause", "pause"},
}

// offered is what the host offers by the time that a guest hangs there: nobody does
// it, and behind the step nobody waits for that.
var offered = map[string]string{"trial hotplug": " vmspec.needs=hotplug-block,hotplug-net", "trial pause": " vmspec.needs=pause"}

// A VM that stops in a trial leaves the report on all else: only that trial and what
// stood behind it are errors.
func TestBootStopped(t *testing.T) {
	t.Parallel()
	needBoot(t)
	dir := faultyGuest(t)
	disk := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.WriteFile(disk, make([]byte, 1<<20), 0o600))
	for i, s := range stops {
		for j, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
			if os.Getenv("VMSPEC_FAULTS") == "" && i != []int{4, 9}[j] {
				continue
			}
			t.Run(s.risk+" "+signal.String(), func(t *testing.T) {
				log := stoppedIn(t, dir, s.step, signal, "-smp", "2", "-device", "virtio-rng-pci", "-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n,romfile=",
					"-device", "virtio-serial-pci", "-drive", "if=none,id=d,format=raw,file="+disk, "-device", "virtio-blk-pci,drive=d")
				report, err := results.Parse(strings.NewReader(log), "")
				require.NoError(t, err, log)
				s.check(t, report)
			})
		}
	}
}

// check holds the report of a VM that stopped there against what was known.
func (s stopped) check(t *testing.T, report *results.Report) {
	t.Helper()
	require.NoError(t, report.Incomplete)
	if s.risk != "clock" { // which runs beside others
		require.Contains(t, report.Stopped, s.step)
	}
	status, _ := report.Conclude(false)
	require.NotEqual(t, results.Conformant, status)
	at := slices.IndexFunc(suite.Risks, func(r suite.Risk) bool { return r.Name == s.risk })
	behind := []string{"PLAT-CONSOLE-INPUT"}
	for _, r := range suite.Risks[at:] {
		behind = append(behind, r.IDs...)
	}
	if s.risk == "network" { // which runs beside the clock
		behind = append(behind, suite.FindRisk("clock").IDs...)
	}
	for _, p := range report.Points {
		if p.Verdict == results.Error {
			require.Contains(t, behind, p.ID, p.Problem)
			require.Contains(t, p.Problem, report.Stopped)
		}
	}
	for _, id := range suite.Risks[at].IDs {
		if p, ok := report.Point(id); ok && p.Verdict != results.Skip {
			require.Equal(t, results.Error, p.Verdict, id)
		}
	}
}

// stoppedIn boots a guest by UEFI that hangs in a step, sends QEMU a signal then, and
// returns all that it wrote.
func stoppedIn(t *testing.T, dir, step string, signal syscall.Signal, more ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args := slices.Concat(direct(t, "-serial", "stdio"), firmware(t), more)
	args[slices.Index(args, "-initrd")+1] = filepath.Join(dir, initramfsName)
	args[slices.Index(args, "-append")+1] += " faults=" + strings.Replace(step, " ", "/", 1) + ":hang" + offered[step]
	cmd := exec.CommandContext(ctx, target.Binary, args...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var b strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		b.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "# vmspec: "+step+": fault") {
			require.NoError(t, cmd.Process.Signal(signal))
			if signal == syscall.SIGSTOP {
				time.Sleep(time.Second)
				require.NoError(t, cmd.Process.Kill())
			}
		}
	}
	_ = cmd.Wait() // it was killed
	return b.String()
}

// A guest whose kernel panics in a trial, and a host that waits for it. It has a second
// CPU that can be switched off.
func TestBootPanicked(t *testing.T) {
	t.Parallel()
	needBoot(t)
	dir := faultyGuest(t)
	for _, s := range []stopped{{"trial entropy", "entropy"}, {"trial offline", "offline"}} {
		log := filepath.Join(t.TempDir(), "log")
		status, stdout, stderr := vmspec(t, "run", "qemu-virt-uefi", "--guest", dir, "--log", log, "--cpus", "2", "--append",
			"faults="+strings.Replace(s.step, " ", "/", 1)+":kernel")
		require.Equal(t, results.CouldNotTell, status, stderr)
		require.Contains(t, stderr, "the VM stopped in "+s.step+": fault kernel: the guest's kernel panicked")
		s.check(t, parse(t, stdout))
		require.Contains(t, stdout, "--append vmspec.skip="+strings.Join(suite.FindRisk(s.risk).Skip, ","))
		status, _, stderr = vmspec(t, "report", log)
		require.Equal(t, results.CouldNotTell, status, stderr)
		require.Contains(t, stderr, "kernel panicked")
		if s.risk == "entropy" {
			status, stdout, stderr = vmspec(t, "run", "qemu-virt-uefi", "--guest", dir, "--append",
				"faults=trial/entropy:kernel vmspec.skip=PLAT-RNG-BYTES")
			require.NotEqual(t, results.NotConformant, status, stderr)
			require.False(t, parse(t, stdout).Provisional(), "the trial is left out")
		}
	}
}
