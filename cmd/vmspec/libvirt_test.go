package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/results"
	"vmspec/results/publish"
)

// nobody is whom root becomes: libvirt's session is no more for root than its system.
const nobody = 65534

// A session is a user's libvirt of its own: a daemon, its state, and what boots.
type session struct {
	dir string // has the suite's kernel and initramfs, and what runs leave
	env []string
	as  *syscall.SysProcAttr
}

// newSession starts libvirt's daemon. What it runs ends with the test.
func newSession(t *testing.T) *session {
	t.Helper()
	dir, err := os.MkdirTemp("", "libvirt") // short: sockets lie in it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := &session{dir: dir, as: &syscall.SysProcAttr{}}
	run := filepath.Join(dir, "run")
	require.NoError(t, os.Mkdir(run, 0o700))
	program, err := exec.LookPath("vmspec")
	require.NoError(t, err)
	for name, from := range map[string]string{
		"vmspec": program, "libvirt.sh": filepath.Join("adapters", "libvirt.sh"),
		imageName: filepath.Join(guestDir, imageName), initramfsName: filepath.Join(guestDir, initramfsName),
	} {
		copyFile(t, filepath.Join(dir, name), from)
		require.NoError(t, os.Chmod(filepath.Join(dir, name), 0o755))
	}
	if os.Getuid() == 0 {
		for _, name := range []string{dir, run} {
			require.NoError(t, os.Chown(name, nobody, nobody))
		}
		s.as.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	s.env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "XDG_RUNTIME_DIR="+run, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"),
		"XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "LIBVIRT_DEFAULT_URI=qemu:///session", "PATH="+dir+":/usr/sbin:"+os.Getenv("PATH"))
	s.serve(t, filepath.Join(run, "libvirt", "libvirt-sock"))
	return s
}

// serve runs the daemon.
func (s *session) serve(t *testing.T, socket string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	daemon := s.command(ctx, "libvirtd")
	daemon.Cancel = func() error { return daemon.Process.Signal(syscall.SIGTERM) }
	require.NoError(t, daemon.Start())
	t.Cleanup(func() {
		cancel()
		_ = daemon.Wait() // it was ended
	})
	require.Eventually(t, func() bool {
		_, err := os.Stat(socket)
		return err == nil
	}, 5*time.Minute, 100*time.Millisecond)
}

func (s *session) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	path, err := exec.LookPath(name)
	if err != nil {
		path = filepath.Join("/usr/sbin", name)
	}
	c := exec.CommandContext(ctx, path, args...)
	c.Dir, c.Env, c.SysProcAttr = s.dir, s.env, s.as
	return c
}

// here puts files in a folder in the place of those that the page names.
func here(text, dir string) string {
	return strings.NewReplacer("/var/lib/libvirt/images/", dir+"/", "cmd/vmspec/adapters/libvirt.sh", "./libvirt.sh").Replace(text)
}

// run runs a command of the page, and returns its report and what it said beside.
func (s *session) run(t *testing.T, command string) (*results.Report, string) {
	t.Helper()
	var stdout, stderr strings.Builder
	c := s.command(t.Context(), "sh", "-c", command)
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	report := parse(t, stdout.String())
	conclusion, _ := report.Conclude(false)
	require.Equal(t, conclusion.ExitStatus(), c.ProcessState.ExitCode(), "%v: %s", err, stderr.String())
	return report, stderr.String()
}

// keep copies a run's log and record to where whoever publishes them looks.
func (s *session) keep(t *testing.T, name string) {
	t.Helper()
	to := filepath.Join(os.Getenv("VMSPEC_LIBVIRT"), name)
	require.NoError(t, os.MkdirAll(to, 0o755))
	for _, file := range []string{"boot.log", "boot.log" + results.HostRunSuffix} {
		copyFile(t, filepath.Join(to, file), filepath.Join(s.dir, file))
	}
}

var xmlBlock = regexp.MustCompile("(?s)```xml\n(.*?)```")

// What the page about libvirt says is done as it says, in libvirt's QEMU driver.
func TestLibvirt(t *testing.T) {
	canBoot(t)
	if os.Getenv("VMSPEC_LIBVIRT") == "" {
		t.Skip("boots by libvirt: make libvirt sets VMSPEC_LIBVIRT")
	}
	text, err := os.ReadFile(filepath.Join(publishedDir, "libvirt", publish.PageFile))
	require.NoError(t, err)
	var commands []string
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		commands = append(commands, here(block[1], "$PWD")) // a shell runs them
	}
	require.Len(t, commands, 4, "console, hotplug, virt-install, and publish")
	s := newSession(t)
	domain := xmlBlock.FindStringSubmatch(string(text))
	require.NotNil(t, domain)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "vmspec.xml"), []byte(here(domain[1], s.dir)), 0o644))

	t.Run("console", func(t *testing.T) {
		report, said := s.run(t, commands[0])
		require.Empty(t, musts(report), said)
		require.Equal(t, results.Pass, point(report, "FW-UEFI-BOOT").Verdict)
		require.Equal(t, results.Pass, point(report, "PLAT-CONSOLE-INPUT").Verdict, said)
	})
	t.Run("hotplug", func(t *testing.T) {
		report, said := s.run(t, commands[1])
		require.Empty(t, musts(report), said)
		for _, id := range plugIDs {
			require.Equal(t, results.Pass, point(report, id).Verdict, "%s: %s", id, said)
		}
		require.Equal(t, results.Fail, point(report, "PLAT-CLOCK-PAUSE").Verdict, said)
		s.keep(t, "libvirt-tree")
	})
	t.Run("virt-install", func(t *testing.T) {
		install, after, ok := strings.Cut(commands[2], "vmspec report")
		require.True(t, ok)
		report, said := s.run(t, install)
		require.Equal(t, []string{"HW-FDT-UEFI", "HW-FDT-BOOT", "HW-FDT-ALONE"}, musts(report), said)
		again, _ := s.run(t, "vmspec report"+after)
		require.Equal(t, report.Points, again.Points)
		s.keep(t, "libvirt-acpi")
	})
	out, err := s.command(t.Context(), "virsh", "list", "--all", "--name").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Empty(t, strings.TrimSpace(string(out)), "no domain is left")
}

// musts lists the musts that failed or could not be told.
func musts(r *results.Report) (ids []string) {
	for _, p := range r.Points {
		if p.Must() && (p.Verdict == results.Fail || p.Verdict == results.Error) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}
