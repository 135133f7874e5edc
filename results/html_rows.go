package results

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

// htmlChapters are the requirements that any report asks, by chapter, each with what
// every report says of it.
func (s *sheet) htmlChapters() (out []htmlChapter) {
	var columns []string
	for i := range s.Reports {
		if len(s.Reports) == 1 {
			columns = append(columns, "outcome")
		} else {
			columns = append(columns, strings.TrimPrefix(s.label(i), "by "))
		}
	}
	for n, c := range chapters(s.asked()) {
		chapter := htmlChapter{ID: fmt.Sprintf("chapter-%d", n+1), Name: c.name, Wide: len(columns) > manyColumns, Columns: columns}
		for _, p := range c.points {
			chapter.Rows = append(chapter.Rows, s.htmlRow(p))
		}
		out = append(out, chapter)
	}
	return out
}

// asked has each requirement once, as the first report has it that asks it by a
// text, else the first.
func (s *sheet) asked() (points []sheetPoint) {
	at := map[string]int{}
	for _, r := range s.Reports {
		for _, p := range r.Points {
			i, known := at[p.ID]
			switch {
			case !known:
				at[p.ID] = len(points)
				points = append(points, p)
			case points[i].Chapter == beyond && p.Chapter != beyond:
				points[i] = p
			}
		}
	}
	return points
}

func (s *sheet) htmlRow(p *sheetPoint) htmlRow {
	row := htmlRow{ID: p.ID, Title: p.Title, Span: 2 + len(s.Reports)}
	var levels, found []string
	for i := range s.Reports {
		r := &s.Reports[i]
		at := slices.IndexFunc(r.Points, func(q sheetPoint) bool { return q.ID == p.ID })
		if at < 0 {
			row.Cells = append(row.Cells, htmlCell{})
			continue
		}
		q := &r.Points[at]
		row.Cells = append(row.Cells, htmlCell{q.ID, q.Outcome, textMarks[q.Outcome], q.Disposition == Waived})
		levels, found = with(levels, string(q.Level)), with(found, string(q.Outcome))
		side := q.html(r)
		if len(s.Reports) > 1 {
			side.Label = s.label(i)
		}
		row.Sides = append(row.Sides, side)
	}
	row.Level, row.Outcomes = report.Level(strings.Join(levels, ", ")), strings.Join(found, " ")
	return row
}

// with adds a word to a list that has none twice.
func with(list []string, word string) []string {
	if slices.Contains(list, word) {
		return list
	}
	return append(list, word)
}

func (p *sheetPoint) html(r *sheetReport) htmlSide {
	side := htmlSide{Follows: p.Follows, Explains: r.explains(p.ID)}
	for _, e := range p.entries()[1:] { // the title is the row's
		if e.label != "follows from" {
			side.Entries = append(side.Entries, htmlEntry{e.label, e.value})
		}
	}
	if x := p.Log; x != nil {
		side.Log = &htmlLog{Label: fmt.Sprintf("The log around %s, line %d", p.ID, x.Line)}
		for i, text := range x.Lines {
			number := x.First + LineNumber(i)
			side.Log.Lines = append(side.Log.Lines, htmlLine{number, number == x.Line, text})
		}
	}
	return side
}
