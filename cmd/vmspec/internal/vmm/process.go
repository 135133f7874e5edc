//go:build unix

package vmm

import (
	"os"
	"os/exec"
	"syscall"
)

// closeStdout closes our copy of the pipe that the VMM writes to, so that
// reading ends with the VMM.
func closeStdout(cmd *exec.Cmd) {
	if w, ok := cmd.Stdout.(*os.File); ok {
		w.Close()
	}
}

func terminate(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
