package initramfs

import (
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// libraryFolder is where a host's loader looks for libraries without being told.
const libraryFolder = "lib/aarch64-linux-gnu"

// libraryFolders are where Debian's packages have them.
var libraryFolders = []string{
	libraryFolder, "usr/" + libraryFolder, "usr/" + libraryFolder + "/*", "usr/lib/xen-*/lib/*", "usr/lib/xen-*/lib", "lib", "usr/lib",
}

// programRecords packs the programs that match the patterns, where packages have
// them and as links in /bin, with the shared libraries and the loader that they need.
// Packages hold a hundred times as much.
func programRecords(root string, patterns []string) ([]cpio.Record, error) {
	files := map[string]string{} // by where they go to
	for _, pattern := range patterns {
		name, err := matchOne(root, pattern)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return nil, err
		}
		files[filepath.ToSlash(rel)] = name // Xen's tools run each other by path
		if err := addLibraries(root, name, files); err != nil {
			return nil, err
		}
	}
	if err := addLibrary(root, opened, files); err != nil {
		return nil, err
	}
	var records []cpio.Record
	for _, to := range slices.Sorted(maps.Keys(files)) {
		data, err := os.ReadFile(files[to])
		if err != nil {
			return nil, err
		}
		records = append(records, cpio.StaticFile(to, string(data), 0o755))
		if link := path.Join("bin", path.Base(to)); path.Base(path.Dir(to)) == "bin" && link != to {
			records = append(records, cpio.Symlink(link, "/"+to))
		}
	}
	return records, nil
}

// matchOne returns the only file that a pattern matches; {a,b} are alternatives.
func matchOne(root, pattern string) (string, error) {
	found, err := glob(root, alternatives(pattern)...)
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", fmt.Errorf("the packages hold no %s", pattern)
	case len(found) > 1:
		return "", fmt.Errorf("the packages hold %d files %s", len(found), pattern)
	}
	return found[0], nil
}

// alternatives takes a pattern's {a,b} apart.
func alternatives(pattern string) []string {
	before, rest, ok := strings.Cut(pattern, "{")
	if !ok {
		return []string{pattern}
	}
	inner, after, _ := strings.Cut(rest, "}")
	var out []string
	for choice := range strings.SplitSeq(inner, ",") {
		out = append(out, before+choice+after)
	}
	return out
}

func glob(root string, patterns ...string) (found []string, err error) {
	for _, pattern := range patterns {
		some, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// addLibraries adds the loader and the libraries that a program or library needs,
// and those that they need.
func addLibraries(root, name string, files map[string]string) error {
	file, err := elf.Open(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer file.Close()
	needed, err := file.ImportedLibraries()
	if errors.Is(err, elf.ErrNoSymbols) || err == nil && len(needed) == 0 {
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, library := range needed {
		if err := addLibrary(root, library, files); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// addLibrary adds a library, and those that it needs.
func addLibrary(root, library string, files map[string]string) error {
	to := path.Join(libraryFolder, library)
	if strings.HasPrefix(library, "ld-linux") { // programs name the loader by its path
		to = path.Join("lib", library)
	}
	if _, has := files[to]; has {
		return nil
	}
	found, err := findLibrary(root, library)
	if err != nil {
		return err
	}
	files[to] = found
	return addLibraries(root, found, files)
}

func findLibrary(root, library string) (string, error) {
	for _, folder := range libraryFolders {
		found, err := glob(root, path.Join(folder, library))
		if err != nil {
			return "", err
		}
		for _, name := range found {
			if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
				return name, nil
			}
		}
	}
	return "", fmt.Errorf("needs the library %s, which no package holds", library)
}
