package efi

import (
	"fmt"
	"io/fs"

	"vmspec/probes/note"
)

// A Trial is what became of a variable that the suite made and took away.
type Trial struct {
	Steps []Step
	Space *Space `json:",omitempty"` // nil where the kernel does not say
	Err   string // why there is no more of it, or none at all
}

// A Step is one thing that was done to the variable: stale, create, read,
// append, reread and delete, in this order.
type Step struct {
	Name   string
	Result string // "ok", "differs" or the kernel's error, "EIO input/output error"
}

// Space is what QueryVariableInfo said, in bytes.
type Space struct{ Free, Total uint64 }

// Result returns what became of a step; it is empty if the trial did not come
// to it.
func (t *Trial) Result(step string) string {
	for _, s := range t.Steps {
		if s.Name == step {
			return s.Result
		}
	}
	return ""
}

func readTrial(fsys fs.FS) Trial {
	var t Trial
	lines, err := note.Read(fsys, "variables")
	for _, l := range lines {
		if bad := t.readLine(l); bad != nil {
			err = fmt.Errorf("vmspec/variables: %w", bad)
			break
		}
	}
	if err != nil {
		t.Err = err.Error()
	}
	return t
}

func (t *Trial) readLine(l note.Line) error {
	switch l.Word(0) {
	case "space":
		var s Space
		if err := l.Scan([]int{1, 2}, &s.Free, &s.Total); err != nil {
			return err
		}
		t.Space = &s
	case "stale", "create", "read", "append", "reread", "delete":
		if l.Rest(1) == "" {
			return fmt.Errorf("%s without a result", l.Word(0))
		}
		t.Steps = append(t.Steps, Step{l.Word(0), l.Rest(1)})
	}
	return nil
}
