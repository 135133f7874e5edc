package vmm

import (
	"os/exec"
	"runtime"
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
