package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"vmspec/probes/note"
)

// ChildArgument is the first argument of a process that was started to take
// one measurement: what may crash does so in a child.
const ChildArgument = "vmspec-measure"

// measurements are what a child can be asked for, by the note's name.
var measurements = map[string]func(root fs.FS, out io.Writer) error{
	"counter": measureCounter,
	"ticks":   measureTicks,
	"efi":     measureEFI,
}

// childMost is the deadline of a child's measurement.
const childMost = 10 * time.Second

// Child takes the named measurement of this machine and writes its note. It is
// all that a process started by [Measure] does.
func Child(name string, root fs.FS, out io.Writer) error {
	measure, ok := measurements[name]
	if !ok {
		return fmt.Errorf("no measurement %q", name)
	}
	_, err := out.Write(note.Take(func(w io.Writer) error { return measure(root, w) }))
	return err
}

// Measure starts this program again to take the named measurement and returns
// the note. A child that dies leaves its signal in the note.
func Measure(name string) []byte {
	return note.Take(func(out io.Writer) error {
		ctx, cancel := context.WithTimeout(context.Background(), childMost)
		defer cancel()
		cmd := exec.CommandContext(ctx, "/proc/self/exe", ChildArgument, name)
		cmd.Env = append(os.Environ(), "GOGC=off") // a collection may wait by the timer
		text, err := cmd.Output()
		if _, werr := out.Write(text); werr != nil {
			return werr
		}
		if err != nil {
			return fmt.Errorf("child: %w", errors.Join(err, ctx.Err()))
		}
		return nil
	})
}
