//go:build unix

package vmm

import (
	"crypto/rand"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// closeEnds closes our copies of the pipes' ends that are the VMM's, so that
// reading ends with the VMM.
func closeEnds(cmd *exec.Cmd) {
	for _, end := range []any{cmd.Stdin, cmd.Stdout, cmd.Stderr} {
		if file, ok := end.(*os.File); ok {
			file.Close()
		}
	}
}

// A family is a VMM's command and all that it starts: a group of processes, and
// those that left it but have its mark in their environment.
type family struct {
	cmd  *exec.Cmd
	mark string
}

// markName is the environment variable that marks a family.
const markName = "VMSPEC_RUN"

func newFamily(cmd *exec.Cmd) *family {
	f := &family{cmd, markName + "=" + rand.Text()}
	cmd.Env = append(cmd.Env, f.mark)
	ownGroup(cmd)
	return f
}

// toGroup sends a signal to those that did not leave the group.
func (f *family) toGroup(s syscall.Signal) { _ = syscall.Kill(-f.cmd.Process.Pid, s) }

// signal sends a signal to all of the family, and tells whether there are any
// beside the command.
func (f *family) signal(s syscall.Signal) bool {
	f.toGroup(s)
	members := f.members()
	for _, pid := range members {
		_ = syscall.Kill(pid, s)
	}
	return len(members) > 0
}

// Who starts processes while they are killed is killed again.
const (
	familyPoll  = 20 * time.Millisecond
	familyKills = 50
)

// kill ends all of the family.
func (f *family) kill() {
	for range familyKills {
		if !f.signal(syscall.SIGKILL) {
			return
		}
		time.Sleep(familyPoll)
	}
}

// end asks the VMM to end, then makes it. The command's own end comes by a
// channel, which is nil if it has come.
func (f *family) end(ended <-chan error) {
	deadline := time.After(graceTerm)
	if ended == nil {
		f.signal(syscall.SIGTERM)
		f.await(deadline)
		return
	}
	f.toGroup(syscall.SIGTERM)
	select {
	case <-ended:
	case <-deadline:
		f.toGroup(syscall.SIGKILL)
		<-ended
	}
}

// stays tells whether any of the family outlives the command. Who is just
// starting a program has no environment for a moment: one look may miss it.
func (f *family) stays() bool {
	if f.alive() {
		return true
	}
	time.Sleep(familyPoll)
	return f.alive()
}

// await waits until nobody is left, or for as long as there is time.
func (f *family) await(deadline <-chan time.Time) {
	for f.alive() {
		select {
		case <-deadline:
			return
		case <-time.After(familyPoll):
		}
	}
}
