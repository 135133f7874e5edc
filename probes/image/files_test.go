package image_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
)

// text is as long as four clusters and a half, and no two of them are the same.
var text = func() []byte {
	b := make([]byte, 4*512+256)
	for i := range b {
		b[i] = byte(i / 7)
	}
	return b
}()

const scattered = `\dir\scattered`

// withText is a disk with a file whose second and third cluster lie the other
// way round.
func withText() *imagetest.Image {
	spec := imagetest.Good()
	swapped := bytes.Clone(text)
	copy(swapped[512:], text[1024:1536])
	copy(swapped[1024:], text[512:1024])
	spec.Parts[0].FAT.Files = append(spec.Parts[0].FAT.Files, imagetest.File{Path: scattered, Data: swapped}, imagetest.File{Path: `\empty`, Data: []byte{}})
	i := imagetest.New(spec)
	fs := i.FS[0]
	first := fs.At[scattered]
	fs.Link(first, first+2)
	fs.Link(first+2, first+1)
	fs.Link(first+1, first+3)
	return i
}

func openFiles(t *testing.T, i *imagetest.Image) (*image.Files, error) {
	d := image.Inspect(i, i.Size, image.Options{})
	require.Len(t, d.ESPs, 1)
	return image.OpenFiles(i, d, &d.ESPs[0])
}

func name(t *testing.T, f *image.Files, path string) image.Name {
	for _, n := range f.All() {
		if n.Path == path {
			return n
		}
	}
	require.Fail(t, "no file "+path)
	return image.Name{}
}

func TestFiles(t *testing.T) {
	f, err := openFiles(t, withText())
	require.NoError(t, err)
	require.Len(t, f.All(), 4)
	require.Len(t, f.All(), 4, "again")
	r, err := f.Open(name(t, f, scattered))
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, text, got)
	for at := range len(text) + 2 {
		b := make([]byte, 600)
		n, err := r.ReadAt(b, int64(at))
		require.Equal(t, text[min(at, len(text)):min(at+600, len(text))], append([]byte{}, b[:n]...))
		require.Equal(t, n < len(b), errors.Is(err, io.EOF))
	}
	r, err = f.Open(name(t, f, `\empty`))
	require.NoError(t, err)
	require.Zero(t, r.Size())
}

func TestFilesFaults(t *testing.T) {
	for fault, test := range map[string]struct {
		change func(i *imagetest.Image, first uint32, size int64)
		want   string
	}{
		"chain too short":  {func(i *imagetest.Image, first uint32, _ int64) { i.FS[0].Link(first, 0x0fffffff) }, "its chain of clusters is too short"},
		"chain to nowhere": {func(i *imagetest.Image, first uint32, _ int64) { i.FS[0].Link(first, 70000) }, "which is none"},
		"no cluster":       {func(i *imagetest.Image, _ uint32, entry int64) { i.Put16(entry+26, 0) }, "it begins at cluster 0"},
		"a huge size":      {func(i *imagetest.Image, _ uint32, entry int64) { i.Put32(entry+28, 0xffffffff) }, "more than are read of a file"},
		"a size too large": {func(i *imagetest.Image, _ uint32, entry int64) { i.Put32(entry+28, 100<<20) }, "it claims"},
		"a disk that fails": {func(i *imagetest.Image, first uint32, _ int64) {
			bad := i.FS[0].Place(first + 3)
			i.Bad = func(at int64, n int) error {
				if at <= bad && bad < at+int64(n) {
					return errors.New("EIO")
				}
				return nil
			}
		}, "EIO"},
	} {
		i := withText()
		test.change(i, i.FS[0].At[scattered], i.FS[0].Entries[scattered])
		f, err := openFiles(t, i)
		require.NoError(t, err, fault)
		r, err := f.Open(name(t, f, scattered))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		require.ErrorContains(t, err, test.want, fault)
	}
	i := withText()
	d := image.Inspect(i, i.Size, image.Options{})
	i.Put(i.FS[0].Boot, 0)
	_, err := image.OpenFiles(i, d, &d.ESPs[0])
	require.ErrorContains(t, err, "no FAT file system")
}

// A chain that goes in a circle is followed as far as the file is long.
func TestFilesInACircle(t *testing.T) {
	i := withText()
	first := i.FS[0].At[scattered]
	i.FS[0].Link(first+3, first)
	f, err := openFiles(t, i)
	require.NoError(t, err)
	r, err := f.Open(name(t, f, scattered))
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Len(t, got, len(text))
}
