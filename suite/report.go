package suite

import (
	"cmp"
	"strings"

	"vmspec/results/report"
)

// Report returns the judgement as a guest reports it.
func (j Judgement) Report() *report.Report {
	r := &report.Report{
		Head: report.Head{
			Version: Version, Catalogue: CatalogueHash(),
			Profile: string(j.Settings.Profile), Arch: j.Arch, Nonce: j.Settings.Nonce,
		},
		Problems: j.Settings.Problems,
		Choice:   report.Choice{Only: j.Settings.Only, Skip: j.Settings.Skip, Musts: j.musts()},
		Appendix: j.appendix(),
	}
	for i, result := range j.Results {
		p := result.point()
		p.Number = i + 1
		if clause := result.ClauseBy(j.Settings.Profile); clause != "" {
			p.Clause = r.Profile + " " + clause
		}
		r.Points = append(r.Points, p)
	}
	return r
}

// point is a point without number and clause.
func (r Result) point() report.Point {
	p := report.Point{
		ID: r.ID, Title: r.Title, Verdict: r.Verdict, Level: r.Clause.Level, Kind: string(r.Kind),
		Problem: r.Problem, Found: strings.Join(r.Found, "; "),
	}
	switch r.Verdict {
	case Skip:
		p.Reason, p.Problem = r.Problem, ""
		if r.Clauses == infoEverywhere() {
			p.Kind = "" // so that it has no block
		}
	case Error:
		p.Reason = r.Problem
	case Fail:
		p.Fix, p.Follows = cmp.Or(r.Finding.Fix, r.Requirement.Fix), r.Follows
	}
	return p
}

// appendix says what all profiles ask.
func (j Judgement) appendix() *report.Appendix {
	a := &report.Appendix{Seen: j.Seen}
	for _, result := range j.Others {
		a.Points = append(a.Points, result.point())
	}
	for _, p := range Profiles() {
		a.Profiles = append(a.Profiles, string(p))
	}
	a.Rows = j.Settings.rows()
	return a
}

// rows are what the profiles ask.
func (s Settings) rows() (rows []report.Row) {
	for _, r := range Catalogue() {
		if s.concerns(r.Subject) {
			rows = append(rows, r.row())
		}
	}
	return rows
}

// Unreported is an appendix for a report without one: each point that only other
// profiles ask is an error for that reason.
func Unreported(r *report.Report, reason string) *report.Appendix {
	a := &report.Appendix{Rows: Settings{}.rows()}
	for _, p := range Profiles() {
		a.Profiles = append(a.Profiles, string(p))
	}
	for _, q := range Catalogue() {
		if _, there := r.Point(q.ID); !there && !r.Choice.Any() {
			a.Points = append(a.Points, report.Point{ID: q.ID, Title: q.Title, Kind: string(q.Kind), Verdict: Error, Reason: reason, Problem: reason})
		}
	}
	return a
}

// musts counts what the profile asks of the platform, chosen or not.
func (j Judgement) musts() (n int) {
	for _, r := range Catalogue() {
		if clause, _ := r.Clauses.By(j.Settings.Profile); r.Subject == Platform && clause.Level == Must {
			n++
		}
	}
	return n
}

// row is what the profiles ask by the requirement.
func (r Requirement) row() report.Row {
	row := report.Row{ID: r.ID}
	for _, p := range Profiles() {
		var asked report.Clause
		if c, ok := r.Clauses.By(p); ok {
			asked = report.Clause{Level: c.Level, Text: r.ClauseBy(p)}
		}
		row.Clauses = append(row.Clauses, asked)
	}
	return row
}
