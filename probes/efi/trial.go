package efi

import (
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
	var n VariablesNote
	err := note.Read(fsys, &n)
	t := Trial{Space: n.Space}
	for _, s := range n.steps() {
		if *s.result != "" {
			t.Steps = append(t.Steps, Step{s.name, *s.result})
		}
	}
	if err != nil {
		t.Err = err.Error()
	}
	return t
}
