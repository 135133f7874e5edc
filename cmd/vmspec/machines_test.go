package main

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"vmspec/initramfs"
	"vmspec/results"
)

// A machine is a row of testdata/machines.
type machine struct {
	Name, Args, Append string
	Kernel             string // Debian's plain one without it
	Claims             string // what it is given, as --claims has it
	CPUs               int    `yaml:"cpus"`
	GIC                int    `yaml:"gic"`
	Busy               bool
	Tree, ACPI         *machineVerdict
}

// A machineVerdict is what is expected of a machine that is described in one way.
type machineVerdict struct {
	Fails   []string // of the platform's musts, beside those of failsOnAll
	Shows   string
	Points  map[string]string // by ID: the verdict, and a part of what the point says
	Host    string            // what the host says of it, who fails what it names
	Refused string
}

// otherKernels are the guests with another kernel, which make machines builds.
var otherKernels = map[string]string{"cloud": filepath.Join("..", "..", "build", initramfs.KernelCloud)}

// failsOnAll are the platform's musts that the target fails on every machine.
var failsOnAll = map[string][]string{
	"qemu-virt-uefi": nil,
	"qemu-virt-acpi": {"HW-FDT-UEFI", "HW-FDT-BOOT", "HW-FDT-ALONE"},
}

func machines(t *testing.T) (all []machine) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "machines", "machines.yaml"))
	require.NoError(t, err)
	defer f.Close()
	in := yaml.NewDecoder(f)
	in.KnownFields(true)
	require.NoError(t, in.Decode(&all))
	return all
}

func TestMachinesAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, m := range machines(t) {
		require.NotEmpty(t, m.Name)
		require.False(t, names[m.Name], m.Name)
		names[m.Name] = true
		require.True(t, m.Kernel == "" || otherKernels[m.Kernel] != "", m.Kernel)
		for _, v := range []*machineVerdict{m.Tree, m.ACPI} {
			require.NotNil(t, v, "%s: by tree and by ACPI", m.Name)
			_, err := regexp.Compile("(?m)" + v.Shows)
			require.NoError(t, err, m.Name)
		}
	}
}

// Each machine boots by tree and by ACPI, and fails what it is expected to. make
// machines sets VMSPEC_MACHINES.
func TestBootMachines(t *testing.T) {
	if os.Getenv("VMSPEC_MACHINES") == "" {
		t.Skip("boots two VMs for each machine: make machines sets VMSPEC_MACHINES")
	}
	for _, m := range machines(t) {
		for target, want := range map[string]*machineVerdict{"qemu-virt-uefi": m.Tree, "qemu-virt-acpi": m.ACPI} {
			t.Run(m.Name+" "+target, func(t *testing.T) {
				needBoot(t)
				m.boot(t, target, want)
			})
		}
	}
}

// boot boots a machine, and compares.
func (m machine) boot(t *testing.T, target string, want *machineVerdict) {
	log := filepath.Join(t.TempDir(), "boot.log")
	status, stdout, stderr := vmspec(t, append(m.flags(t, target, log), m.extra(t)...)...)
	if want.Refused != "" {
		require.Equal(t, unusable, status)
		require.Contains(t, stderr, want.Refused)
		return
	}
	text, err := os.ReadFile(log)
	require.NoError(t, err, stderr)
	require.Regexp(t, "(?m)"+want.Shows, strings.ReplaceAll(string(text), "\r", ""))
	said := parse(t, stdout)
	for id, want := range want.Points {
		p := point(said, id)
		require.Contains(t, string(p.Verdict)+" "+p.Problem+" "+p.Found, want, id)
	}
	require.Contains(t, strings.Join(strings.Fields(strings.ReplaceAll(stdout, "\n#", "")), " "), want.Host)
	if want.Host != "" {
		require.Equal(t, results.NotConformant, status)
	}
	failed, errs := unmetMusts(said)
	require.ElementsMatch(t, append(append([]string{}, failsOnAll[target]...), want.Fails...), failed)
	if m.Busy {
		t.Logf("could not tell: %s", strings.Join(errs, ", "))
		return
	}
	require.Empty(t, errs)
}

func (m machine) flags(t *testing.T, target, log string) []string {
	t.Helper()
	args := []string{"run", target, "--guest", cmp.Or(otherKernels[m.Kernel], guestDir), "--format", "tap", "--log", log, "--append", m.Append,
		"--gic", strconv.Itoa(cmp.Or(m.GIC, 3)), "--cpus", strconv.Itoa(cmp.Or(m.CPUs, 1))}
	if m.Claims != "" {
		claims := filepath.Join(filepath.Dir(log), "claims.yaml")
		require.NoError(t, os.WriteFile(claims, []byte(m.Claims), 0o600))
		args = append(args, "--claims", claims)
	}
	return append(args, "--")
}

// extra are QEMU's arguments.
func (m machine) extra(t *testing.T) []string {
	t.Helper()
	args := strings.Fields(m.Args)
	for i, a := range args {
		if strings.Contains(a, "{tpm}") {
			args[i] = strings.ReplaceAll(a, "{tpm}", startTPM(t))
		}
	}
	return args
}

// startTPM starts a TPM, and returns its socket when it is there.
func startTPM(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tpm") // a socket's path is short
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "sock")
	tpm := exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+dir, "--ctrl", "type=unixio,path="+socket, "--terminate")
	require.NoError(t, tpm.Start())
	t.Cleanup(func() {
		_ = tpm.Process.Kill()
		_ = tpm.Wait()
	})
	require.Eventually(t, func() bool {
		_, err := os.Stat(socket)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	return socket
}

// unmetMusts are the platform's musts that failed, and those in error.
func unmetMusts(r *results.Report) (failed, errs []string) {
	for _, p := range r.Points {
		if p.Level != "must" || !r.Counts(p) {
			continue
		}
		switch p.Verdict {
		case results.Fail:
			failed = append(failed, p.ID)
		case results.Error:
			errs = append(errs, p.ID)
		}
	}
	return failed, errs
}
