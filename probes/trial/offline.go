package trial

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"vmspec/probes/cpu"
	"vmspec/probes/look"
	"vmspec/probes/note"
)

const cpuDir = "sys/devices/system/cpu/"

// offlineFirst is how many secondary CPUs are tried where there are many, with
// the last one: on an emulated machine each costs 20 ms.
const offlineFirst = 3

// TrialOffline takes secondary CPUs offline, one at a time, and back, by the
// method that the description declares: PSCI. It writes
//
//	secondaries N
//	off CPU RESULT
//	on CPU RESULT
//	ran CPU ON       on which CPU a thread ran that was then bound to it
//	log TEXT         what the kernel has to say of it
//
// with results as [tryVariables] has them, or "unchanged". A CPU without a line
// is one that the kernel does not let go.
func TrialOffline(root fs.FS, out io.Writer) error {
	log, err := look.WatchLog()
	if err != nil {
		return err
	}
	err = tryOffline(root, cpuPower{root}, out)
	for _, line := range strings.Split(log(), "\n") {
		// drivers/firmware/psci/psci.c, psci_cpu_kill
		if strings.Contains(line, "may not have shut down cleanly") {
			fmt.Fprintf(out, "log %s\n", line)
		}
	}
	return err
}

// power switches CPUs.
type power interface {
	can(cpu int) bool
	set(cpu int, online string) error
	run(on int) (ran int, err error)
}

func tryOffline(root fs.FS, p power, out io.Writer) error {
	cpus, err := onlineCPUs(root)
	if err != nil {
		return err
	}
	secondaries := cpus[1:]
	fmt.Fprintf(out, "secondaries %d\n", len(secondaries))
	for i, n := range secondaries {
		if i >= offlineFirst && i < len(secondaries)-1 || !p.can(n) {
			continue
		}
		if !switched(p, n, "off", "0", out) {
			continue
		}
		if switched(p, n, "on", "1", out) {
			ran, err := p.run(n)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "ran %d %d\n", n, ran)
		}
	}
	return nil
}

// switched switches a CPU and tells what came of it.
func switched(p power, n int, word, online string, out io.Writer) bool {
	err := p.set(n, online)
	fmt.Fprintf(out, "%s %d %s\n", word, n, note.Result(err))
	return err == nil
}

// onlineCPUs lists the CPUs that are online, of which there is one at least.
func onlineCPUs(root fs.FS) ([]int, error) {
	text, err := fs.ReadFile(root, cpuDir+"online")
	if err != nil {
		return nil, err
	}
	cpus, err := cpu.ParseList(string(text))
	if err == nil && len(cpus) == 0 {
		err = errors.New("no CPU is online")
	}
	return cpus, err
}

// cpuPower is the live guest's.
type cpuPower struct{ root fs.FS }

func (p cpuPower) can(n int) bool {
	_, err := fs.Stat(p.root, onlineFile(n))
	return err == nil
}

var errUnchanged = errors.New("unchanged")

func (p cpuPower) set(n int, online string) error {
	if err := writeFile("/"+onlineFile(n), online); err != nil {
		return err
	}
	text, err := fs.ReadFile(p.root, onlineFile(n))
	if err == nil && strings.TrimSpace(string(text)) != online {
		err = errUnchanged
	}
	return err
}

func (p cpuPower) run(on int) (ran int, err error) {
	err = onOwnThread(func() error {
		err := pin(on)
		ran = currentCPU()
		return err
	})
	return ran, err
}

func onlineFile(n int) string { return fmt.Sprintf("%scpu%d/online", cpuDir, n) }

// BringBack brings all CPUs online that a trial has left offline.
func BringBack(root fs.FS) error {
	text, err := fs.ReadFile(root, cpuDir+"offline")
	if err != nil {
		return err
	}
	cpus, err := cpu.ParseList(string(text))
	for _, n := range cpus {
		err = errors.Join(err, writeFile("/"+onlineFile(n), "1"))
	}
	return err
}
