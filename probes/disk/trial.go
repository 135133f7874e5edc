package disk

import (
	"fmt"
	"io/fs"

	"vmspec/probes/note"
)

// trial is what the note vmspec/disks says, by the disk's name.
type trial struct {
	openErrs map[string]string
	reads    map[string][]Reading
	err      string
}

func (t *trial) of(name string) (openErr string, reads []Reading, trialErr string) {
	return t.openErrs[name], t.reads[name], t.err
}

func readTrial(fsys fs.FS) trial {
	t := trial{openErrs: map[string]string{}, reads: map[string][]Reading{}}
	lines, err := note.Read(fsys, "disks")
	for _, l := range lines {
		if bad := t.readLine(l); bad != nil {
			err = fmt.Errorf("vmspec/disks: %w", bad)
			break
		}
	}
	if err != nil {
		t.err = err.Error()
	}
	return t
}

func (t *trial) readLine(l note.Line) (err error) {
	name := l.Word(1)
	switch l.Word(0) {
	case "open":
		if result := l.Rest(2); result != "ok" {
			t.openErrs[name] = result
		}
	case "read":
		r := Reading{Result: l.Rest(3)}
		if r.Offset, err = l.Uint(2); err != nil {
			return err
		}
		if r.Result == "" {
			return fmt.Errorf("read of %s without a result", name)
		}
		t.reads[name] = append(t.reads[name], r)
	}
	return nil
}
