package efi

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/note"
)

// A Mark is what a boot leaves in a UEFI variable for the boots after it.
type Mark struct {
	Nonce string // of the series of boots, or of the report; a dash for none
	Boot  int    // number in the series, from 1; 0 without a series
	Token string // this boot's own: eight hexadecimal digits
	Count int    // how many boots left a mark one after the other, with this one
	After string // how the boot meant to end: poweroff, reboot or halt
}

// Bounds on a variable: Bytes never writes more, and ParseMark reads no more.
const (
	maxMark  = 64
	maxNonce = 16
	maxCount = 1 << 30
)

// markMagic begins the variable, with the version of its form.
const markMagic = "vmspec1"

// errNoMark is about a variable of our name that we did not write.
var errNoMark = errors.New("not the suite's")

// Bytes is the mark as the variable's data.
func (m Mark) Bytes() []byte {
	return fmt.Appendf(nil, "%s %s %d %s %d %s", markMagic, m.Nonce, m.Boot, m.Token, m.Count, m.After)
}

// ParseMark reads what Bytes wrote, and nothing else.
func ParseMark(data []byte) (m Mark, err error) {
	words := strings.Split(string(data), " ")
	if len(data) > maxMark || len(words) != 6 || words[0] != markMagic {
		return Mark{}, errNoMark
	}
	m = Mark{Nonce: words[1], Token: words[3], After: words[5]}
	m.Boot, _ = strconv.Atoi(words[2])
	m.Count, _ = strconv.Atoi(words[4])
	if !m.isSound() || string(m.Bytes()) != string(data) {
		return Mark{}, errNoMark
	}
	return m, nil
}

// Ends are the ways in which a boot may mean to end.
var ends = []string{"poweroff", "reboot", "halt"}

func (m Mark) isSound() bool {
	const digits = "0123456789abcdef"
	return m.Nonce != "" && len(m.Nonce) <= maxNonce && strings.Trim(m.Nonce, digits+"ghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == "" &&
		len(m.Token) == 8 && strings.Trim(m.Token, digits) == "" &&
		m.Boot >= 0 && m.Boot < maxCount && m.Count > 0 && m.Count < maxCount && slices.Contains(ends, m.After)
}

// MarkNote is what a boot found in the variable before it wrote, and what it left
// there: the result of each step, and the marks.
type MarkNote struct {
	Read   string // "ok", "absent", "foreign" or the kernel's error
	Found  *Mark  `json:",omitempty"`
	Remove string `json:",omitempty"` // of what was found; empty if nothing was
	Write  string `json:",omitempty"` // "ok", "differs" or the kernel's error; empty for the last boot of a series
	Left   *Mark  `json:",omitempty"`
}

// Format declares vmspec/mark.
func (n *MarkNote) Format() note.Format {
	mark := func(word, doc string) func(m *Mark) note.Row {
		return func(m *Mark) note.Row {
			return note.Line(word, doc, note.Word("NONCE", &m.Nonce), note.Index("BOOT", &m.Boot), note.Word("TOKEN", &m.Token),
				note.Index("COUNT", &m.Count), note.Word("AFTER", &m.After))
		}
	}
	return note.Format{Name: "mark", Doc: "a UEFI variable that a boot leaves for the next", Rows: []note.Row{
		note.Line("read", "absent if there was none, foreign if it was not the suite's", note.Words("RESULT", &n.Read)),
		note.Maybe(&n.Found, mark("found", "the mark of an earlier boot")),
		note.Line("remove", "of what was found", note.Words("RESULT", &n.Remove)),
		note.Line("write", "", note.Words("RESULT", &n.Write)),
		note.Maybe(&n.Left, mark("left", "this boot's mark")),
	}}
}

// readMark reads the note. A capture of before there were marks has none, and nor has
// a guest in which nothing may be changed.
func (f *Facts) readMark(fsys fs.FS) {
	var n MarkNote
	err := note.Read(fsys, &n)
	if err != nil && !errors.As(err, new(*fs.PathError)) {
		f.MarkErr = err.Error()
	}
	if n != (MarkNote{}) {
		f.Mark = &n
	}
}
