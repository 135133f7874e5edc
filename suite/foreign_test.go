package suite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest/guesttest"
)

// foreignDir has one file for each hypervisor, VMM, firmware or kernel of other
// people. Its README says how rows are written.
const foreignDir = "../probes/testdata/foreign"

// The table is meant to cover this much.
const (
	foreignRows  = 160
	foreignFiles = 30
)

// A row is one machine that nobody here built: a captured guest, what is
// changed, and what must be found.
type row struct {
	name    string
	guest   string
	profile Profile
	changes []change
	finds   map[string]expected // points whose verdict differs from the unchanged guest's
	also    map[string]expected // points whose verdict does not
}

// expected is a verdict, and a part of what the point says.
type expected struct {
	verdict Verdict
	text    string
}

func TestForeignMachines(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(foreignDir, "*.txtar"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), foreignFiles)
	rows := 0
	for _, file := range files {
		ofFile := readRows(t, file)
		rows += len(ofFile)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			for _, r := range ofFile {
				t.Run(r.name, r.test)
			}
		})
	}
	require.GreaterOrEqual(t, rows, foreignRows)
}

func (r row) test(t *testing.T) {
	files := guesttest.Open(t, r.guest)
	before := verdicts(JudgeBy(Settings{Profile: r.profile}, "arm64", probes.Read(files)))
	after := verdicts(JudgeBy(Settings{Profile: r.profile}, "arm64", probes.Read(all(r.changes...)(t, files))))
	want, differ := map[string]Verdict{}, map[string]Verdict{}
	for id, e := range r.finds {
		want[id] = e.verdict
		require.Contains(t, said(after[id]), e.text, id)
	}
	for id, f := range after {
		if _, listed := r.finds[id]; f.Verdict != before[id].Verdict && (listed || !isOwed(before[id], f)) {
			differ[id] = f.Verdict
		}
	}
	if len(want) != len(differ) {
		for id := range differ {
			t.Logf("%s: %s: %s", id, after[id].Verdict, said(after[id]))
		}
	}
	require.Equal(t, want, differ)
	for id, e := range r.also {
		require.Equal(t, e.verdict, after[id].Verdict, id)
		require.Contains(t, said(after[id]), e.text, id)
	}
}

// said is what a point says, its problem first.
func said(f Finding) string {
	return strings.Join(append([]string{f.Problem}, f.Found...), "; ")
}

// readRows reads a file of rows.
func readRows(t *testing.T, file string) []row {
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	var rows []row
	for n, line := range strings.Split(string(archive.Comment), "\n") {
		words, err := splitLine(line)
		at := fmt.Sprintf("%s:%d: %s", filepath.Base(file), n+1, line)
		require.NoError(t, err, at)
		switch {
		case len(words) == 0:
			continue
		case words[0] == "row":
			rows = append(rows, row{name: strings.Join(words[1:], " "), profile: RFCv2, finds: map[string]expected{}, also: map[string]expected{}})
			continue
		}
		require.NotEmpty(t, rows, at)
		require.NoError(t, rows[len(rows)-1].read(words, archive), at)
	}
	return rows
}

// splitLine cuts a line into words: bare, in Go's quotes, or cells in angle
// brackets. A line that begins with # is a comment.
func splitLine(line string) (words []string, err error) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		var word string
		switch {
		case line[0] == '#' && len(words) == 0:
			return nil, nil
		case line[0] == '"':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, err
			}
			line = line[len(quoted):]
			word, _ = strconv.Unquote(quoted) // it was just found to be quoted
		case line[0] == '<':
			word, line, _ = strings.Cut(line, ">")
		default:
			word, line, _ = strings.Cut(line, " ")
		}
		words = append(words, word)
	}
	return words, nil
}

// read reads one line of a row.
func (r *row) read(words []string, archive *txtar.Archive) error {
	command, args := words[0], words[1:]
	for len(args) < 3 {
		args = append(args, "")
	}
	switch command {
	case "guest":
		r.guest = args[0]
	case "profile":
		r.profile = Profile(args[0])
	case "finds":
		r.finds[args[0]] = expected{Verdict(args[1]), args[2]}
	case "also":
		r.also[args[0]] = expected{Verdict(args[1]), args[2]}
	default:
		c, err := foreignChange(command, args, words[1:], archive)
		if err != nil {
			return err
		}
		r.changes = append(r.changes, c)
	}
	return nil
}

// foreignChange is the change that a line asks for. args are all its words, and
// empty where words has none.
func foreignChange(command string, args, words []string, archive *txtar.Archive) (change, error) {
	switch command {
	case "tree":
		data, err := os.ReadFile(filepath.Join(foreignDir, "trees", args[0]))
		return replace(fdt.Path, string(data)), err
	case "file":
		for _, f := range archive.Files {
			if f.Name == args[1] {
				return replace(args[0], string(f.Data)), nil
			}
		}
		return nil, fmt.Errorf("the archive has no file %q", args[1])
	case "edit":
		return edit(args[0], args[1], args[2]), nil
	case "add":
		return add(args[0], args[1]), nil
	case "remove":
		return remove(words...), nil
	case "link":
		return link(args[0], args[1]), nil
	case "kmsg":
		return kmsg(args[0]), nil
	case "patch":
		return tablePatch(words)
	}
	return nodeChange(command, args, words)
}

// tablePatch is the change "patch TABLE OFFSET BYTE…".
func tablePatch(words []string) (change, error) {
	var numbers []byte
	for _, word := range words[2:] {
		n, err := strconv.ParseUint(word, 0, 8)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, byte(n))
	}
	at, err := strconv.Atoi(words[1])
	return patch(words[0], at, numbers...), err
}

// nodeChange is a change of the device tree's nodes and properties.
func nodeChange(command string, args, words []string) (change, error) {
	switch command {
	case "prop":
		value, err := propertyValue(words[2:])
		return parsed(func(t *fdt.Tree) { fdttest.Set(fdttest.At(t, args[0]), args[1], value) }), err
	case "noprop":
		return parsed(func(t *fdt.Tree) { fdttest.Delete(fdttest.At(t, args[0]), args[1]) }), nil
	case "node":
		return parsed(func(t *fdt.Tree) { fdttest.Add(t, args[0]) }), nil
	case "nonode":
		return parsed(func(t *fdt.Tree) { fdttest.Remove(t, args[0]) }), nil
	}
	return nil, fmt.Errorf("no such line: %s", command)
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
