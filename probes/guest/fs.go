package guest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// ErrNotCaptured says that a file lies outside what a capture covers, so that
// nothing can be said about it: neither that it exists nor that it does not.
var ErrNotCaptured = errors.New("not captured")

// maxLinks bounds how many symbolic links one look-up follows, as
// Linux does (include/linux/namei.h, MAXSYMLINKS).
const maxLinks = 40

// FS is one guest's files, held in memory: what [Snapshot] read from a live
// guest, or what [ReadCapture] unpacked. It implements [fs.ReadFileFS],
// [fs.ReadDirFS] and [fs.ReadLinkFS]. Below the captured patterns a missing
// file is [fs.ErrNotExist]; everywhere else it is [ErrNotCaptured]. A file
// that could not be read answers with the error the guest saw.
type FS struct {
	entries  map[string]*entry
	errs     map[string]error // what reading a file or directory answered in the guest
	patterns []string
	split    [][]element // the patterns' elements
	kept     map[string]kept
}

// kept is what [FS.Keep] made.
type kept struct {
	value any
	err   error
}

// entry is one name in the tree: a directory, link or file by its mode.
type entry struct {
	mode fs.FileMode
	data []byte   // a file's content or a link's target
	kids []string // a directory's names
}

func newFS(patterns []string) *FS {
	f := &FS{
		entries: map[string]*entry{".": {mode: fs.ModeDir | 0o555}},
		errs:    map[string]error{},
		kept:    map[string]kept{},
	}
	for _, p := range patterns {
		f.cover(p)
	}
	return f
}

// Keep returns what make returns, and calls it only once for each key, the name of the
// file from which it is made: many subjects need the parsed device tree. It must not be used by several goroutines.
func (f *FS) Keep(key string, make func() (any, error)) (any, error) {
	k, ok := f.kept[key]
	if !ok {
		k.value, k.err = make()
		f.kept[key] = k
	}
	return k.value, k.err
}

// put stores e under the clean name, and the directories above it. A
// directory stays one: its children must keep their parent.
func (f *FS) put(name string, e *entry) {
	if name == "." {
		return
	}
	delete(f.kept, name)
	if old := f.entries[name]; old != nil {
		if !old.mode.IsDir() {
			f.entries[name] = e
		}
		return
	}
	f.entries[name] = e
	dir := path.Dir(name)
	f.put(dir, &entry{mode: fs.ModeDir | 0o555})
	parent := f.entries[dir]
	parent.kids = append(parent.kids, path.Base(name))
}

// AddFile stores a generated file, such as vmspec/kmsg. What was made of a file that is
// stored as it was is kept.
func (f *FS) AddFile(name string, data []byte) {
	name = path.Clean(name)
	if e := f.entries[name]; e == nil || !e.mode.IsRegular() || !bytes.Equal(e.data, data) {
		f.put(name, &entry{mode: 0o444, data: data})
	}
}

// AddError stores that reading name answered err.
func (f *FS) AddError(name string, err error) {
	name = path.Clean(name)
	f.put(name, &entry{mode: 0o444})
	f.errs[name] = err
}

// drop takes a name out of the tree.
func (f *FS) drop(name string) {
	delete(f.kept, name)
	delete(f.entries, name)
	delete(f.errs, name)
	if parent := f.entries[path.Dir(name)]; parent != nil {
		parent.kids = slices.DeleteFunc(parent.kids, func(kid string) bool { return kid == path.Base(name) })
	}
}

// unreadable returns the error with which the guest answered for the name or,
// where it could not list one, for a directory above it.
func (f *FS) unreadable(name string) error {
	if err := f.errs[name]; err != nil || name == "." || f.entries[name] != nil {
		return err
	}
	return f.unreadable(path.Dir(name))
}

// resolve follows the links in name. With last it follows a link in the last
// element too. The name it returns may not exist. A part of a name is looked up as it
// lies in the name: to join it anew for each of thousands of names takes longer.
func (f *FS) resolve(name string, last bool) (string, error) {
	for end, links := 0, 0; end < len(name); {
		end = elementEnd(name, end)
		e := f.entries[name[:end]]
		if e == nil || e.mode&fs.ModeSymlink == 0 || (end == len(name) && !last) {
			continue
		}
		if links++; links > maxLinks {
			return "", errors.New("too many symbolic links")
		}
		target := string(e.data)
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name[:end]), target)
		}
		// Cleaning against the root keeps a hostile ../../.. inside.
		name = strings.TrimPrefix(path.Join("/", target, name[end:]), "/")
		end = 0
	}
	return cmp.Or(name, "."), nil
}

// elementEnd returns where the element of a name ends that begins behind from.
func elementEnd(name string, from int) int {
	if slash := strings.IndexByte(name[from+1:], '/'); slash >= 0 {
		return from + 1 + slash
	}
	return len(name)
}

// lookup finds name's entry, or says why not.
func (f *FS) lookup(op, name string, last bool) (string, *entry, error) {
	if !fs.ValidPath(name) {
		return "", nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	real, err := f.resolve(name, last)
	if err != nil {
		return "", nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	e := f.entries[real]
	if err := f.unreadable(real); e == nil && err != nil {
		return "", nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	switch {
	case e == nil && (f.covers(name) || real != name && f.covers(real)):
		return "", nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	case e == nil:
		return "", nil, &fs.PathError{Op: op, Path: name, Err: ErrNotCaptured}
	}
	return real, e, nil
}

// Open opens the named file or directory for reading.
func (f *FS) Open(name string) (fs.File, error) {
	real, e, err := f.lookup("open", name, true)
	if err != nil {
		return nil, err
	}
	if err := f.errs[real]; err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	info := fileInfo{name: path.Base(name), entry: e}
	if e.mode.IsDir() {
		entries, err := f.ReadDir(name)
		return &openDir{info: info, entries: entries, err: err}, nil
	}
	return &openFile{info: info, Reader: bytes.NewReader(e.data)}, nil
}

// ReadFile returns the content of the named file.
func (f *FS) ReadFile(name string) ([]byte, error) {
	real, e, err := f.lookup("open", name, true)
	switch {
	case err != nil:
		return nil, err
	case f.errs[real] != nil:
		return nil, &fs.PathError{Op: "read", Path: name, Err: f.errs[real]}
	case e.mode.IsDir():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	return slices.Clone(e.data), nil
}

// ReadDir lists the named directory by name. A directory of which the capture
// holds only chosen files answers [ErrNotCaptured]: a part is not a listing.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	real, e, err := f.lookup("readdir", name, true)
	switch {
	case err != nil:
		return nil, err
	case f.errs[real] != nil:
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: f.errs[real]}
	case !e.mode.IsDir():
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	case !f.listed(name) && !f.listed(real):
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: ErrNotCaptured}
	}
	return f.children(real), nil
}

func (f *FS) children(dir string) []fs.DirEntry {
	var out []fs.DirEntry
	for _, name := range f.entries[dir].kids {
		if e := f.entries[path.Join(dir, name)]; e != nil {
			out = append(out, fs.FileInfoToDirEntry(fileInfo{name: name, entry: e}))
		}
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out
}

// ReadLink returns the target of the named symbolic link.
func (f *FS) ReadLink(name string) (string, error) {
	_, e, err := f.lookup("readlink", name, false)
	switch {
	case err != nil:
		return "", err
	case e.mode&fs.ModeSymlink == 0:
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return string(e.data), nil
}

// Stat describes the named file, Lstat the link itself where it is one.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.stat("stat", name, true) }

// Lstat describes the named file without following a link in its last element.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.stat("lstat", name, false) }

func (f *FS) stat(op, name string, last bool) (fs.FileInfo, error) {
	_, e, err := f.lookup(op, name, last)
	if err != nil {
		return nil, err
	}
	return fileInfo{name: path.Base(name), entry: e}, nil
}

// With returns a copy with changes: contents by file name; nil removes the file. Tests
// use it to break a guest in one known way.
func (f *FS) With(changes map[string][]byte) *FS {
	out := newFS(f.patterns)
	for name, e := range f.entries {
		if e.mode.IsDir() {
			e = &entry{mode: e.mode}
		}
		out.put(name, e)
	}
	maps.Copy(out.errs, f.errs)
	for name, data := range changes {
		// A link that is to be removed is not followed.
		if real, err := f.resolve(name, data != nil); err == nil {
			name = real
		}
		delete(out.errs, name)
		if data == nil {
			out.drop(name)
			continue
		}
		out.coverNew(name)
		out.AddFile(name, data)
	}
	return out
}

// coverNew lets the FS cover the directories that a new file brings: of what is below
// them all is known.
func (f *FS) coverNew(name string) {
	for dir := path.Dir(name); dir != "." && f.entries[dir] == nil; dir = path.Dir(dir) {
		f.cover(path.Join(dir, "*"))
	}
}

type fileInfo struct {
	name string
	*entry
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return int64(len(i.data)) }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }

type openFile struct {
	info fileInfo
	*bytes.Reader
}

func (o *openFile) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openFile) Close() error               { return nil }

type openDir struct {
	info    fileInfo
	entries []fs.DirEntry
	err     error
}

func (o *openDir) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openDir) Close() error               { return nil }
func (o *openDir) Read([]byte) (int, error) {
	return 0, fmt.Errorf("read %s: is a directory", o.info.name)
}

func (o *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if o.err != nil {
		return nil, o.err
	}
	if n <= 0 {
		out := o.entries
		o.entries = nil
		return out, nil
	}
	if len(o.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(o.entries))
	out := o.entries[:n]
	o.entries = o.entries[n:]
	return out, nil
}
