package kernel

import (
	"fmt"
	"path"
	"strings"
)

// Dependencies are the modules at hand by name, with underscores, and each
// one's file with the files of what it needs behind it.
type Dependencies map[string][]string

// ParseDependencies reads the text of modules.dep (man 5 modules.dep): lines
// "FILE: FILE...". Other lines are passed over.
func ParseDependencies(text string) Dependencies {
	d := Dependencies{}
	for line := range strings.Lines(text) {
		file, needs, ok := strings.Cut(line, ":")
		if ok && file != "" {
			d[moduleName(file)] = append([]string{file}, strings.Fields(needs)...)
		}
	}
	return d
}

// moduleName is a module's name by that of its file: both may be written with
// dashes or underscores.
func moduleName(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}

// Order lists the files to be loaded for a module, itself last, or says which
// module is not at hand.
func (d Dependencies) Order(module string) ([]string, error) {
	return d.order(module, map[string]bool{})
}

// order leaves out modules that were visited: they are needed twice, or by
// themselves.
func (d Dependencies) order(module string, visited map[string]bool) ([]string, error) {
	name := moduleName(module)
	own := d[name]
	if own == nil {
		return nil, fmt.Errorf("no module %s at hand", name)
	}
	visited[name] = true
	var files []string
	for _, needed := range own[1:] {
		if visited[moduleName(needed)] {
			continue
		}
		before, err := d.order(needed, visited)
		if err != nil {
			return nil, fmt.Errorf("%s needs %w", name, err)
		}
		files = append(files, before...)
	}
	return append(files, own[0]), nil
}
