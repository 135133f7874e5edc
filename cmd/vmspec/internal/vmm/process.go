//go:build unix

package vmm

import (
	"os"
	"os/exec"
	"syscall"
)

// closeEnds closes our copies of the pipes' ends that are the VMM's, so that
// reading ends with the VMM.
func closeEnds(cmd *exec.Cmd) {
	for _, end := range []any{cmd.Stdin, cmd.Stdout} {
		if file, ok := end.(*os.File); ok {
			file.Close()
		}
	}
}

func terminate(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
