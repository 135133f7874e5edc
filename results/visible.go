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

// spaced puts a space into "##", by which commands to a CI begin wherever they stand:
// "##[" for GitHub and Azure, "##vso[", "##teamcity[".
func spaced(text string) string {
	for strings.Contains(text, "##") {
		text = strings.ReplaceAll(text, "##", "# #")
	}
	return text
}

// each calls f for every text of a report that somebody else may have written.
func (r *sheetReport) each(f func(string) string) {
	for _, s := range []*string{&r.Name, &r.File, &r.Profile, &r.Suite, &r.Catalogue, &r.Arch, &r.Nonce, &r.Source, &r.Sentence, &r.Next, &r.Stopped} {
		*s = f(*s)
	}
	for i := range r.Parties {
		r.Parties[i].Sentence = f(r.Parties[i].Sentence)
	}
	r.Notes = eachOf(r.Notes, f)
	for i := range r.Boots {
		b := &r.Boots[i]
		b.Name, b.Arch, b.Profile, b.Nonce = f(b.Name), f(b.Arch), f(b.Profile), f(b.Nonce)
	}
	for i := range r.Disagree {
		c := &r.Disagree[i]
		c.Problem, c.Passed, c.Failed = f(c.Problem), eachOf(c.Passed, f), eachOf(c.Failed, f)
	}
	for i := range r.Points {
		r.Points[i].each(f)
	}
}

func (p *sheetPoint) each(f func(string) string) {
	for _, s := range []*string{&p.Title, &p.Chapter, &p.Clause, &p.Kind, &p.Reason, &p.Problem, &p.Found, &p.Fix, &p.Boot} {
		*s = f(*s)
	}
	p.Level = report.Level(f(string(p.Level)))
	if p.Waiver != nil {
		w := *p.Waiver
		for _, s := range []*string{&w.Reason, &w.Owner, &w.Ticket, &w.Expires, &w.Selector.Platform, &w.Selector.Target, &w.Selector.Versions} {
			*s = f(*s)
		}
		p.Waiver = &w
	}
	if p.Log != nil {
		log := *p.Log
		log.Lines = eachOf(log.Lines, f)
		p.Log = &log
	}
}

// eachOf is a list of its own, with f of each text.
func eachOf(texts []string, f func(string) string) (out []string) {
	for _, text := range texts {
		out = append(out, f(text))
	}
	return out
}

// legible is the sheet as people read it, and what more is done to its texts.
func (d *Document) legible(more ...func(string) string) sheet {
	s := d.sheet()
	for i := range s.Reports {
		for _, f := range append([]func(string) string{Visible}, more...) {
			s.Reports[i].each(f)
		}
	}
	return s
}
