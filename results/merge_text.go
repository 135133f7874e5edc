package results

import (
	"fmt"
	"slices"
	"strings"

	grid "github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"vmspec/results/report"
)

// legend lists the boots by the numbers that a table gives them.
func (m Merge) legend() string {
	t := newTable()
	for i, b := range m {
		t.AppendRow(grid.Row{i + 1, OneLine(b.Name), b.Arch, "by " + b.Profile, "nonce " + b.Nonce})
	}
	return lines(t)
}

// boots are those of all verdicts: each profile may rest on others.
func boots(all []*Merged) (m Merge) {
	for _, v := range all {
		m = m.With(v.Boots)
	}
	return m
}

// Tables are the boots, and what became of each requirement by each profile, with
// the number of the boot that decided. What no text asks is left out, and so is a
// party that was not under test.
func Tables(all []*Merged) string {
	merge := boots(all)
	return merge.legend() + "\n" + gridOf(all, merge)
}

// gridOf is a row for each requirement that any of the profiles asks.
func gridOf(all []*Merged, merge Merge) string {
	t := newTable()
	head := grid.Row{""}
	for _, m := range all {
		head = append(head, m.Profile)
	}
	t.AppendRow(head)
	for _, id := range rows(all) {
		row := grid.Row{id}
		for _, m := range all {
			row = append(row, m.cell(id, merge))
		}
		t.AppendRow(row)
	}
	return lines(t)
}

// rows are the requirements that any of the profiles asks, in their order.
func rows(all []*Merged) []string {
	var verdicts []boot
	for _, m := range all {
		asked := *m
		asked.Points = slices.DeleteFunc(slices.Clone(m.Points), func(p Point) bool { return !m.Counts(p) })
		verdicts = append(verdicts, newBoot(Boot{"", &asked.Report}))
	}
	return order(verdicts)
}

// cells are the words of a table for verdicts.
var cells = map[Verdict]string{Pass: "pass", Fail: "FAIL", Skip: "open", Error: "error"}

// cell says what became of a requirement, and by which boots: "pass 1".
func (m *Merged) cell(id string, all Merge) string {
	p, ok := m.Point(id)
	if !ok || p.Level == report.Info {
		return "-"
	}
	word := wordOf(p)
	var numbers []string
	for i, b := range all {
		if p.Boot == b.Name || slices.Contains(strings.Split(p.Boot, ", "), b.Name) {
			numbers = append(numbers, fmt.Sprint(i+1))
		}
	}
	return strings.TrimSpace(word + " " + strings.Join(numbers, ","))
}

func newTable() grid.Writer {
	t := grid.NewWriter()
	t.SetStyle(grid.StyleDefault)
	t.Style().Options = grid.OptionsNoBordersAndSeparators
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = "", "  "
	return t
}

// lines are a table's, without white space at their ends.
func lines(t grid.Writer) string {
	var b strings.Builder
	for line := range strings.Lines(t.Render()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// Notices are what a merge says beside its points: contradictions, and boots whose VM
// stopped, one a text.
func (m *Merged) Notices() (out []string) {
	for _, c := range m.Contradictions {
		out = append(out, "contradiction: "+c.String())
	}
	for _, b := range m.Boots {
		if b.Provisional() {
			out = append(out, fmt.Sprintf("%s: the VM stopped %s; its report is the one from before", b.Name, b.Stopped))
		}
	}
	return append(out, m.versions()...)
}

// versions says that the boots were judged by different catalogues.
func (m *Merged) versions() []string {
	if !strings.Contains(m.Catalogue, "+") {
		return nil
	}
	return []string{"the boots were judged by different catalogues: " + m.Catalogue}
}

// OfMerged returns the text on a platform by several profiles: the boots, a table
// of what became of each requirement, contradictions, and the verdicts. By one
// profile, or verbose, each profile's report follows the grid.
func (t Text) OfMerged(all []*Merged) string {
	var b strings.Builder
	b.WriteString(Tables(all))
	w := page{Text: t}
	w.list("note", findings(all))
	if len(all) == 1 {
		w.line("")
		w.out.WriteString(t.Of(&all[0].Report))
	} else {
		w.problems(all)
		w.open(all)
		w.verdicts(all)
	}
	b.WriteString(w.out.String())
	return b.String()
}

// findings are the notices of merges, each with its profile if there are several.
func findings(all []*Merged) (out []string) {
	by := map[string][]string{}
	for _, m := range all {
		for _, text := range m.Notices() {
			if by[text] == nil {
				out = append(out, text)
			}
			by[text] = append(by[text], m.Profile)
		}
	}
	for i, text := range out {
		if len(all) > 1 {
			out[i] = "by " + strings.Join(by[text], ", ") + ": " + text
		}
	}
	return out
}

// verdictBy writes a verdict of several: "rfc-v2: conformant: …".
func (w *page) verdictBy() {
	conclusion, _ := w.report.Conclude(w.Strict)
	word := Words(conclusion)
	start := w.report.Profile + ": "
	first, rest, _ := strings.Cut(text.WrapSoft(OneLine(start+w.report.Sentence(w.Strict)), columns), "\n")
	w.line(start + w.paint(word, tones[conclusion]) + strings.TrimRight(strings.TrimPrefix(first, start+word), " "))
	w.plain(rest)
}
