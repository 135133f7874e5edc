// Package entropy finds what the guest's hardware source of random bytes gave
// when it was asked.
package entropy

import (
	"io/fs"

	"vmspec/probes/note"
)

// Facts are about that source.
type Facts struct {
	Note
	TrialErr string // why that is unknown
}

// Read finds the facts out.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	if err := note.Read(fsys, &f.Note); err != nil {
		f.TrialErr = err.Error()
	}
	return &f, nil
}
