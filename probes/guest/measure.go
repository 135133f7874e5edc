package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
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

// Measure starts this program again to take the named measurements and
// returns their notes. A child that dies leaves its signal in the notes that
// it still owed. One child for several spares the cost of starting a process,
// most of which is Go's and the kernel's own.
func Measure(names ...string) map[string][]byte {
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
