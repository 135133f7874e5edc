package guest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vmspec/probes/fdt"
)

// Root is the live guest's file system from its root directory. It uses plain system
// calls, because [os.DirFS] makes half as many calls again, and under emulation most
// of a boot is spent in them. It reads the device tree only once: that may have a
// megabyte, and sysfs returns it page by page.
func Root() fs.ReadLinkFS {
	var r root
	return root{tree: sync.OnceValues(func() ([]byte, error) { return fs.ReadFile(r, fdt.Path) })}
}

type root struct {
	tree func() ([]byte, error) // nil for no such memory
}

// absolute returns the name below the root directory.
func absolute(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join("/", name), nil
}

func (r root) Open(name string) (fs.File, error) {
	if name == fdt.Path && r.tree != nil {
		data, err := r.tree()
		if err != nil {
			return nil, err
		}
		return readBefore{bytes.NewReader(data)}, nil
	}
	at, err := absolute("open", name)
	if err != nil {
		return nil, err
	}
	fd, err := open(at)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &rootFile{name: name, fd: fd}, nil
}

func open(at string) (fd int, err error) {
	for {
		fd, err = unix.Open(at, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// readBefore is an open file that was read before.
type readBefore struct{ *bytes.Reader }

func (f readBefore) Stat() (fs.FileInfo, error) {
	return rootInfo{name: path.Base(fdt.Path), mode: 0o400, size: f.Size()}, nil
}

func (readBefore) Close() error { return nil }

func (root) ReadLink(name string) (string, error) {
	at, err := absolute("readlink", name)
	if err != nil {
		return "", err
	}
	var target [unix.PathMax]byte
	n, err := unix.Readlink(at, target[:])
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(target[:n]), nil
}

func (root) Lstat(name string) (fs.FileInfo, error) { return stat("lstat", name, unix.Lstat) }

func (root) Stat(name string) (fs.FileInfo, error) { return stat("stat", name, unix.Stat) }

func stat(op, name string, call func(string, *unix.Stat_t) error) (fs.FileInfo, error) {
	at, err := absolute(op, name)
	if err != nil {
		return nil, err
	}
	var s unix.Stat_t
	if err := call(at, &s); err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return info(name, &s), nil
}

// rootInfo describes a file of the live guest.
type rootInfo struct {
	name string
	mode fs.FileMode
	size int64
}

func info(name string, s *unix.Stat_t) rootInfo {
	return rootInfo{name: path.Base(name), mode: kinds[uint32(s.Mode)&unix.S_IFMT] | fs.FileMode(s.Mode)&fs.ModePerm, size: s.Size}
}

var kinds = map[uint32]fs.FileMode{
	unix.S_IFDIR: fs.ModeDir, unix.S_IFLNK: fs.ModeSymlink, unix.S_IFIFO: fs.ModeNamedPipe, unix.S_IFSOCK: fs.ModeSocket,
	unix.S_IFBLK: fs.ModeDevice, unix.S_IFCHR: fs.ModeDevice | fs.ModeCharDevice,
}

func (i rootInfo) Name() string       { return i.name }
func (i rootInfo) Size() int64        { return i.size }
func (i rootInfo) Mode() fs.FileMode  { return i.mode }
func (i rootInfo) ModTime() time.Time { return time.Time{} }
func (i rootInfo) IsDir() bool        { return i.mode.IsDir() }
func (i rootInfo) Sys() any           { return nil }

// rootEntry is a name in a directory of the live guest.
type rootEntry struct {
	dir, name string
	kind      fs.FileMode
}

func (e rootEntry) Name() string               { return e.name }
func (e rootEntry) Type() fs.FileMode          { return e.kind }
func (e rootEntry) IsDir() bool                { return e.kind.IsDir() }
func (e rootEntry) Info() (fs.FileInfo, error) { return root{}.Lstat(path.Join(e.dir, e.name)) }

// rootFile is an open file of the live guest.
type rootFile struct {
	name    string
	fd      int
	listed  bool
	entries []fs.DirEntry // listed, and not yet returned
}

func (f *rootFile) Stat() (fs.FileInfo, error) {
	var s unix.Stat_t
	if err := unix.Fstat(f.fd, &s); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: f.name, Err: err}
	}
	return info(f.name, &s), nil
}

func (f *rootFile) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(f.fd, p)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, &fs.PathError{Op: "read", Path: f.name, Err: err}
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (f *rootFile) Close() error { return unix.Close(f.fd) }

// ReadDir lists the directory, at most n names a call where n is positive.
func (f *rootFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if !f.listed {
		if err := f.list(); err != nil {
			return nil, &fs.PathError{Op: "readdir", Path: f.name, Err: err}
		}
	}
	if n > 0 && len(f.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.entries) {
		n = len(f.entries)
	}
	out := f.entries[:n]
	f.entries = f.entries[n:]
	return out, nil
}

func (f *rootFile) list() error {
	for buffer := make([]byte, 16<<10); ; {
		size, err := unix.Getdents(f.fd, buffer)
		if err != nil {
			return err
		}
		if size == 0 {
			f.listed = true
			return nil
		}
		f.entries = append(f.entries, dirents(f.name, buffer[:size])...)
	}
}

// Offsets in struct linux_dirent64 (include/linux/dirent.h).
const (
	direntLength = 16
	direntType   = 18
	direntName   = 19
)

// dirents takes apart what getdents64 returned.
func dirents(dir string, buffer []byte) []fs.DirEntry {
	var out []fs.DirEntry
	for len(buffer) >= direntName {
		length := int(buffer[direntLength]) | int(buffer[direntLength+1])<<8
		if length < direntName || length > len(buffer) {
			return out
		}
		name, _, _ := strings.Cut(string(buffer[direntName:length]), "\x00")
		kind := uint32(buffer[direntType]) << 12 // DT_* is S_IF* shifted down
		if name != "." && name != ".." {
			out = append(out, entryOf(dir, name, kind))
		}
		buffer = buffer[length:]
	}
	return out
}

// entryOf asks for the type of a name if the directory did not say it.
func entryOf(dir, name string, kind uint32) fs.DirEntry {
	if kind == unix.DT_UNKNOWN {
		if i, err := (root{}).Lstat(path.Join(dir, name)); err == nil {
			return fs.FileInfoToDirEntry(i)
		}
	}
	return rootEntry{dir: dir, name: name, kind: kinds[kind]}
}
