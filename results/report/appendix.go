package report

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Frames returns the report once more, for programs: by it a damaged report is
// repaired, and the verdict by any profile is known from one boot. The data of
// the frames is a gzip file (RFC 1952) of lines that end in LF:
//
//   - the report, as TAP returns it;
//   - the points that other profiles ask, in the same form with the number 0
//     and without level and clause;
//   - a line "# vmspec: seen" with what the guest saw of its VM;
//   - a line "# vmspec: profiles" with the names of all profiles;
//   - for each requirement, in the order of the specification, a line
//     "ID|LEVEL|CLAUSE|LEVEL|CLAUSE…" with a level and a clause for each of these
//     profiles, both empty if it does not ask it, and no clause for the level
//     info.
func (r *Report) Frames() []string { return r.frames(r.TAP()) }

func (r *Report) frames(lines []string) []string {
	all := slices.Concat(lines, r.Appendix.lines())
	return frame(FrameReport, r.Nonce, pack(strings.Join(all, "\n")+"\n"))
}

// packers are used again: each new one takes a megabyte, and a guest packs its report
// in stages.
var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// pack compresses text.
func pack(text string) []byte {
	var b bytes.Buffer
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(&b)
	_, _ = w.Write([]byte(text)) // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// maxPayload bounds what a report's frames hold, in bytes.
const maxPayload = 4 << 20

// usualRatio is how many times larger than its frames' data a report is.
const usualRatio = 6

func unpack(packed []byte) (string, error) {
	in, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.Grow(min(usualRatio*len(packed), maxPayload))
	n, err := io.Copy(&text, io.LimitReader(in, maxPayload+1))
	if err == nil && n > maxPayload {
		err = errors.New("more than a report")
	}
	return text.String(), err
}

var errNotWhole = errors.New("their report is not whole")

// Unpack reads the data of a report's frames. It returns the report, and its
// lines.
func Unpack(data []byte) (Report, []string, error) {
	text, err := unpack(data)
	if err != nil {
		return Report{}, nil, err
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	last := slices.IndexFunc(lines, func(line string) bool { _, ok := ParseEnd(line); return ok })
	if last < 0 || lines[0] != Begin || slices.ContainsFunc(lines[1:last], isForeign) {
		return Report{}, nil, errNotWhole
	}
	end, _ := ParseEnd(lines[last])
	r, err := Parse(lines[:last], end)
	if err != nil {
		return Report{}, nil, errNotWhole
	}
	r.Appendix, err = parseAppendix(lines[last+1:])
	return r, slices.Clip(lines[:last+1]), err
}

func isForeign(line string) bool { return !IsLine(line) }

// An Appendix says what all profiles ask.
type Appendix struct {
	Points   []Point // of what the report's own profile does not ask
	Seen     *Seen   // nil in reports of older versions
	Profiles []string
	Rows     []Row // in the order of the specification
}

// A Row is one requirement, with what each profile asks by it.
type Row struct {
	ID      string
	Clauses []Clause // one for each profile
}

// A Clause is what one profile asks by a requirement. The level is empty where it
// asks nothing.
type Clause struct {
	Level Level
	Text  string
}

const profilesMark = Mark + "profiles "

func (a *Appendix) lines() []string {
	if a == nil {
		return nil
	}
	var lines []string
	for i := range a.Points {
		lines = append(lines, a.Points[i].lines()...)
	}
	if a.Seen != nil {
		lines = append(lines, a.Seen.line())
	}
	lines = append(lines, profilesMark+strings.Join(a.Profiles, " "))
	for _, row := range a.Rows {
		lines = append(lines, row.line())
	}
	return lines
}

func (r Row) line() string {
	line := r.ID
	for _, c := range r.Clauses {
		line += "|" + string(c.Level) + "|" + c.Text
	}
	return line
}

func parseAppendix(lines []string) (*Appendix, error) {
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, profilesMark) })
	if at < 0 {
		return nil, errors.New("its frames name no profiles")
	}
	a := &Appendix{
		Points:   ParsePoints(lines[:at]),
		Profiles: strings.Fields(lines[at][len(profilesMark):]),
	}
	for _, line := range lines[:at] {
		if seen, ok, err := parseSeen(line); err != nil {
			return nil, err
		} else if ok {
			a.Seen = seen
		}
	}
	for _, line := range lines[at+1:] {
		row := parseRow(line)
		if len(row.Clauses) != len(a.Profiles) || row.line() != line {
			return nil, fmt.Errorf("its frames' line %q is none of %d profiles", line, len(a.Profiles))
		}
		a.Rows = append(a.Rows, row)
	}
	return a, nil
}

func parseRow(line string) Row {
	fields := strings.Split(line, "|")
	row := Row{ID: fields[0]}
	for pair := range slices.Chunk(fields[1:], 2) {
		if len(pair) == 2 {
			row.Clauses = append(row.Clauses, Clause{Level(pair[0]), pair[1]})
		}
	}
	return row
}
