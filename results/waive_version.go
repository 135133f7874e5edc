package results

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A bound is one end of a range of versions.
type bound struct {
	relation string
	version  []int
}

// relations say which orders a bound accepts.
var relations = map[string][]int{"<": {-1}, "<=": {-1, 0}, "=": {0}, ">=": {0, 1}, ">": {1}}

var (
	boundText   = regexp.MustCompile(`^(<=|>=|<|>|=)([0-9.]+)$`)
	versionText = regexp.MustCompile(`^\d{1,9}(\.\d{1,9}){0,5}$`)
)

// parseVersions reads a range of versions: bounds that all hold, with spaces
// between, such as ">=7.2 <8".
func parseVersions(text string) (bounds []bound, err error) {
	for word := range strings.FieldsSeq(text) {
		m := boundText.FindStringSubmatch(word)
		if m == nil {
			return nil, fmt.Errorf("%q is no bound of a range, such as >=7.2", word)
		}
		v, err := parseVersion(m[2])
		if err != nil {
			return nil, err
		}
		bounds = append(bounds, bound{m[1], v})
	}
	if bounds == nil {
		return nil, fmt.Errorf("a range of versions is empty: such as >=7.2 <8")
	}
	return bounds, nil
}

// parseVersion reads numbers with dots between.
func parseVersion(text string) (v []int, err error) {
	if !versionText.MatchString(text) {
		return nil, fmt.Errorf("%q is no version: numbers with dots between", text)
	}
	for part := range strings.SplitSeq(text, ".") {
		n, _ := strconv.Atoi(part) // at most 9 digits
		v = append(v, n)
	}
	return v, nil
}

// holds tells whether a version is within the bound. 8 and 8.0 are the same.
func (b bound) holds(v []int) bool {
	order := 0
	for i := range max(len(v), len(b.version)) {
		if order = cmp.Compare(nth(v, i), nth(b.version, i)); order != 0 {
			break
		}
	}
	return slices.Contains(relations[b.relation], order)
}

func nth(v []int, i int) int {
	if i < len(v) {
		return v[i]
	}
	return 0
}

// isEmpty tells whether no version is within all bounds.
func isEmpty(bounds []bound) bool {
	for _, b := range bounds {
		for _, v := range near(b.version) {
			if !slices.ContainsFunc(bounds, func(o bound) bool { return !o.holds(v) }) {
				return false
			}
		}
	}
	return true
}

// near are a version and its neighbours on both sides, by which it can be told
// whether ranges have a version in common.
func near(v []int) [][]int {
	above := append(slices.Clone(v), 0, 0, 0, 0, 0, 0, 1)
	below := slices.Clone(v)
	for i := len(below) - 1; i >= 0; i-- {
		if below[i] > 0 {
			below[i]--
			return [][]int{v, above, append(below[:i+1:i+1], 1<<30)}
		}
	}
	return [][]int{v, above}
}

// overlap tells whether some version is within two ranges; an empty text is all, and
// what is no range overlaps nothing.
func overlap(a, b string) bool {
	if a == "" || b == "" {
		return true
	}
	left, err := parseVersions(a)
	if err != nil {
		return false
	}
	right, err := parseVersions(b)
	return err == nil && !isEmpty(slices.Concat(left, right))
}
