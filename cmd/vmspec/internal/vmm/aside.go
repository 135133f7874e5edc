//go:build unix

package vmm

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
)

// Aside runs a command of the shell beside a VM, with NAME=VALUE beside our own
// environment, and returns its words. If ctx ends before the command, all of that is
// ended. What a command that ended by itself left running is left alone: it may be
// what serves a device.
func Aside(ctx context.Context, command string, env []string) (out Outcome, err error) {
	cmd := exec.Command("sh", "-c", command)
	said, err := listen(cmd)
	if err != nil {
		return out, err
	}
	cmd.Stdout = cmd.Stderr
	cmd.Env = append(os.Environ(), env...)
	f := newFamily(cmd)
	ended, err := start(cmd)
	if err != nil {
		said.end()
		return out, err
	}
	select {
	case <-ended:
	case <-ctx.Done():
		f.end(ended)
		f.kill()
		err = errors.New("it was ended with the run")
	}
	out.ended(cmd.ProcessState)
	out.Stderr = strings.TrimSpace(said.end())
	return out, err
}
