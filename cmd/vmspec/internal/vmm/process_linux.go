package vmm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// ownGroup puts the VMM into a process group of its own, so that all of it can
// be ended, and lets the kernel kill it should we be killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// start starts the VMM; its end comes on the channel. The kernel ties the
// parent's death to the thread that forked, so that one is kept.
func start(cmd *exec.Cmd) (<-chan error, error) {
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		closeEnds(cmd)
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	return ended, <-started
}

// alive tells whether any of the family runs, but the command itself.
func (f *family) alive() bool { return len(f.members()) > 0 }

// members are the processes of the family, without the command's own and
// without those that ended and that nobody waited for.
func (f *family) members() []int {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var out []int
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && pid != f.cmd.Process.Pid && f.owns(dir) {
			out = append(out, pid)
		}
	}
	return out
}

// owns tells whether a process of /proc is one of the family. Of a zombie the
// environment is empty, and of another user's process not to be read.
func (f *family) owns(dir string) bool {
	s, err := readStat(dir)
	if err != nil || s.state == "Z" || s.started < ourStat().started {
		return false
	}
	if s.group == f.cmd.Process.Pid {
		return true
	}
	environ, err := os.ReadFile(filepath.Join(dir, "environ"))
	return err == nil && slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(v []byte) bool { return string(v) == f.mark })
}

// A stat is what is wanted of a process's /proc/PID/stat.
type stat struct {
	state   string
	group   int
	started uint64 // in ticks since the machine's boot
}

// ourStat is this process's: who began before it is nobody's family.
var ourStat = sync.OnceValue(func() stat {
	s, _ := readStat("/proc/self")
	return s
})

// Fields of proc_pid_stat(5), counted from the one behind the name.
const (
	statState   = 0
	statGroup   = 2
	statStarted = 19
)

// readStat reads a process's stat. The name in it, in parentheses, may hold
// anything.
func readStat(dir string) (s stat, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return s, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) <= statStarted {
		return s, fmt.Errorf("%s: %d fields", dir, len(fields))
	}
	s.state = fields[statState]
	if s.group, err = strconv.Atoi(fields[statGroup]); err != nil {
		return s, err
	}
	s.started, err = strconv.ParseUint(fields[statStarted], 10, 64)
	return s, err
}
