// Package note is the format of the text that the suite leaves under vmspec/
// in a guest: lines of words, the first of which says what the line is. A
// measurement that failed, wholly or half-way, ends in a line "error TEXT".
package note

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Dir is where notes lie in the guest's file system.
const Dir = "vmspec"

// Take runs a measurement and returns what it wrote, with its error.
//
// One that panics has failed: a measurement must not cost the report.
func Take(measure func(io.Writer) error) []byte {
	var b bytes.Buffer
	if err := takeSafely(measure, &b); err != nil {
		if text := b.Bytes(); len(text) > 0 && text[len(text)-1] != '\n' {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "error %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return b.Bytes()
}

func takeSafely(measure func(io.Writer) error, b *bytes.Buffer) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return measure(b)
}

// A Line is one line's words.
type Line []string

// Read returns a note's lines. Where the measurement failed it returns those
// before the failure, and the error.
func Read(fsys fs.FS, name string) ([]Line, error) {
	data, err := fs.ReadFile(fsys, path.Join(Dir, name))
	if err != nil {
		return nil, err
	}
	var lines []Line
	for text := range strings.Lines(string(data)) {
		text = strings.TrimSpace(text)
		if failure, ok := strings.CutPrefix(text+" ", "error "); ok {
			return lines, fmt.Errorf("%s: %w", path.Join(Dir, name), errors.New(strings.TrimSpace(failure)))
		}
		if text != "" {
			lines = append(lines, strings.Fields(text))
		}
	}
	return lines, nil
}

// Word returns the line's word number i, empty where it has none.
func (l Line) Word(i int) string {
	if i >= len(l) {
		return ""
	}
	return l[i]
}

// Rest returns the line's words from number i on.
func (l Line) Rest(i int) string { return strings.Join(l[min(i, len(l)):], " ") }

// Uint returns the line's word number i as a decimal number.
func (l Line) Uint(i int) (uint64, error) {
	n, err := strconv.ParseUint(l.Word(i), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: word %d is not a number", strings.Join(l, " "), i+1)
	}
	return n, nil
}

// Scan stores the words at the given places as decimal numbers.
func (l Line) Scan(places []int, into ...*uint64) error {
	for i, place := range places {
		n, err := l.Uint(place)
		if err != nil {
			return err
		}
		*into[i] = n
	}
	return nil
}
