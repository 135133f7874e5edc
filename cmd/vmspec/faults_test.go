package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/probes"
	"vmspec/results"
	"vmspec/suite"
)

// faulty is a guest of which each step can be broken, for all tests that do.
var faulty struct {
	once sync.Once
	dir  string
	err  error
}

// faultyGuest returns the folder of a guest that was built with the tag by which its
// steps can be broken.
func faultyGuest(t *testing.T) (dir string) {
	t.Helper()
	faulty.once.Do(func() { faulty.dir, faulty.err = buildFaulty(t.Context()) })
	require.NoError(t, faulty.err)
	return faulty.dir
}

func buildFaulty(ctx context.Context) (dir string, err error) {
	dir, err = os.MkdirTemp("", "vmspec")
	if err != nil {
		return "", err
	}
	init := filepath.Join(dir, "init")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "faults", "-ldflags", "-s -w", "-o", init, "../init")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	var stdout, stderr bytes.Buffer
	status := run(ctx, []string{"guest", "--init", init, "--debian", filepath.Join(guestDir, "kernel"), "--out", dir}, &stdout, &stderr)
	if status != results.Conformant {
		return dir, fmt.Errorf("vmspec guest: exit status %s: %s", status, &stderr)
	}
	return dir, nil
}

func removeFaulty() {
	if faulty.dir != "" {
		_ = os.RemoveAll(faulty.dir) // it lies in the system's folder for such
	}
}

// A fault is a broken step and the subjects that it may cost.
type fault struct {
	step, how string
	subjects  []string
}

// faults are those of every step that is no subject's own, and of some
// subjects; with VMSPEC_FAULTS every subject is broken in every way.
func faults() []fault {
	some := []fault{
		{"probe/fdt", "hang", []string{"fdt"}},
		{"probe/gic", "crash", []string{"gic"}},
		{"probe/kernel", "panic", []string{"kernel"}},
		{"probe/virtio", "memory", []string{"virtio"}},
		{"trial/clock", "crash", []string{"rtc"}},
		{"publish", "crash", nil},
	}
	if os.Getenv("VMSPEC_FAULTS") == "" {
		return some
	}
	all := []fault{
		{"trial/counter", "crash", []string{"timer", "rtc"}},
		{"trial/timer", "hang", []string{"timer"}},
		{"trial/agreement", "crash", []string{"timer"}},
		{"trial/touch", "memory", []string{"memory"}},
		{"trial/offline", "hang", []string{"cpu"}},
		{"trial/entropy", "hang", []string{"entropy"}},
		{"trial/variables", "crash", []string{"efi"}},
		{"trial/efi", "crash", []string{"efi"}},
		{"trial/clock", "hang", []string{"rtc"}},
		{"look/parameters", "crash", nil},
		{"look/smbios", "hang", []string{"smbios"}},
		{"look/mounts", "crash", []string{"efi"}},
		{"module/efivarfs", "crash", []string{"efi"}},
		{"read/proc/interrupts", "crash", []string{"gic", "timer", "device"}},
		{"wait/clock", "crash", []string{"rtc"}},
		{"capture", "crash", nil},
	}
	for _, subject := range probes.Subjects() {
		for _, how := range []string{"hang", "crash", "panic", "memory"} {
			all = append(all, fault{"probe/" + subject, how, []string{subject}})
		}
	}
	return append(some, all...)
}

// touches tells whether a requirement may be an error because of the fault.
func (f fault) touches(r suite.Requirement) bool {
	return slices.ContainsFunc(f.subjects, func(s string) bool {
		return slices.Contains(r.Needs, s) || s == "kernel" && len(r.Kernel) > 0
	})
}

// Whatever looks at the machine may break: it costs its own requirements, and
// nothing else.
func TestBootFaults(t *testing.T) {
	t.Parallel()
	canBoot(t)
	dir := faultyGuest(t)
	boot := func(t *testing.T, parameters string) *results.Report {
		status, stdout, stderr := vmspec(t, "run", "qemu-virt-uefi", "--guest", dir, "--append", parameters)
		require.NotEqual(t, unusable, status, stderr)
		return parse(t, stdout)
	}
	var sound *results.Report
	t.Run("none", func(t *testing.T) {
		needBoot(t)
		sound = boot(t, "quiet")
	})
	for _, f := range faults() {
		t.Run(strings.ReplaceAll(f.step, "/", " ")+" "+f.how, func(t *testing.T) {
			t.Parallel()
			needBoot(t)
			report := boot(t, "faults="+f.step+":"+f.how)
			require.Len(t, report.Points, len(sound.Points))
			for i, p := range report.Points {
				f.check(t, p, sound.Points[i].Verdict)
			}
		})
	}
}

// check holds a point of the broken guest against the sound one's verdict.
func (f fault) check(t *testing.T, p results.Point, sound results.Verdict) {
	r, _ := suite.Find(p.ID)
	if p.Verdict != sound {
		require.Equal(t, results.Error, p.Verdict, p.ID)
		require.True(t, f.touches(r), "%s: %s", p.ID, p.Problem)
	}
	if strings.HasPrefix(f.step, "probe/") && r.Check != nil && slices.Contains(r.Needs, f.subjects[0]) {
		require.Equal(t, results.Error, p.Verdict, p.ID)
	}
}

// A VM may die at any moment: its verdict is the true one, or there is none.
func TestBootKilled(t *testing.T) {
	t.Parallel()
	needBoot(t)
	whole, _ := killedAfter(t, 1<<30)
	sound := parse(t, whole)
	lines := strings.Count(whole, "\n")
	moments := 4
	if os.Getenv("VMSPEC_FAULTS") != "" {
		moments = 50
	}
	told := map[string]int{}
	for range moments {
		n := rand.IntN(lines)
		log, killed := killedAfter(t, n)
		require.True(t, killed, "after %d of %d lines", n, lines)
		report, err := results.Parse(strings.NewReader(log), "")
		switch {
		case errors.Is(err, results.ErrNoReport):
			told["no report"]++
		case report.Incomplete != nil:
			told["incomplete"]++
			status, _ := report.Conclude(false)
			require.Equal(t, results.CouldNotTell, status)
		case report.Provisional():
			told["provisional"]++
			status, _ := report.Conclude(false)
			require.NotEqual(t, results.Conformant, status)
			for id, verdict := range unmet(report) {
				require.Contains(t, []results.Verdict{unmet(sound)[id], results.Error}, verdict, id)
			}
		default:
			told["whole"]++
			require.Equal(t, unmet(sound), unmet(report), log)
		}
	}
	t.Logf("killed at %d moments: %v", moments, told)
}

// killedAfter boots a guest, kills QEMU when it has written so many lines, and
// returns all that it wrote.
func killedAfter(t *testing.T, lines int) (log string, killed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, target.Binary, direct(t, "-serial", "stdio")...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var b strings.Builder
	for in := bufio.NewReader(out); ; lines-- {
		if lines == 0 {
			require.NoError(t, cmd.Process.Kill())
		}
		line, err := in.ReadString('\n')
		if b.WriteString(line); err != nil {
			break
		}
	}
	_ = cmd.Wait() // killed or not
	return b.String(), lines <= 0
}
