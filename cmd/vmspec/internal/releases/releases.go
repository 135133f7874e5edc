package releases

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// data has the record of each release, VERSION.yaml, and what is said by hand of what
// changed in one, VERSION.md.
//
//go:embed *.yaml *.md
var data embed.FS

// Before returns the record of the last release before a version.
func Before(version string) (*Record, error) { return before(data, version) }

func before(dir fs.FS, version string) (*Record, error) {
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, err
	}
	last := ""
	for _, name := range names {
		if v := strings.TrimSuffix(name, ".yaml"); older(v, version) && (last == "" || older(last, v)) {
			last = v
		}
	}
	if last == "" {
		return nil, fmt.Errorf("no release before %s has a record", version)
	}
	text, err := fs.ReadFile(dir, last+".yaml")
	if err != nil {
		return nil, err
	}
	r, err := Read(text)
	if err != nil {
		return nil, fmt.Errorf("%s.yaml: %w", last, err)
	}
	return r, nil
}

// older compares versions such as 0.10.0.
func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, _ := strconv.Atoi(as[i]) // a test holds the names against it
		y, _ := strconv.Atoi(bs[i])
		if x != y {
			return x < y
		}
	}
	return len(as) < len(bs)
}

// Notes is what is said by hand of a version; empty if nothing is.
func Notes(version string) string {
	text, _ := data.ReadFile(version + ".md") // there need not be any
	return string(text)
}
