package results

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"vmspec/results/report"
)

// Markdown writes the document as GitHub-flavoured Markdown: the verdicts, what
// failed with its fix, then all points by chapter, folded.
func (d *Document) Markdown(w io.Writer) error {
	s := d.legible()
	out := &markdown{Writer: bufio.NewWriter(w)}
	out.sheet(&s)
	return out.Flush()
}

// A markdown writer keeps its first error, as a bufio.Writer does.
type markdown struct{ *bufio.Writer }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

func (m *markdown) sheet(s *sheet) {
	if len(s.Reports) > 1 {
		m.line("# %s\n\nThe worst of %d verdicts.\n", sentenceCase(Words(s.Verdict)), len(s.Reports))
		m.line("| verdict | report | profile | points |\n|---|---|---|---|")
		for _, r := range s.Reports {
			m.line("| %s %s | %s | %s | %s |", conclusionMarks[r.Verdict], Words(r.Verdict), inCell(r.Name), inCell(r.Profile), r.Counts)
		}
		m.line("")
	}
	for i := range s.Reports {
		m.report(&s.Reports[i])
	}
}

// The conclusions and the outcomes at a glance.
var (
	conclusionMarks = map[Conformance]string{Conformant: "✅", MetAsChosen: "✅", NotConformant: "❌", CouldNotTell: "❔"}
	marks           = map[Outcome]string{Failed: "❌", InError: "❔", NotMet: "⚠️", Noted: "ℹ️", Passed: "✅", LeftOpen: "➖"}
)

// sentenceCase begins a text of ours by a capital letter.
func sentenceCase(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func (m *markdown) report(r *sheetReport) {
	m.line("## %s %s: %s\n", conclusionMarks[r.Verdict], inline(r.Name), sentenceCase(Words(r.Verdict)))
	m.line("%s\n", inline(r.Sentence))
	for _, p := range r.Parties[min(1, len(r.Parties)):] {
		m.line("Beside it, %s: %s\n", who[p.Party], inline(p.Sentence))
	}
	if r.Next != "" {
		m.line("Next: %s\n", inline(r.Next))
	}
	if len(r.Points) == 0 {
		return
	}
	m.line("%s. By %s, vmspec %s, %s.\n", r.Counts, inline(r.Profile), inline(r.Suite), inline(r.Arch))
	for _, note := range r.Notes {
		m.line("- note: %s", inline(note))
	}
	if len(r.Notes) > 0 {
		m.line("")
	}
	m.problems(r)
	m.chapters(r)
}

// problems writes what a person should look at, with what is said of it.
func (m *markdown) problems(r *sheetReport) {
	for _, o := range []Outcome{Failed, InError, NotMet, Noted} {
		for i := range r.Points {
			switch p := &r.Points[i]; {
			case p.Outcome != o || p.Follows != "":
			case p.Level == report.Info:
				m.line("- %s %s: %s", p.Outcome, p.ID, inline(cmp.Or(p.Problem, p.Reason)))
			default:
				m.problem(r, p)
			}
		}
	}
	m.line("")
}

func (m *markdown) problem(r *sheetReport, p *sheetPoint) {
	m.line("### %s %s %s\n", marks[p.Outcome], p.ID, inline(p.Title))
	for _, e := range p.entries()[1:] {
		m.line("- %s: %s", e.label, inline(e.value))
	}
	var also []string
	for _, q := range r.Points {
		if q.Follows == p.ID {
			also = append(also, q.ID)
		}
	}
	if len(also) > 0 {
		m.line("- so do, since they rest on it: %s", strings.Join(also, ", "))
	}
	m.line("")
}

// chapters write a table of all points for each chapter.
func (m *markdown) chapters(r *sheetReport) {
	for _, c := range chapters(r.Points) {
		m.line("<details><summary>%s: %s</summary>\n", c.name, c.counts)
		m.line("| outcome | requirement | level | |\n|---|---|---|---|")
		for _, p := range c.points {
			m.line("| %s %s | %s | %s | %s |", marks[p.Outcome], p.Outcome, p.ID, inCell(string(p.Level)), inCell(p.Title))
		}
		m.line("\n</details>\n")
	}
}

// A pointChapter is the points of a chapter.
type pointChapter struct {
	name   string
	counts Counts
	points []*sheetPoint
}

// chapters are the points by chapter, in the order in which these begin. Those of
// which nothing was judged come behind the others, and what no text asks comes last.
func chapters(points []sheetPoint) []*pointChapter {
	var all []*pointChapter
	last := &pointChapter{name: beyond}
	by := map[string]*pointChapter{beyond: last}
	for i := range points {
		p := &points[i]
		c := by[p.Chapter]
		if c == nil {
			c = &pointChapter{name: p.Chapter}
			by[p.Chapter], all = c, append(all, c)
		}
		c.points = append(c.points, p)
		c.counts.Points++
		*c.counts.of(p.Outcome)++
	}
	slices.SortStableFunc(all, func(a, b *pointChapter) int { return cmp.Compare(a.open(), b.open()) })
	if len(last.points) > 0 {
		all = append(all, last)
	}
	return all
}

// open is 1 for a chapter of which nothing was judged.
func (c *pointChapter) open() int {
	if c.counts.Skipped == c.counts.Points {
		return 1
	}
	return 0
}

// harmless is a word in which Markdown finds nothing, but for what linked finds: no
// markup.
var harmless = regexp.MustCompile(`^[A-Za-z0-9,;()'/+=%:.-]*$`)

// linked finds what GitHub makes something else of: addresses, and signs between
// colons.
var linked = regexp.MustCompile(`(?i)://|www\.|:[a-z0-9+-]+:`)

// inline is text that somebody else wrote, within a line of Markdown. Words that may
// be markup are code: within that all is literal.
func inline(text string) string {
	var out, unsafe []string
	flush := func() {
		if len(unsafe) > 0 {
			out, unsafe = append(out, code(strings.Join(unsafe, " "))), nil
		}
	}
	for word := range strings.FieldsSeq(text) {
		if !harmless.MatchString(word) || linked.MatchString(word) {
			unsafe = append(unsafe, word)
			continue
		}
		flush()
		out = append(out, word)
	}
	flush()
	return strings.Join(out, " ")
}

// code is text as code. Of "##", by which commands to a CI begin, the first stands
// before that.
func code(text string) string {
	var out strings.Builder
	for {
		at := strings.Index(text, "##")
		if at < 0 {
			return out.String() + fenced(text)
		}
		out.WriteString(fenced(text[:at]) + `\#`)
		text = text[at+1:]
	}
}

// fenced is text between more backticks than it has in a row.
func fenced(text string) string {
	if text == "" {
		return ""
	}
	longest, row := 0, 0
	for i := range len(text) {
		if row++; text[i] != '`' {
			row = 0
		}
		longest = max(longest, row)
	}
	fence, pad := strings.Repeat("`", longest+1), ""
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		pad = " "
	}
	return fence + pad + text + pad + fence
}

// inCell is text within a table, whose cells end at a bar even within code.
func inCell(text string) string { return inline(strings.ReplaceAll(text, "|", "│")) }
