package note

import (
	"fmt"
	"strings"
)

// Usage documents a note, as its format declares it.
func Usage(n Note) string {
	f := n.Format()
	var lines []line
	width := 0
	for _, r := range f.Rows {
		for _, l := range r.lines() {
			lines = append(lines, l)
			if l.doc != "" {
				width = max(width, len(l.usage()))
			}
		}
	}
	out := fmt.Sprintf("%s/%s: %s\n", Dir, f.Name, f.Doc)
	for _, l := range lines {
		out += strings.TrimRight(fmt.Sprintf("\t%-*s   %s", width, l.usage(), l.doc), " ") + "\n"
	}
	return out
}

// usage is the line with the names of its fields, and quotes as it has them.
func (l line) usage() string {
	words := []string{l.word}
	for _, f := range l.fields {
		name := f.name
		if _, q := f.value.(quoted); q {
			name = fmt.Sprintf("%q", name)
		}
		words = append(words, name)
	}
	return strings.Join(words, " ")
}
