package results

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"

	"vmspec/results/report"
)

//go:embed html/page.html html/site.html html/page.css html/page.js
var htmlFiles embed.FS

// htmlTemplates are parsed when the first page is written: few commands write one.
var htmlTemplates = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(htmlFiles, "html/page.html", "html/site.html"))
})

// HTML writes the document as one page that needs nothing else: no network, and
// without scripts all of it is unfolded. Its policy lets run what is in it alone.
func (d *Document) HTML(w io.Writer) error {
	s := d.legible()
	page, err := render("page", newHTMLPage(&s))
	if err != nil {
		return err
	}
	_, err = w.Write(page)
	return err
}

// render fills a template. By "##" commands to a CI begin, wherever they stand. Ours,
// styles and script, have none.
func render(name string, page any) ([]byte, error) {
	var b bytes.Buffer
	err := htmlTemplates().ExecuteTemplate(&b, name, page)
	return bytes.ReplaceAll(b.Bytes(), []byte("##"), []byte("#&#35;")), err
}

// An htmlPage is what page.html shows.
type htmlPage struct {
	Title, Tool, Policy string
	Class               string // of how many reports there are side by side
	CSS                 template.CSS
	JS                  template.JS
	Strict              bool
	Nav                 []htmlLink // between the pages of a site; nil for a page alone
	About               string     // where the pages of requirements lie; empty for nowhere
	Reports             []htmlReport
	Outcomes            []htmlOutcome
	Chapters            []htmlChapter
}

type htmlOutcome struct {
	Name Outcome
	Mark string
}

// An htmlLink leads to another page.
type htmlLink struct {
	Href, Text string
	Current    bool
}

// An htmlReport is a verdict and what it rests on.
type htmlReport struct {
	*sheetReport
	Label, Sign, Words string
	Why                string      // the sentence without the verdict, which stands above it
	Facts              []htmlEntry // of a site: what the report is of
	More               string      // its page
	Beside             []string
	Causes             []htmlCause
}

// An htmlCause is what failed by itself, and what follows from it.
type htmlCause struct {
	ID, What string
	Outcome  Outcome
	Explains []string
}

type htmlChapter struct {
	ID, Name string
	Wide     bool // it scrolls
	Columns  []string
	Rows     []htmlRow
}

// An htmlRow is a requirement, with a cell for each report.
type htmlRow struct {
	ID, Title string
	About     string // its page; empty for none
	Level     report.Level
	Outcomes  string // with spaces between
	Span      int
	Cells     []htmlCell
	Sides     []htmlSide
}

// An htmlCell is empty where a profile does not ask it.
type htmlCell struct {
	ID      string
	Outcome Outcome
	Mark    string
	Waived  bool
}

// An htmlSide is what one report says of a requirement.
type htmlSide struct {
	Label    string // empty if there is one report
	Entries  []htmlEntry
	Follows  string
	Explains []string
	Log      *htmlLog
}

type htmlEntry struct{ Label, Value string }

type htmlLog struct {
	Label string
	Lines []htmlLine
}

type htmlLine struct {
	Number LineNumber
	Own    bool // the point's
	Text   string
}

// textMarks are signs that have the colour of their text.
var (
	textSigns = map[Conformance]string{Conformant: "✔", MetAsChosen: "✔", NotConformant: "✘", CouldNotTell: "?"}
	textMarks = map[Outcome]string{Failed: "✘", InError: "?", NotMet: "△", Noted: "i", Passed: "✔", LeftOpen: "–"}
)

func newHTMLPage(s *sheet) *htmlPage {
	css, js := htmlFile("page.css"), htmlFile("page.js")
	p := &htmlPage{
		Tool: cmp.Or(s.Tool, "vmspec"), CSS: template.CSS(css), JS: template.JS(js), Strict: s.Strict, Class: s.class(),
		Policy: policy(css, js),
	}
	p.Title = sentenceCase(Words(s.Verdict))
	if names := s.names(); len(names) == 1 {
		p.Title = names[0] + ": " + Words(s.Verdict)
	}
	for _, o := range outcomes {
		p.Outcomes = append(p.Outcomes, htmlOutcome{o, textMarks[o]})
	}
	for i := range s.Reports {
		p.Reports = append(p.Reports, s.Reports[i].html(s.label(i)))
	}
	p.Chapters = s.htmlChapters()
	return p
}

// policy lets a page use its own styles and script alone.
func policy(css, js string) string {
	script := "'none'"
	if js != "" {
		script = "'" + sourceHash(js) + "'"
	}
	return fmt.Sprintf("default-src 'none'; img-src data:; style-src '%s'; script-src %s; base-uri 'none'; form-action 'none'", sourceHash(css), script)
}

// manyColumns is how many reports have room side by side for more than a sign.
const manyColumns = 5

// class says how many reports there are.
func (s *sheet) class() string {
	switch n := len(s.Reports); {
	case n > manyColumns:
		return "many wide"
	case n > 1:
		return "many"
	}
	return ""
}

func htmlFile(name string) string {
	text, _ := htmlFiles.ReadFile("html/" + name) // it is embedded
	return string(text)
}

// sourceHash names a text in a Content-Security-Policy.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// names are the reports' names, each once.
func (s *sheet) names() (names []string) {
	for _, r := range s.Reports {
		if !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names
}

// label names a report beside the others: by its profile, its name, or both.
func (s *sheet) label(i int) string {
	r := &s.Reports[i]
	switch {
	case r.Profile == "":
		return r.Name
	case len(s.names()) == 1:
		return "by " + r.Profile
	case s.several(r.Profile) && len(s.names()) == len(s.Reports):
		return r.Name
	}
	return r.Name + " by " + r.Profile
}

func (r *sheetReport) html(label string) htmlReport {
	out := htmlReport{sheetReport: r, Label: label, Sign: textSigns[r.Verdict], Words: sentenceCase(Words(r.Verdict))}
	out.Why = sentenceCase(strings.TrimPrefix(r.Sentence, Words(r.Verdict)+": "))
	for _, p := range r.Parties[min(1, len(r.Parties)):] {
		out.Beside = append(out.Beside, who[p.Party]+": "+p.Sentence)
	}
	for _, o := range []Outcome{Failed, InError, NotMet} {
		for i := range r.Points {
			if p := &r.Points[i]; p.Outcome == o && p.Follows == "" && p.Counted {
				out.Causes = append(out.Causes, htmlCause{p.ID, cmp.Or(p.Problem, p.Reason, p.Title), o, r.explains(p.ID)})
			}
		}
	}
	return out
}

// explains lists what follows from a failure.
func (r *sheetReport) explains(id string) (ids []string) {
	for _, p := range r.Points {
		if p.Follows == id {
			ids = append(ids, p.ID)
		}
	}
	return ids
}
