package mutantstest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/suite/mutants"
)

// Files are the contents that a line "file PATH NAME" names.
type Files map[string][]byte

// words are how many words a step's line has at least, and at most; -1 is any
// number.
var words = map[string][2]int{
	"content": {2, 2}, "file": {2, 2}, "edit": {3, 3}, "add": {2, 2}, "remove": {1, -1}, "link": {2, 2}, "kmsg": {1, 1},
	"nomodule": {1, 1}, "nooption": {1, -1}, "bytes": {3, -1}, "patch": {3, -1}, "tree": {1, 1}, "prop": {2, -1}, "noprop": {2, 2}, "node": {1, 1}, "nonode": {1, 1},
}

// count tells whether a step has as many words as it takes.
func count(s mutants.Step, takes map[string][2]int) error {
	n, known := takes[s.Word]
	switch {
	case !known:
		return fmt.Errorf("no such line: %s", s.Word)
	case len(s.Args) < n[0] || n[1] >= 0 && len(s.Args) > n[1]:
		return fmt.Errorf("%s has %d words", s.Word, len(s.Args))
	}
	return nil
}

// ChangeOf is the change of a captured guest that a step asks for. trees is the
// folder of whole device trees.
func ChangeOf(s mutants.Step, files Files, trees string) (Change, error) {
	if err := count(s, words); err != nil {
		return nil, err
	}
	args := s.Args
	switch s.Word {
	case "tree":
		data, err := os.ReadFile(filepath.Join(trees, args[0]))
		return Replace(fdt.Path, string(data)), err
	case "file":
		data, ok := files[args[1]]
		if !ok {
			return nil, fmt.Errorf("the archive has no file %q", args[1])
		}
		return Replace(args[0], string(data)), nil
	case "content":
		return Replace(args[0], args[1]), nil
	case "edit":
		return Edit(args[0], args[1], args[2]), nil
	case "add":
		return Add(args[0], args[1]), nil
	case "remove":
		return Remove(args...), nil
	case "link":
		return Link(args[0], args[1]), nil
	case "kmsg":
		return Kmsg(args[0]), nil
	case "nomodule":
		return NoModule(args[0]), nil
	case "nooption":
		return NoOption(args[0], args[1:]...), nil
	case "patch", "bytes":
		return numbered(s)
	}
	edit, err := TreeEdit(s)
	return Tree(edit), err
}

// numbered is the change "patch TABLE OFFSET BYTE…", or "bytes FILE OFFSET BYTE…".
func numbered(s mutants.Step) (Change, error) {
	at, err := strconv.Atoi(s.Args[1])
	if err != nil {
		return nil, err
	}
	list, err := numbers(s.Args[2:])
	if err != nil || s.Word == "patch" {
		return Patch(s.Args[0], at, list...), err
	}
	bytes := map[int]byte{}
	for i, b := range list {
		bytes[at+i] = b
	}
	return Set(s.Args[0], bytes), nil
}

func numbers(words []string) (list []byte, err error) {
	for _, word := range words {
		n, err := strconv.ParseUint(word, 0, 8)
		if err != nil {
			return nil, err
		}
		list = append(list, byte(n))
	}
	return list, nil
}

// TreeEdit is the change of a device tree's nodes and properties that a step asks
// for.
func TreeEdit(s mutants.Step) (func(t *fdt.Tree), error) {
	if err := count(s, words); err != nil {
		return nil, err
	}
	args := s.Args
	switch s.Word {
	case "prop":
		value, err := propertyValue(args[2:])
		return func(t *fdt.Tree) { fdttest.Set(fdttest.At(t, args[0]), args[1], value) }, err
	case "noprop":
		return func(t *fdt.Tree) { fdttest.Delete(fdttest.At(t, args[0]), args[1]) }, nil
	case "node":
		return func(t *fdt.Tree) { fdttest.Add(t, args[0]) }, nil
	case "nonode":
		return func(t *fdt.Tree) { fdttest.Remove(t, args[0]) }, nil
	}
	return nil, fmt.Errorf("%s changes no device tree", s.Word)
}

// propertyValue puts together strings, each with its NUL, and cells.
func propertyValue(words []string) ([]byte, error) {
	var value bytes.Buffer
	for _, word := range words {
		cells, isCells := strings.CutPrefix(word, "<")
		if !isCells {
			value.WriteString(word + "\x00")
			continue
		}
		for _, cell := range strings.Fields(cells) {
			n, err := strconv.ParseUint(cell, 0, 32)
			if err != nil {
				return nil, err
			}
			_ = binary.Write(&value, binary.BigEndian, uint32(n)) // a Buffer takes everything
		}
	}
	return value.Bytes(), nil
}
