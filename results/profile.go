package results

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// others are what a report's frames say of all profiles.
type others struct {
	profiles []string
	points   []Point             // what the report's own profile does not ask
	lines    []string            // of these
	clauses  map[string][]clause // by profile, in the order of the specification
}

// A clause is what a profile asks by one requirement.
type clause struct{ id, level, text string }

const profilesMark = "# vmspec: profiles "

// parseOthers reads what stands behind the report in its frames.
func parseOthers(lines []string) (*others, error) {
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, profilesMark) })
	if at < 0 {
		return nil, errors.New("its frames name no profiles")
	}
	o := &others{
		profiles: strings.Fields(lines[at][len(profilesMark):]),
		points:   readPoints(lines[:at]),
		lines:    lines[:at],
		clauses:  map[string][]clause{},
	}
	for _, line := range lines[at+1:] {
		fields := strings.Split(line, "|")
		if len(fields) != 1+2*len(o.profiles) {
			return nil, fmt.Errorf("its frames' line %q is none of %d profiles", line, len(o.profiles))
		}
		for i, profile := range o.profiles {
			if level, text := fields[1+2*i], fields[2+2*i]; level != "" {
				o.clauses[profile] = append(o.clauses[profile], clause{fields[0], level, text})
			}
		}
	}
	return o, nil
}

// By returns the report of the same boot by another profile: the verdicts are
// the same, and which requirements are asked, how strongly and where. Only a
// report whose frames arrived has it.
func (r *Report) By(profile string) (*Report, error) {
	switch {
	case profile == r.Profile:
		return r, nil
	case r.Incomplete != nil:
		return nil, r.Incomplete
	case r.others == nil:
		return nil, fmt.Errorf("the report knows only %s: its frames, which carry the other profiles, are not there", r.Profile)
	case !slices.Contains(r.others.profiles, profile):
		return nil, fmt.Errorf("profile %s: the report's are %s", profile, strings.Join(r.others.profiles, " "))
	}
	out := *r
	out.Profile, out.Points = profile, nil
	for _, c := range r.others.clauses[profile] {
		point, ok := r.find(c.id)
		if !ok {
			return nil, fmt.Errorf("the report's frames lack %s", c.id)
		}
		point.Number, point.Level, point.Clause = len(out.Points)+1, c.level, c.text
		if c.text != "" {
			point.Clause = profile + " " + c.text
		}
		out.Points = append(out.Points, point)
	}
	out.Planned = len(out.Points)
	out.Lines = r.retell(&out)
	return &out, nil
}

// retell writes the report as the guest would have by the other's profile.
func (r *Report) retell(by *Report) []string {
	lines := []string{version, fmt.Sprintf("1..%d", by.Planned),
		fmt.Sprintf("# vmspec %s catalogue=%s profile=%s arch=%s nonce=%s", by.Version, by.Catalogue, by.Profile, by.Arch, by.Nonce)}
	trouble := Conformant
	for _, line := range r.Lines {
		if strings.HasPrefix(line, parameterMark) {
			lines, trouble = append(lines, line), CouldNotTell
		}
	}
	blocks := blocks(slices.Concat(r.Lines, r.others.lines))
	for _, p := range by.Points {
		lines = append(append(lines, p.line()), p.block(blocks[p.ID])...)
	}
	by.Verdict = trouble.String()
	status, _ := by.Conclude(false)
	by.Verdict = status.String()
	lines = append(lines, fmt.Sprintf("# vmspec: verdict %s: %s", by.Verdict, by.Tally()))
	hash := sha256.Sum256([]byte(strings.Join(lines, "\n") + "\n"))
	return append(lines, fmt.Sprintf("# vmspec: end points=%d sha256=%x nonce=%s", by.Planned, hash, by.Nonce))
}

// block writes the point's block around what it holds beside level and clause.
func (p Point) block(others []string) []string {
	if len(others) == 0 {
		return nil
	}
	lines := []string{"  ---", fmt.Sprintf("  level: %q", p.Level)}
	if p.Clause != "" {
		lines = append(lines, fmt.Sprintf("  clause: %q", p.Clause))
	}
	return append(append(lines, others...), "  ...")
}

// blocks returns what stands in each point's block beside level and clause.
func blocks(lines []string) map[string][]string {
	out := map[string][]string{}
	id, asked := "", false
	for _, line := range lines {
		if p, ok := parsePoint(line); ok {
			id = p.ID
		}
		key, _, keyed := strings.Cut(strings.TrimPrefix(line, "  "), ":")
		if keyed && key[:1] != " " {
			asked = key == "level" || key == "clause"
		}
		if strings.HasPrefix(line, "  ") && !asked && line != "  ---" && line != "  ..." {
			out[id] = append(out[id], line)
		}
	}
	return out
}

// line writes the point's own line.
func (p Point) line() string {
	word, directive := "ok", ""
	switch {
	case p.Verdict == Skip:
		directive = " # SKIP " + p.Reason
	case p.Verdict == Error:
		word, directive = "not ok", " # ERROR "+p.Reason
	case p.Verdict == Fail && !p.Must():
		word, directive = "not ok", " # TODO "+p.Level
	case p.Verdict == Fail:
		word = "not ok"
	}
	return fmt.Sprintf("%s %d - %s %s%s", word, p.Number, p.ID, p.Title, directive)
}

// find returns the point of an ID, asked by the report's profile or not.
func (r *Report) find(id string) (Point, bool) {
	for _, p := range slices.Concat(r.Points, r.others.points) {
		if p.ID == id {
			return p, true
		}
	}
	return Point{}, false
}
