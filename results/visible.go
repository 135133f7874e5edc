package results

import (
	"fmt"
	"strings"
	"unicode"

	"vmspec/results/report"
)

// Visible makes text that a guest wrote one line without effect on whatever shows
// it: what does not print, such as an escape, NUL, or a mark that turns the direction
// of writing, becomes its number, "\x1b" or "\u202e". What is no UTF-8 becomes
// U+FFFD.
func Visible(text string) string {
	var b strings.Builder
	for _, c := range text {
		switch {
		case unicode.IsSpace(c) && c != '\u0085':
			b.WriteByte(' ')
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c <= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		case c <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			fmt.Fprintf(&b, `\U%08x`, c)
		}
	}
	return b.String()
}

// visible does so for a whole report.
func (r *sheetReport) visible() {
	for _, s := range []*string{&r.Name, &r.File, &r.Profile, &r.Suite, &r.Catalogue, &r.Arch, &r.Nonce, &r.Source, &r.Sentence, &r.Next, &r.Stopped} {
		*s = Visible(*s)
	}
	for i := range r.Parties {
		r.Parties[i].Sentence = Visible(r.Parties[i].Sentence)
	}
	visibleAll(r.Notes)
	for i := range r.Boots {
		b := &r.Boots[i]
		b.Name, b.Arch, b.Profile, b.Nonce = Visible(b.Name), Visible(b.Arch), Visible(b.Profile), Visible(b.Nonce)
	}
	for i := range r.Disagree {
		c := &r.Disagree[i]
		c.Problem = Visible(c.Problem)
		c.Passed, c.Failed = visibleAll(append([]string{}, c.Passed...)), visibleAll(append([]string{}, c.Failed...))
	}
	for i := range r.Points {
		r.Points[i].visible()
	}
}

func (p *sheetPoint) visible() {
	for _, s := range []*string{&p.Title, &p.Chapter, &p.Clause, &p.Kind, &p.Reason, &p.Problem, &p.Found, &p.Fix, &p.Boot} {
		*s = Visible(*s)
	}
	p.Level = report.Level(Visible(string(p.Level)))
	if p.Log != nil {
		log := *p.Log
		log.Lines = visibleAll(append([]string{}, log.Lines...))
		p.Log = &log
	}
}

func visibleAll(texts []string) []string {
	for i := range texts {
		texts[i] = Visible(texts[i])
	}
	return texts
}

// legible is the sheet as people read it.
func (d *Document) legible() sheet {
	s := d.sheet()
	for i := range s.Reports {
		s.Reports[i].visible()
	}
	return s
}
