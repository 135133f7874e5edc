package note

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Dir is where notes lie in the guest's file system.
const Dir = "vmspec"

// A Note is a struct whose fields are written to a file below Dir and read back
// from it.
type Note interface{ Format() Format }

// A Format declares a note: the name of its file, what it says, and its rows in
// the order in which they are written. The rows are bound to the fields of one
// struct. A note without rows is free text.
type Format struct {
	Name string
	Doc  string
	Rows []Row
	Free *string
}

// Name is what a note's file is called.
func Name(n Note) string { return n.Format().Name }

// Path is where a note lies in the guest's file system.
func Path(n Note) string { return path.Join(Dir, Name(n)) }

// Take runs a measurement that fills n, and returns the text of the note. What
// was filled in before a failure is kept.
//
// A measurement that panics has failed: it must not cost the report.
func Take(n Note, measure func() error) []byte {
	err := safely(measure)
	text := Text(n)
	if err != nil {
		text = append(text, Failure(err)...)
	}
	return text
}

// Failure is the last line of a note whose measurement failed.
func Failure(err error) []byte { return fmt.Appendf(nil, "error %s\n", oneLine(err.Error())) }

func safely(measure func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return measure()
}

// Text writes a note.
func Text(n Note) []byte {
	var b bytes.Buffer
	f := n.Format()
	for _, r := range f.Rows {
		r.write(&b, 0)
	}
	if f.Free != nil && *f.Free != "" {
		b.WriteString(strings.TrimSuffix(*f.Free, "\n") + "\n")
	}
	return b.Bytes()
}

// Read reads a note from a guest. Where the measurement failed, or a line is
// malformed, n has the lines before it.
func Read(fsys fs.FS, n Note) error {
	text, err := fs.ReadFile(fsys, Path(n))
	if err != nil {
		return err
	}
	if err := Parse(text, n); err != nil {
		return fmt.Errorf("%s: %w", Path(n), err)
	}
	return nil
}

// Parse reads a note from its text, as Read does.
func Parse(text []byte, n Note) error { return n.Format().parse(text) }

// parse passes over a line whose first word is no row's: a newer version of the
// suite may have written it.
func (f Format) parse(text []byte) error {
	rows := map[string]Row{}
	for _, r := range f.Rows {
		for _, l := range r.lines() {
			rows[l.word] = r
		}
	}
	read := 0
	if f.Free != nil {
		defer func() { *f.Free = string(text[:read]) }()
	}
	for line := range strings.Lines(string(text)) {
		length := len(line)
		line = strings.TrimSpace(line)
		if failure, failed := strings.CutPrefix(line+" ", "error "); failed {
			return errors.New(strings.TrimSpace(failure))
		}
		word, _ := cutWord(line)
		if r := rows[word]; r != nil {
			if err := r.parse(line); err != nil {
				return err
			}
		}
		read += length
	}
	return nil
}

// A FreeText is a note that has no rows.
type FreeText struct{ Name, Doc, Text string }

// Format declares it.
func (t *FreeText) Format() Format { return Format{Name: t.Name, Doc: t.Doc, Free: &t.Text} }
