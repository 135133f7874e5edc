package imagefile

import (
	"archive/tar"
	"archive/zip"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A lister lists the files in an archive, as far as it can be read.
type lister func(r io.ReaderAt, size int64) []string

// maxMembers is how many files of an archive are looked at, and maxNamed how many
// are named.
const (
	maxMembers = 1000
	maxNamed   = 8
)

func inTar(r io.ReaderAt, size int64) (names []string) {
	archive := tar.NewReader(io.NewSectionReader(r, 0, size))
	for range maxMembers {
		h, err := archive.Next()
		if err != nil {
			break
		}
		if h.Typeflag == tar.TypeReg {
			names = append(names, h.Name)
		}
	}
	return names
}

func inZip(r io.ReaderAt, size int64) (names []string) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil
	}
	for _, f := range archive.File[:min(len(archive.File), maxMembers)] {
		if !strings.HasSuffix(f.Name, "/") {
			names = append(names, f.Name)
		}
	}
	return names
}

// imageNames end the names of disk images, and packings those of packed ones.
var (
	imageNames = []string{".img", ".raw", ".qcow2", ".qcow", ".vmdk", ".vhd", ".vhdx", ".vdi", ".hdd", ".dmg", ".iso"}
	packings   = []string{".gz", ".xz", ".zst", ".bz2", ".lz4"}
)

// isImageName tells whether a name is one that disk images have.
func isImageName(name string) bool {
	name = strings.ToLower(name)
	if slices.Contains(packings, path.Ext(name)) {
		name = strings.TrimSuffix(name, path.Ext(name))
	}
	return slices.Contains(imageNames, path.Ext(name))
}

// members says which command takes a disk image out of an archive, and what there
// is.
func (f *form) members(names []string, archive string) string {
	if len(names) == 0 {
		return "; its files could not be listed"
	}
	images := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !isImageName(name) })
	if len(images) == 0 && len(names) == 1 {
		images = names
	}
	var text string
	if len(images) > 0 {
		text = ": " + f.extract + " " + quoted(archive)
		for _, name := range images[:min(len(images), maxNamed)] {
			text += " " + quoted(printable(name))
		}
	}
	if len(names) == 1 {
		return text
	}
	more := ""
	if len(names) > maxNamed {
		names, more = names[:maxNamed], ", and more"
	}
	shown := make([]string, len(names))
	for n := range names {
		shown[n] = printable(names[n])
	}
	return text + "; it holds " + strings.Join(shown, ", ") + more
}

// printable writes a name so that it cannot move a terminal's cursor.
func printable(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
