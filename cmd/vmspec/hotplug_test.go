package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/results"
)

var plugIDs = []string{"PLAT-HOTPLUG-BLOCK", "PLAT-HOTPLUG-NET"}

// hostRun reads what the host kept of a run.
func hostRun(t *testing.T, log string) *results.HostRun {
	t.Helper()
	f, err := os.Open(log + results.HostRunSuffix)
	require.NoError(t, err)
	defer f.Close()
	h, err := results.ReadHostRun(f)
	require.NoError(t, err)
	return h
}

// A disk and a network device are plugged by QMP, and go again; the clock lags after
// a pause, as QEMU's counter stops with the VM.
func TestBootHotplug(t *testing.T) {
	t.Parallel()
	needBoot(t)
	log := filepath.Join(t.TempDir(), "console.log")
	_, stdout, stderr := vmspec(t, "run", "qemu-virt", "--guest", guestDir, "--log", log, "--needs", "all")
	report := parse(t, stdout)
	want := maps.Clone(fails["qemu-virt"])
	want["PLAT-CLOCK-PAUSE"] = results.Fail
	require.Equal(t, want, unmet(report), stdout+stderr)
	for _, id := range plugIDs {
		require.Equal(t, results.Pass, point(report, id).Verdict, stdout)
	}
	require.Contains(t, found(report, plugIDs[0]), "those of the disk that the host plugged")
	require.Contains(t, found(report, plugIDs[1]), "it has a link")
	require.Contains(t, problem(report, "PLAT-CLOCK-PAUSE"), "behind rtc0 after a pause")
	var acts []string
	for _, a := range hostRun(t, log).Acts {
		require.True(t, a.Done, a)
		acts = append(acts, a.Need)
	}
	slices.Sort(acts)
	require.Equal(t, []string{"hotplug-block", "hotplug-net", "pause", "unplug-block", "unplug-net"}, acts)
	require.NotContains(t, stderr, "could not")

	status, again, _ := vmspec(t, "report", "--format", "tap", log)
	require.Equal(t, results.NotConformant, status)
	require.Equal(t, unmet(report), unmet(parse(t, again)))
}

// needFaults skips a boot that make faults makes, and make test does not.
func needFaults(t *testing.T) {
	t.Helper()
	if os.Getenv("VMSPEC_FAULTS") == "" {
		t.Skip("boots once more: make faults sets VMSPEC_FAULTS")
	}
	needBoot(t)
}

// twoPorts are those for a disk and a network device.
var twoPorts = []string{"-device", rootPort, "-device", "pcie-root-port,id=port2,chassis=2"}

// plugged boots any VMM's VM, which a command serves. It has no ports of its own.
func plugged(t *testing.T, command string, more ...string) (report *results.Report, log, said string) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "console.log")
	args := []string{"run", "exec", "--log", log, "--on-need", "hotplug-block=" + command, "--on-need", "hotplug-net=" + command, "--", target.Binary}
	qemu := direct(t, append([]string{"-serial", "stdio"}, more...)...)
	qemu[slices.Index(qemu, "-append")+1] += " {append}"
	port := slices.Index(qemu, rootPort)
	qemu = slices.Delete(qemu, port-1, port+1)
	_, stdout, stderr := vmspec(t, append(args, qemu...)...)
	return parse(t, stdout), log, strings.Join(strings.Fields(strings.ReplaceAll(stdout+stderr, "\n#", "")), " ")
}

// shortDir is a folder whose path is short enough for sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vmspec")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func monitor(socket string) []string {
	return []string{"-qmp", "unix:" + socket + ",server=on,wait=off"}
}

// startQEMU starts one that nobody watches.
func startQEMU(t *testing.T, args ...string) {
	t.Helper()
	qemu := exec.Command(target.Binary, args...)
	qemu.Stderr = t.Output()
	require.NoError(t, qemu.Start())
	t.Cleanup(func() { _ = qemu.Wait() }) // it was killed
	t.Cleanup(func() { _ = qemu.Process.Kill() })
}

// adapter is the command of a script of ours.
func adapter(t *testing.T, name string, args ...string) string {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("adapters", name))
	require.NoError(t, err)
	t.Setenv("PATH", programDir(t)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return strings.Join(append([]string{script}, args...), " ")
}

// programDir is a folder with the vmspec that make builds.
func programDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "bin"))
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "vmspec"), "make build builds it")
	return dir
}

// By the adapter for QEMU, with a port and without one.
func TestBootHotplugByAdapter(t *testing.T) {
	needFaults(t)
	for _, c := range []struct {
		name  string
		ports []string
		want  results.Verdict
	}{
		{"a port for each", twoPorts, results.Pass},
		{"no port", nil, results.Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			socket := filepath.Join(shortDir(t), "qmp")
			report, log, said := plugged(t, adapter(t, "qmp.sh", socket), append(c.ports, monitor(socket)...)...)
			for _, id := range append([]string{"PLAT-HOTPLUG-BUS"}, plugIDs...) {
				p := point(report, id)
				require.Equal(t, c.want, p.Verdict, id)
				if c.want == results.Fail && id != "PLAT-HOTPLUG-BUS" {
					require.Equal(t, "PLAT-HOTPLUG-BUS", p.Follows)
					require.Contains(t, p.Problem, "there is no bus to plug it on")
					require.Contains(t, p.Found, "the host answered: cannot")
				}
			}
			if c.want == results.Fail {
				require.Contains(t, said, "does not support hotplugging")
				require.Contains(t, hostRun(t, log).Acts[0].Said, "does not support hotplugging")
			}
		})
	}
}

// A host that acts on another VM says that it is done. Both sides are told.
func TestBootHotplugOfAnotherVM(t *testing.T) {
	needFaults(t)
	dir := shortDir(t)
	other := filepath.Join(dir, "other")
	startQEMU(t, append(append([]string{"-machine", "virt", "-S", "-nodefaults", "-display", "none"}, twoPorts...), monitor(other)...)...)
	report, log, said := plugged(t, adapter(t, "qmp.sh", other), twoPorts...)
	for _, id := range plugIDs {
		p := point(report, id)
		require.Equal(t, results.Fail, p.Verdict, p)
		require.Equal(t, "the host said that it is done, and the guest saw nothing", p.Problem)
		_, both, _ := strings.Cut(said, "seen by the host: "+id+" fail: ")
		require.Regexp(t, `^the host said that it is done, and the guest saw nothing: the host says that it did hotplug-\w+ by ".*qmp.sh .*" \("device_add virtio-\S+: done"\); the guest: need hotplug-\w+ nonce=\w+ timeout=30s: no \w+ device came`, both)
	}
	require.Equal(t, results.Pass, point(report, "PLAT-HOTPLUG-BUS").Verdict)
	require.True(t, hostRun(t, log).Acts[0].Done)
	_, again, _ := vmspec(t, "report", "--format", "tap", log)
	require.Equal(t, unmet(report), unmet(parse(t, again)), "by the log and its record, too")
}

// Nobody answers: the guest waits, and says so.
func TestBootHotplugUnanswered(t *testing.T) {
	needFaults(t)
	_, stdout, _ := vmspec(t, "run", "qemu-virt", "--guest", guestDir, "--append", "vmspec.needs=hotplug-block,pause vmspec.only=PLAT-HOTPLUG-BLOCK,PLAT-HOTPLUG-NET,PLAT-CLOCK-PAUSE")
	report := parse(t, stdout)
	want := map[string]string{"PLAT-HOTPLUG-BLOCK": "host-did-not-act", "PLAT-HOTPLUG-NET": "needs-hotplug", "PLAT-CLOCK-PAUSE": "host-did-not-act"}
	for id, reason := range want {
		require.Equal(t, results.Skip, point(report, id).Verdict, stdout)
		require.Equal(t, reason, point(report, id).Reason)
	}
}

func TestActsAreKept(t *testing.T) {
	var h results.HostRun
	require.NoError(t, json.Unmarshal([]byte(`{"acts": [{"need": "pause", "nonce": "1", "by": "QMP", "done": true, "seconds": 5}]}`), &h))
	require.Equal(t, []results.Act{{Need: "pause", Nonce: "1", By: "QMP", Done: true, Seconds: 5}}, h.Acts, fmt.Sprint(h))
}
