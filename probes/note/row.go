package note

import (
	"bytes"
	"fmt"
)

// A Row declares lines of a note: [Line], [Flag], [Maybe], [Each] or [Group].
type Row interface {
	// lines are the row's kinds of line.
	lines() []line
	// parse reads a line of one of these kinds.
	parse(text string) error
	// write writes the row's lines, but none whose fields from that number on
	// are all empty.
	write(b *bytes.Buffer, from int)
	// key is the first value of the line that was parsed last.
	key() string
}

// line is a word and the values behind it.
type line struct {
	word, doc string
	fields    []Field
}

// Line declares a line: its first word; what it says, where its fields do not
// make that plain; and its fields. It is left out where all of them are empty: a
// line that may be all zeros is a [Maybe].
func Line(word, doc string, fields ...Field) Row { return line{word, doc, fields} }

func (l line) lines() []line { return []line{l} }

func (l line) parse(text string) (err error) {
	word, rest := cutWord(text)
	for _, f := range l.fields {
		if rest, err = f.parse(rest); err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	if rest != "" {
		return fmt.Errorf("%s: %.80q behind the last value", word, rest)
	}
	return nil
}

func (l line) write(b *bytes.Buffer, from int) {
	for _, f := range l.fields[from:] {
		if !f.value.empty() {
			l.print(b)
			return
		}
	}
}

func (l line) print(b *bytes.Buffer) {
	b.WriteString(l.word)
	for _, f := range l.fields {
		b.WriteString(" " + f.label() + f.value.String())
	}
	b.WriteByte('\n')
}

func (l line) key() string { return l.fields[0].value.String() }

// flag is a line without fields.
type flag struct {
	line
	at *bool
}

// Flag declares a line of one word, which is there or not.
func Flag(word, doc string, at *bool) Row { return flag{line{word: word, doc: doc}, at} }

func (f flag) parse(text string) error {
	*f.at = true
	return f.line.parse(text)
}

func (f flag) write(b *bytes.Buffer, _ int) {
	if *f.at {
		f.print(b)
	}
}

func (f flag) key() string { return "" }

// maybe is a row of what a pointer points to.
type maybe[T any] struct {
	at  **T
	row func(*T) Row
}

// Maybe declares a line that is there where the pointer is not nil.
func Maybe[T any](at **T, row func(*T) Row) Row { return maybe[T]{at, row} }

func (m maybe[T]) lines() []line { return m.row(new(T)).lines() }

func (m maybe[T]) parse(text string) error {
	v := new(T)
	err := m.row(v).parse(text)
	if err == nil {
		*m.at = v
	}
	return err
}

func (m maybe[T]) write(b *bytes.Buffer, _ int) {
	if *m.at != nil {
		printAll(m.row(*m.at), b)
	}
}

// printAll writes lines whatever their values are.
func printAll(r Row, b *bytes.Buffer) {
	for _, l := range r.lines() {
		l.print(b)
	}
}

func (m maybe[T]) key() string { return m.row(*m.at).key() }

// each is a line for each element of a slice.
type each[T any] struct {
	at  *[]T
	row func(*T) Row
}

// Each declares a line for each element of a slice.
func Each[T any](at *[]T, row func(*T) Row) Row { return each[T]{at, row} }

func (e each[T]) lines() []line { return e.row(new(T)).lines() }

func (e each[T]) parse(text string) error {
	var one T
	err := e.row(&one).parse(text)
	if err == nil {
		*e.at = append(*e.at, one)
	}
	return err
}

func (e each[T]) write(b *bytes.Buffer, _ int) {
	for i := range *e.at {
		printAll(e.row(&(*e.at)[i]), b)
	}
}

func (e each[T]) key() string { return e.row(&(*e.at)[len(*e.at)-1]).key() }

// group is several rows for each element of a slice.
type group[T any] struct {
	at       *[]T
	rows     func(*T) []Row
	words    map[string]int // the rows, by the first words of their lines
	elements map[string]int // by the keys of their lines
}

// Group declares several rows for each element of a slice. The first field of
// each line says which element it belongs to; a line is left out where its other
// fields are empty.
func Group[T any](at *[]T, rows func(*T) []Row) Row {
	g := group[T]{at, rows, map[string]int{}, map[string]int{}}
	for i, r := range rows(new(T)) {
		for _, l := range r.lines() {
			g.words[l.word] = i
		}
	}
	return g
}

func (g group[T]) lines() (out []line) {
	for _, r := range g.rows(new(T)) {
		out = append(out, r.lines()...)
	}
	return out
}

func (g group[T]) parse(text string) error {
	word, _ := cutWord(text)
	var one T
	row := g.rows(&one)[g.words[word]]
	if err := row.parse(text); err != nil {
		return err
	}
	n, seen := g.elements[row.key()]
	if !seen {
		g.elements[row.key()] = len(*g.at)
		*g.at = append(*g.at, one)
		return nil
	}
	return g.rows(&(*g.at)[n])[g.words[word]].parse(text)
}

func (g group[T]) write(b *bytes.Buffer, _ int) {
	for i := range *g.at {
		for _, r := range g.rows(&(*g.at)[i]) {
			r.write(b, 1)
		}
	}
}

func (g group[T]) key() string { return "" }
