package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/results"
)

// starved is for how long a host keeps a VM waiting in these tests.
const starved = time.Second

// What the guest says last before its first worker begins, and before the
// dead-timer test.
const (
	saidBegin = "# vmspec: init "
	saidTimer = "# vmspec: trial counter"
)

// A host may stop a VM, or not run what raises its interrupts, just when the
// guest looks whether its timer is dead.
func TestBootStarvedAtTheTimer(t *testing.T) {
	for name, starve := range map[string]func(t *testing.T, pid int, said string){
		"stopped": func(t *testing.T, pid int, said string) {
			if said == saidTimer {
				stop(t, pid)
				time.Sleep(2 * time.Millisecond)
				stop(t, pid)
			}
		},
		"its main loop alone": func() func(t *testing.T, pid int, said string) {
			var goOn func()
			return func(t *testing.T, pid int, said string) {
				if said == saidBegin {
					goOn = stopThread(t, pid)
					return
				}
				time.Sleep(starved)
				goOn()
			}
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needBoot(t)
			report := parse(t, bootWhile(t, starve))
			require.Equal(t, fails["qemu-virt"], unmet(report), problem(report, "PLAT-TIMER"))
		})
	}
}

// stop stops a process for a while.
func stop(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	time.Sleep(starved)
	require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
}

// stopThread stops one thread of a process, as a debugger does. The goroutine
// keeps its own, since no other may let it go on.
func stopThread(t *testing.T, tid int) (goOn func()) {
	t.Helper()
	runtime.LockOSThread()
	require.NoError(t, unix.PtraceSeize(tid))
	require.NoError(t, unix.PtraceInterrupt(tid))
	_, err := unix.Wait4(tid, nil, unix.WALL, nil)
	require.NoError(t, err)
	return func() {
		require.NoError(t, unix.PtraceDetach(tid))
		runtime.UnlockOSThread()
	}
}

// bootWhile boots a guest, lets something happen to QEMU when it says what it
// says last before a moment, and returns all that it wrote.
func bootWhile(t *testing.T, happen func(t *testing.T, pid int, said string)) (log string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, target.Binary, direct(t, "-serial", "stdio")...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var b strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		b.WriteString(lines.Text() + "\n")
		for _, said := range []string{saidBegin, saidTimer} {
			if strings.HasPrefix(lines.Text(), said) {
				happen(t, cmd.Process.Pid, said)
			}
		}
	}
	require.NoError(t, cmd.Wait())
	return b.String()
}

// keepBusy keeps a core busy with so many threads until the test ends.
func keepBusy(t *testing.T, core, threads int) {
	t.Helper()
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + threads)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	var only unix.CPUSet
	only.Set(core)
	bound := make(chan error)
	for range threads {
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends here
			bound <- unix.SchedSetaffinity(0, &only)
			for t.Context().Err() == nil {
			}
		}()
		require.NoError(t, <-bound)
	}
}

// TestSoakStarved boots again and again on a core that three others keep busy, as
// often as VMSPEC_SOAK says. A host may be too busy to tell; it makes no failure.
func TestSoakStarved(t *testing.T) {
	runs, err := strconv.Atoi(os.Getenv("VMSPEC_SOAK"))
	if err != nil {
		t.Skip("takes minutes: make soak sets VMSPEC_SOAK")
	}
	canBoot(t)
	const core = 0
	keepBusy(t, core, 3)
	vms := []struct {
		target string
		args   []string
	}{
		{"qemu-virt-uefi", append(firmware(t), "-machine", "acpi=off")},
		{"qemu-virt", nil},
		{"qemu-virt", []string{"-smp", "4"}},
	}
	failures, untold := 0, 0
	for i := range runs {
		vm := vms[i%len(vms)]
		args := append([]string{"run", "exec", "--", "taskset", "-c", fmt.Sprint(core), target.Binary}, direct(t, append(vm.args, "-serial", "stdio")...)...)
		began := time.Now()
		_, stdout, stderr := vmspec(t, args...)
		t.Logf("run %d, %s, took %s", i+1, vm.target, time.Since(began).Round(time.Second))
		report, err := results.Parse(strings.NewReader(stdout), "")
		if err != nil || report.Incomplete != nil {
			untold++
			t.Logf("no whole report: %v\n%s", err, stderr)
			continue
		}
		for id, verdict := range unmet(report) {
			switch {
			case verdict == fails[vm.target][id]:
			case verdict == results.Fail:
				failures++
				t.Errorf("run %d, %s: %s failed: %s%s", i+1, vm.target, id, problem(report, id), found(report, id))
			default:
				untold++
				t.Logf("%s: %s", id, problem(report, id))
			}
		}
	}
	t.Logf("runs %d, failures %d, untold %d", runs, failures, untold)
}
