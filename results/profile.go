package results

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

// By returns the report of the same boot by another profile. The verdicts stay; the
// profile says which requirements are asked, how strongly and where. Only a report
// whose frames arrived knows that.
func (r *Report) By(profile string) (*Report, error) {
	switch {
	case profile == r.Profile:
		return r, nil
	case r.Incomplete != nil:
		return nil, r.Incomplete
	case r.Appendix == nil:
		return nil, fmt.Errorf("the report knows only %s: its frames, which carry the other profiles, are not there", r.Profile)
	}
	points, err := r.pointsBy(profile)
	if err != nil {
		return nil, err
	}
	out := *r
	out.Profile, out.Points, out.Planned = profile, points, len(points)
	out.Choice.Musts = r.musts(profile)
	out.Verdict, _ = out.Report.Conclude()
	out.Lines = out.TAP()
	return &out, nil
}

// pointsBy returns what another profile asks.
func (r *Report) pointsBy(profile string) ([]Point, error) {
	at := slices.Index(r.Appendix.Profiles, profile)
	if at < 0 {
		return nil, fmt.Errorf("profile %s: the report's are %s", profile, strings.Join(r.Appendix.Profiles, " "))
	}
	var points []Point
	for _, row := range r.Appendix.Rows {
		clause := row.Clauses[at]
		if clause.Level == "" {
			continue
		}
		p, ok := r.find(row.ID)
		switch {
		case !ok && r.Choice.Any():
			continue // left out
		case !ok:
			return nil, fmt.Errorf("the report's frames lack %s", row.ID)
		}
		p.Number, p.Level, p.Clause = len(points)+1, clause.Level, clause.Text
		if p.Clause != "" {
			p.Clause = profile + " " + p.Clause
		}
		points = append(points, p)
	}
	return points, nil
}

// musts counts those that a profile asks of the platform, chosen or not.
func (r *Report) musts(profile string) (n int) {
	at := slices.Index(r.Appendix.Profiles, profile)
	for _, row := range r.Appendix.Rows {
		if row.Clauses[at].Level == report.Must && (Point{ID: row.ID}).Party() == report.Platform {
			n++
		}
	}
	return n
}

// find returns the point of an ID, asked by the report's profile or not.
func (r *Report) find(id string) (Point, bool) {
	for _, p := range slices.Concat(r.Points, r.Appendix.Points) {
		if p.ID == id {
			return p, true
		}
	}
	return Point{}, false
}
