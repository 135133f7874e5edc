// Package entropy finds what the guest's hardware source of random bytes gave
// when it was asked.
package entropy

import (
	"fmt"
	"io/fs"

	"vmspec/probes/note"
)

// Facts are about that source.
type Facts struct {
	Source   string // as the kernel calls it: virtio_rng.0
	Bytes    uint64 // that came in time
	Distinct uint64 // values among them
	TrialErr string // why that is unknown
}

// Read finds the facts out.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	if err := f.readTrial(fsys); err != nil {
		f.TrialErr = err.Error()
	}
	return &f, nil
}

func (f *Facts) readTrial(fsys fs.FS) error {
	lines, err := note.Read(fsys, "entropy")
	for _, l := range lines {
		switch l.Word(0) {
		case "source":
			f.Source = l.Word(1)
		case "bytes":
			if err := l.Scan([]int{1, 2}, &f.Bytes, &f.Distinct); err != nil {
				return fmt.Errorf("vmspec/entropy: %w", err)
			}
		}
	}
	return err
}
