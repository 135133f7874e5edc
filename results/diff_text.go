package results

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// changeMarks are the kinds of change at a glance, and changeTones their colours.
var (
	changeMarks = map[DiffKind]string{Regressed: "❌", Fixed: "✅", Added: "➕", Gone: "➖", Otherwise: "ℹ️"}
	changeTones = map[DiffKind]Tone{Regressed: Bad, Fixed: Good, Added: Missed, Gone: Missed, Otherwise: Quiet}
)

// conclusion says what a comparison comes to.
func (d *Diff) conclusion() string {
	same := true
	for i := range d.Pairs {
		p := &d.Pairs[i]
		same = same && p.Before != nil && p.After != nil && len(p.Differences) == 0 && p.Before.Verdict == p.After.Verdict
	}
	switch n := d.Regressions(); {
	case same:
		return "they differ in nothing"
	case n > 0:
		return plural(n, "regression")
	}
	return "no regression"
}

// OfDiff returns the text of a comparison: each difference with what was and is said
// of it, then what it comes to.
func (t Text) OfDiff(d *Diff) string {
	w := page{Text: t}
	w.plain(d.A + " and " + d.B)
	for i := range d.Pairs {
		w.pair(&d.Pairs[i])
	}
	w.line("")
	w.plain(d.conclusion())
	return w.out.String()
}

func (w *page) pair(p *Pair) {
	w.line("")
	w.plain(fmt.Sprintf("%s: %s", p.title(), p.counts()))
	for _, note := range p.notes() {
		w.entry("note", Quiet, note)
	}
	for _, d := range p.Differences {
		w.line("")
		w.plain(w.paint(string(d.Kind), changeTones[d.Kind]) + "  " + d.ID + "  " + d.Title)
		w.entry(" was", Quiet, d.Before.String())
		w.entry(" is", Quiet, d.After.String())
	}
}

// title names a pair.
func (p *Pair) title() string {
	if p.Profile == "" {
		return p.Name
	}
	return p.Name + " by " + p.Profile
}

func (t Told) String() string {
	switch {
	case t.Outcome == "":
		return "not asked"
	case t.Text == "":
		return string(t.Outcome)
	}
	return string(t.Outcome) + ": " + t.Text
}

// Markdown writes the comparison as GitHub-flavoured Markdown.
func (d *Diff) Markdown(w io.Writer) error {
	m := &markdown{Writer: bufio.NewWriter(w)}
	m.line("# %s and %s: %s\n", inline(Visible(d.A)), inline(Visible(d.B)), d.conclusion())
	for i := range d.Pairs {
		m.pair(&d.Pairs[i])
	}
	return m.Flush()
}

func (m *markdown) pair(p *Pair) {
	m.line("## %s: %s\n", inline(Visible(p.title())), p.counts())
	for _, note := range p.notes() {
		m.line("- %s", inline(Visible(note)))
	}
	if len(p.Differences) == 0 {
		m.line("")
		return
	}
	m.line("\n| change | requirement | was | is |\n|---|---|---|---|")
	for _, d := range p.Differences {
		cell := func(t Told) string { return inCell(Visible(t.String())) }
		m.line("| %s %s | %s %s | %s | %s |", changeMarks[d.Kind], d.Kind, d.ID, inCell(Visible(d.Title)), cell(d.Before), cell(d.After))
	}
	m.line("")
}

// The format of a comparison for programs. A field that is added leaves the version.
const (
	DiffFormatName    = "vmspec-diff"
	DiffFormatVersion = 1
)

type diffSheet struct {
	Format      string     `json:"format"`
	Version     int        `json:"version"`
	A           string     `json:"a"`
	B           string     `json:"b"`
	Regressions int        `json:"regressions"`
	Conclusion  string     `json:"conclusion"`
	Pairs       []diffPair `json:"pairs"`
}

type diffPair struct {
	Name        string      `json:"name"`
	Profile     string      `json:"profile,omitempty"`
	Before      Conformance `json:"before,omitempty"` // absent where there is no such report
	After       Conformance `json:"after,omitempty"`
	Notes       []string    `json:"notes"`
	Differences []DiffPoint `json:"differences"`
}

// JSON writes the comparison for programs, in ASCII alone.
func (d *Diff) JSON(w io.Writer) error {
	s := diffSheet{DiffFormatName, DiffFormatVersion, d.A, d.B, d.Regressions(), d.conclusion(), []diffPair{}}
	for i := range d.Pairs {
		p := &d.Pairs[i]
		out := diffPair{Name: p.Name, Profile: p.Profile, Notes: append([]string{}, p.notes()...), Differences: append([]DiffPoint{}, p.Differences...)}
		if p.Before != nil {
			out.Before = p.Before.Verdict
		}
		if p.After != nil {
			out.After = p.After.Verdict
		}
		s.Pairs = append(s.Pairs, out)
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return writeASCII(w, text)
}
