package guest

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// manifest is the capture's first file. Its lines are "covers PATTERN" for what the
// capture covers, and "error NAME TEXT" for what could not be read.
const manifest = "MANIFEST"

// Limits of a capture that is read: far above those of any real guest, and low
// enough to refuse a hostile archive before it does harm.
const (
	maxCaptureEntries = 100_000
	maxCaptureBytes   = 128 << 20
	maxPath           = 4096 // Linux's PATH_MAX
)

// WriteCapture writes the guest's files as a .tar.gz: a manifest, then every
// directory, link and file by name. The same files give the same bytes.
func (f *FS) WriteCapture(w io.Writer) error {
	zip := gzip.NewWriter(w)
	out := tar.NewWriter(zip)
	names := slices.Sorted(maps.Keys(f.entries))
	if err := writeEntry(out, manifest, &entry{mode: 0o444, data: f.manifest(names)}); err != nil {
		return err
	}
	for _, name := range names {
		e := f.entries[name]
		if name == "." || f.errs[name] != nil && !e.mode.IsDir() {
			continue
		}
		if err := writeEntry(out, name, e); err != nil {
			return err
		}
	}
	return errors.Join(out.Close(), zip.Close())
}

func (f *FS) manifest(names []string) []byte {
	var b bytes.Buffer
	for _, p := range f.patterns {
		fmt.Fprintf(&b, "covers %s\n", p)
	}
	for _, name := range names {
		if err := f.errs[name]; err != nil {
			fmt.Fprintf(&b, "error %q %s\n", name, strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return b.Bytes()
}

func writeEntry(out *tar.Writer, name string, e *entry) error {
	h := &tar.Header{Name: name, Mode: int64(e.mode.Perm()), Format: tar.FormatPAX}
	switch {
	case e.mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case e.mode&fs.ModeSymlink != 0:
		h.Typeflag, h.Linkname = tar.TypeSymlink, string(e.data)
	default:
		h.Typeflag, h.Size = tar.TypeReg, int64(len(e.data))
	}
	if err := out.WriteHeader(h); err != nil {
		return fmt.Errorf("write capture: %s: %w", name, err)
	}
	if h.Typeflag == tar.TypeReg {
		if _, err := out.Write(e.data); err != nil {
			return fmt.Errorf("write capture: %s: %w", name, err)
		}
	}
	return nil
}

// ReadCapture reads what WriteCapture wrote. It refuses an archive that is
// damaged, has no manifest first, or is larger than any guest's.
func ReadCapture(r io.Reader) (*FS, error) {
	zip, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("read capture: not a .tar.gz: %w", err)
	}
	in := tar.NewReader(zip)
	f := newFS(nil)
	budget := int64(maxCaptureBytes)
	for n := 0; ; n++ {
		h, err := in.Next()
		if err == io.EOF && n > 0 {
			if err := drain(zip); err != nil {
				return nil, err
			}
			return f, nil
		}
		if err == nil && n > maxCaptureEntries {
			err = fmt.Errorf("more than %d entries", maxCaptureEntries)
		}
		if err == nil {
			budget -= h.Size + int64(len(h.Name)+len(h.Linkname))
			err = f.readEntry(in, h, n == 0, budget)
		}
		if err != nil {
			return nil, fmt.Errorf("read capture: entry %d: %w", n+1, unexpected(err))
		}
	}
}

// drain reads to the end, so that gzip verifies its checksum.
func drain(r io.Reader) error {
	if _, err := io.Copy(io.Discard, io.LimitReader(r, maxCaptureBytes)); err != nil {
		return fmt.Errorf("read capture: %w", unexpected(err))
	}
	return nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// validName tells whether a guest can have a file of that name.
func validName(name string) bool {
	return fs.ValidPath(name) && len(name) <= maxPath && !strings.Contains(name, "\x00")
}

func (f *FS) readEntry(in io.Reader, h *tar.Header, first bool, budget int64) error {
	name := path.Clean(h.Name)
	switch {
	case first && (name != manifest || h.Typeflag != tar.TypeReg):
		return fmt.Errorf("%q where the manifest should be: not a captured guest", h.Name)
	case !validName(name) || len(h.Linkname) > maxPath || strings.Contains(h.Linkname, "\x00"):
		return fmt.Errorf("%.80q: not a path inside the guest", h.Name)
	case budget < 0:
		return fmt.Errorf("%q: larger than %d MiB", h.Name, maxCaptureBytes>>20)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		f.put(name, &entry{mode: fs.ModeDir | 0o555})
	case tar.TypeSymlink:
		f.put(name, &entry{mode: fs.ModeSymlink | 0o777, data: []byte(h.Linkname)})
	case tar.TypeReg:
		data, err := io.ReadAll(in)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if first {
			return f.readManifest(data)
		}
		f.AddFile(name, data)
	default:
		return fmt.Errorf("%s: neither file, directory nor link", name)
	}
	return nil
}

func (f *FS) readManifest(data []byte) error {
	i := -1
	for line := range strings.Lines(string(data)) {
		i++
		line = strings.TrimSuffix(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "covers":
			f.cover(rest)
		case "error":
			var name, text string
			if _, err := fmt.Sscanf(rest, "%q", &name); err != nil || !validName(path.Clean(name)) {
				return fmt.Errorf("manifest line %d: no file name: %q", i+1, line)
			}
			text = strings.TrimPrefix(strings.TrimPrefix(rest, fmt.Sprintf("%q", name)), " ")
			f.AddError(name, recorded(text))
		default:
			return fmt.Errorf("manifest line %d: %q", i+1, line)
		}
	}
	return nil
}

// recorded is the error of a read that failed in the guest.
func recorded(text string) error {
	if text == ErrNotCaptured.Error() {
		return ErrNotCaptured
	}
	return errors.New(text)
}
