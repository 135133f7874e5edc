package trial

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"vmspec/probes/cpu"
	"vmspec/probes/look"
	"vmspec/probes/note"
)

const cpuDir = "sys/devices/system/cpu/"

// offlineFirst is how many secondary CPUs are tried where there are many; the last
// one is tried, too. On an emulated machine each takes 20 ms.
const offlineFirst = 3

// Offline takes secondary CPUs offline, one at a time, and back, by the method
// that the description declares: PSCI.
func Offline(root fs.FS, n *cpu.Offline) error {
	log, err := look.WatchLog()
	if err != nil {
		return err
	}
	err = tryOffline(root, cpuPower{root}, n)
	for _, line := range strings.Split(log(), "\n") {
		// drivers/firmware/psci/psci.c, psci_cpu_kill
		if strings.Contains(line, "may not have shut down cleanly") {
			n.Log = append(n.Log, line)
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

func tryOffline(root fs.FS, p power, n *cpu.Offline) error {
	cpus, err := Online(root)
	if err != nil {
		return err
	}
	secondaries := cpus[1:]
	count := uint64(len(secondaries))
	n.Secondaries = &count
	for i, number := range secondaries {
		if i >= offlineFirst && i < len(secondaries)-1 || !p.can(number) {
			continue
		}
		s := cpu.Switched{Number: number}
		err := trySwitch(p, &s)
		if n.Tried = append(n.Tried, s); err != nil {
			return err
		}
	}
	return nil
}

// trySwitch switches a CPU off and on, and looks whether a thread runs on it.
func trySwitch(p power, s *cpu.Switched) error {
	err := p.set(s.Number, "0")
	if s.Off = note.Result(err); err != nil {
		return nil
	}
	err = p.set(s.Number, "1")
	if s.On = note.Result(err); err != nil {
		return nil
	}
	ran, err := p.run(s.Number)
	if err != nil {
		return err
	}
	on := uint64(ran)
	s.Ran = &on
	return nil
}

// Online lists the CPUs that are online: at least one.
func Online(root fs.FS) ([]int, error) {
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

// cpuPower switches the CPUs of the live guest.
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

// BringBack brings all CPUs online again that a trial left offline.
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
