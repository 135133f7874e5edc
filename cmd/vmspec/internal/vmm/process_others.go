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
