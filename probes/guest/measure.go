package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"vmspec/probes/note"
)

// ChildArgument is the first argument of a process that was started to take
// measurements: what may crash does so in a child.
const ChildArgument = "vmspec-measure"

// measurements are what a child can be asked for, by the note's name.
var measurements = map[string]func(root fs.FS, out io.Writer) error{
	"counter": measureCounter,
	"ticks":   measureTicks,
	"efi":     measureEFI,
	"tpm":     measureTPM,
}

// childMost is the deadline of a child.
const childMost = 10 * time.Second

// noteEnd is behind each note that a child writes.
const noteEnd = "\x00"

// Child takes the named measurements of this machine, in this order, and
// writes each one's note as soon as it is taken. It is all that a process
// started by [Measure] does.
func Child(names []string, root fs.FS, out io.Writer) error {
	for _, name := range names {
		measure, ok := measurements[name]
		if !ok {
			return fmt.Errorf("no measurement %q", name)
		}
		text := note.Take(func(w io.Writer) error { return measure(root, w) })
		if _, err := out.Write(append(text, noteEnd...)); err != nil {
			return err
		}
	}
	return nil
}

// Measure takes the named measurements and returns their notes. Those that
// may crash are left to one child for all of them, since starting a process
// costs more than most measurements.
func Measure(root fs.FS, names ...string) map[string][]byte {
	var own, risky []string
	for _, name := range names {
		if name == "counter" && !counterMayTrap {
			own = append(own, name)
		} else {
			risky = append(risky, name)
		}
	}
	out := map[string][]byte{}
	if len(risky) > 0 {
		out = inChild(risky)
	}
	for _, name := range own {
		out[name] = onOwnThread(func() []byte {
			return note.Take(func(w io.Writer) error { return measurements[name](root, w) })
		})
	}
	return out
}

// onOwnThread keeps the affinity that f may set from the caller.
func onOwnThread(f func() []byte) []byte {
	text := make(chan []byte)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		text <- f()
	}()
	return <-text
}

// inChild starts this program again to take the named measurements. A child
// that dies leaves its signal in the notes that it still owed.
func inChild(names []string) map[string][]byte {
	ctx, cancel := context.WithTimeout(context.Background(), childMost)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{ChildArgument}, names...)...)
	cmd.Env = append(os.Environ(), "GOGC=off") // a collection may wait by the timer
	text, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("child: %w", errors.Join(err, ctx.Err()))
	}
	return notes(names, string(text), err)
}

// notes takes a child's output apart.
func notes(names []string, text string, err error) map[string][]byte {
	out := map[string][]byte{}
	for _, name := range names {
		own, rest, whole := strings.Cut(text, noteEnd)
		text = rest
		failure := err
		switch {
		case whole:
			failure = nil
		case err == nil:
			failure = errors.New("child: no answer")
		}
		out[name] = note.Take(func(w io.Writer) error {
			if _, err := io.WriteString(w, own); err != nil {
				return err
			}
			return failure
		})
	}
	return out
}
