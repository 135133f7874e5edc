//go:build unix && !linux

package vmm

import (
	"os/exec"
	"syscall"
)

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func start(cmd *exec.Cmd) (<-chan error, error) {
	ended := make(chan error, 1)
	err := cmd.Start()
	closeEnds(cmd)
	if err == nil {
		go func() { ended <- cmd.Wait() }()
	}
	return ended, err
}

// alive tells whether any of the group runs; who left it is out of our reach.
func (f *family) alive() bool { return syscall.Kill(-f.cmd.Process.Pid, 0) == nil }

func (f *family) members() []int { return nil }
