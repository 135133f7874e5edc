package releases

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// width is that of a line, where words can be parted.
const width = 80

// Text tells as Markdown what changed from one release to the next.
func Text(was, is *Record, notes string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# vmspec %s: what changed since %s\n", is.Version, was.Version)
	if notes != "" {
		b.WriteString("\n" + strings.TrimSpace(notes) + "\n")
	}
	for _, s := range Compare(was, is) {
		s.write(&b)
	}
	return b.String()
}

func (s *Section) write(b *strings.Builder) {
	if len(s.New)+len(s.Changed)+len(s.Gone) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n", s.Title)
	for _, list := range []struct {
		word    string
		changes []Change
	}{{"New", s.New}, {"Changed", s.Changed}, {"Gone", s.Gone}} {
		if len(list.changes) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n%s:\n\n", list.word)
		for _, c := range list.changes {
			c.write(b)
		}
	}
}

// write writes one item of a list, and what changed of it as a list below.
func (c *Change) write(b *strings.Builder) {
	head := "`" + c.Name + "`"
	if len(c.Of) > 0 {
		head += " (" + strings.Join(c.Of, ", ") + ")"
	}
	if len(c.About) == 1 {
		head += ": " + c.About[0]
	}
	bullet(b, "- ", head)
	if len(c.About) > 1 {
		for _, each := range c.About {
			bullet(b, "  - ", each)
		}
	}
}

// bullet writes an item of a list, with its lines below each other.
func bullet(b *strings.Builder, mark, sentence string) {
	indent := strings.Repeat(" ", len(mark))
	for n, line := range strings.Split(text.WrapSoft(sentence, width-len(mark)), "\n") {
		lead := indent
		if n == 0 {
			lead = mark
		}
		b.WriteString(lead + strings.TrimSpace(line) + "\n")
	}
}
