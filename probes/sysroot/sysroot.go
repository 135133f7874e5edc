// Package sysroot lends parts of a guest's file system, live or captured, to
// libraries that want a directory, as prometheus/procfs does.
package sysroot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Limits on what is lent: some times what any guest shows in the files that
// are asked for, and little enough that a hostile one does no harm.
const (
	maxFile  = 256 << 10 // bytes
	maxFiles = 1024
	maxBytes = 4 << 20 // of all files together
)

// places are where a temporary directory can be, best first: a guest that
// somebody else set up may have only one of them writable.
var places = []string{os.TempDir(), "/dev/shm", "/run"}

// With copies the files that the [path.Match] patterns name into a temporary
// directory, with links followed, calls use with that directory and removes
// it. Files that cannot be read are left out, as a kernel leaves out what a
// device lacks; a file that is too large is an error. Use's error is returned
// as it is.
func With(fsys fs.FS, patterns []string, use func(dir string) error) error {
	files, err := collect(fsys, patterns)
	if err != nil {
		return err
	}
	dir, err := temporary()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, data := range files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			return err
		}
	}
	return use(dir)
}

// collect reads the files by name.
func collect(fsys fs.FS, patterns []string) (map[string][]byte, error) {
	files, total := map[string][]byte{}, 0
	for _, pattern := range patterns {
		for _, name := range expand(fsys, pattern) {
			data, err := fs.ReadFile(fsys, name)
			if err != nil || !filepath.IsLocal(name) {
				continue
			}
			files[name] = data
			total += len(data)
			switch {
			case len(data) > maxFile:
				return nil, fmt.Errorf("%s: %d bytes, at most %d", name, len(data), maxFile)
			case len(files) > maxFiles || total > maxBytes:
				return nil, fmt.Errorf("%s: more than %d files or %d bytes", name, maxFiles, maxBytes)
			}
		}
	}
	return files, nil
}

// expand lists the names that a pattern can mean. Unlike [fs.Glob] it lists
// only the directories where it must: a capture may hold chosen files of one.
func expand(fsys fs.FS, pattern string) []string {
	names := []string{"."}
	for element := range strings.SplitSeq(pattern, "/") {
		var longer []string
		for _, name := range names {
			longer = append(longer, step(fsys, name, element)...)
		}
		names = longer
	}
	return names
}

func step(fsys fs.FS, dir, element string) []string {
	if !strings.ContainsAny(element, "*?[") {
		return []string{path.Join(dir, element)}
	}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if ok, err := path.Match(element, e.Name()); err == nil && ok {
			out = append(out, path.Join(dir, e.Name()))
		}
	}
	return out
}

func temporary() (dir string, err error) {
	var errs []error
	for _, place := range places {
		if dir, err = os.MkdirTemp(place, "vmspec-"); err == nil {
			return dir, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}
