package mutantstest

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/fdt"
	"vmspec/probes/guest"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
	"vmspec/suite/mutants"
)

// ImageAlone is the guest of rows that are a disk image and no guest.
const ImageAlone = "image"

// Facts are what the unchanged machine of a captured row shows, and the broken one;
// and whether the change is there for the guest to see.
func Facts(t testing.TB, r *mutants.Row, files Files) (before, after *probes.Facts, changed bool) {
	t.Helper()
	if r.Guest == ImageAlone {
		return imageFacts(t, nil), imageFacts(t, r.Steps), len(r.Steps) > 0
	}
	whole, base := open(t, r.Guest)
	if slices.ContainsFunc(r.Steps, isDisk) {
		whole = Replace("vmspec/image", Record(disk(t, nil)))(t, whole)
		base = func() *probes.Facts { return probes.Read(whole) }
	}
	broken := ChangeOfRow(t, r, files)(t, whole)
	seen := len(r.Steps) == 0 || slices.ContainsFunc(r.Steps, func(s mutants.Step) bool { return differs(s, whole, broken) })
	return base(), probes.Read(broken), seen
}

// OutcomeOf judges a row that needs no VM.
func OutcomeOf(t testing.TB, r *mutants.Row, files Files, judge func(r *mutants.Row, facts *probes.Facts) map[string]Point) *Outcome {
	t.Helper()
	if IsLog(r) {
		before, after := Logs(t, r)
		return Compare(r, pointsOf(before), pointsOf(after))
	}
	before, after, changed := Facts(t, r, files)
	o := Compare(r, judge(r, before), judge(r, after))
	if !changed {
		o.Unproven = append(o.Unproven, "the guest's files are as they were")
	}
	return o
}

// differs tells whether a guest's files show a step.
func differs(s mutants.Step, whole, broken *guest.FS) bool {
	switch s.Word {
	case "nooption", "nomodule", "disk":
		return true // they change what they find, in several places
	case "kmsg":
		return differ("vmspec/kmsg", whole, broken)
	case "patch":
		return differ("sys/firmware/acpi/tables/"+s.Args[0], whole, broken)
	case "prop", "noprop", "node", "nonode", "tree":
		return differ(fdt.Path, whole, broken)
	}
	return slices.ContainsFunc(s.Args, func(name string) bool { return fs.ValidPath(name) && differ(name, whole, broken) })
}

func differ(name string, whole, broken *guest.FS) bool {
	type content struct {
		data, target  string
		missing, link bool
	}
	of := func(files *guest.FS) content {
		data, err := files.ReadFile(name)
		target, linkErr := files.ReadLink(name)
		return content{string(data), target, errors.Is(err, fs.ErrNotExist), linkErr == nil}
	}
	return of(whole) != of(broken)
}

// ChangeOfRow makes all changes of a row.
func ChangeOfRow(t testing.TB, r *mutants.Row, files Files) Change {
	t.Helper()
	var changes []Change
	for _, s := range r.Steps {
		if isDisk(s) {
			continue
		}
		c, err := ChangeOf(s, files, filepath.Join(guesttest.Testdata(t), "foreign", "trees"))
		require.NoError(t, err, r.At)
		changes = append(changes, c)
	}
	if slices.ContainsFunc(r.Steps, isDisk) {
		changes = append(changes, Replace("vmspec/image", Record(disk(t, r.Steps))))
	}
	return All(changes...)
}

// guests are the captured ones, each read once.
var guests sync.Map

type captured struct {
	files *guest.FS
	facts func() *probes.Facts
}

func open(t testing.TB, name string) (*guest.FS, func() *probes.Facts) {
	t.Helper()
	c, ok := guests.Load(name)
	if !ok {
		files := guesttest.Open(t, name)
		c, _ = guests.LoadOrStore(name, captured{files, sync.OnceValue(func() *probes.Facts { return probes.Read(files) })})
	}
	return c.(captured).files, c.(captured).facts
}

// disk is the good image, changed by steps.
func disk(t testing.TB, steps []mutants.Step) *imagetest.Image {
	t.Helper()
	i, err := Disk(steps)
	require.NoError(t, err)
	return i
}

// imageFacts are what vmspec image check sees of an image.
func imageFacts(t testing.TB, steps []mutants.Step) *probes.Facts {
	i := disk(t, steps)
	return &probes.Facts{Image: &image.Facts{Disk: image.Inspect(i, i.Size, image.Options{Follow: true})}, Errors: map[string]string{}}
}
