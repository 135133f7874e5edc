// Package entropy finds what the guest's hardware source of random bytes gave
// when it was asked.
package entropy

import (
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
	var n Note
	err := note.Read(fsys, &n)
	if f.Source = n.Source; n.Drawn != nil {
		f.Bytes, f.Distinct = n.Drawn.Bytes, n.Drawn.Distinct
	}
	return err
}
