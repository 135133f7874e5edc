package guest

import (
	"path"
	"slices"
	"strings"
)

// cover adds a pattern to what the capture covers.
func (f *FS) cover(pattern string) {
	f.patterns = append(f.patterns, pattern)
	var split []element
	for text := range strings.SplitSeq(pattern, "/") {
		split = append(split, element{text, strings.ContainsAny(text, "*?[")})
	}
	f.split = append(f.split, split)
}

// An element is a part of a pattern, between slashes.
type element struct {
	text string
	glob bool // it has wildcards
}

func (e element) matches(name string) bool {
	switch {
	case e.text == name || e.text == "*":
		return true
	case !e.glob:
		return false
	}
	ok, err := path.Match(e.text, name)
	return err == nil && ok
}

// covers tells whether the capture would hold name if the guest had it.
func (f *FS) covers(name string) bool {
	elements := strings.Split(name, "/")
	return slices.ContainsFunc(f.split, func(pattern []element) bool { return matchPrefix(pattern, elements) })
}

// matchPrefix tells whether name matches the pattern or a leading part of it.
func matchPrefix(pattern []element, name []string) bool {
	if len(name) > len(pattern) {
		return false
	}
	for i, n := range name {
		if !pattern[i].matches(n) {
			return false
		}
	}
	return true
}

// listed tells whether the capture holds all of a directory's names: some
// pattern goes on with a bare "*" there.
func (f *FS) listed(name string) bool {
	elements := strings.Split(name, "/")
	return slices.ContainsFunc(f.split, func(pattern []element) bool {
		return len(pattern) > len(elements) && pattern[len(elements)].text == "*" && matchPrefix(pattern, elements)
	})
}
