package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Verdict is what became of a requirement.
type Verdict string

// The verdicts. Skip is for what does not apply. Error means that we could not
// tell.
const (
	Pass  Verdict = "pass"
	Fail  Verdict = "fail"
	Skip  Verdict = "skip"
	Error Verdict = "error"
)

// Level is how strongly the specification asks, in its own words.
type Level string

// The levels, strongest first. Info is ours: no text asks it.
const (
	Must                Level = "must"
	Should              Level = "should"
	StronglyRecommended Level = "strongly-recommended"
	Recommended         Level = "recommended"
	May                 Level = "may"
	Info                Level = "info"
)

// A Point is the verdict on one requirement.
type Point struct {
	Number    int
	ID, Title string // the title has no "#"
	Verdict   Verdict
	Reason    string // of a skip or an error
	Level     Level  // empty if the report's profile does not ask it
	Clause    string // where the profile asks it
	Kind      string // what the verdict rests on: "evidence", "functional"
	Problem   string
	Found     string
	Fix       string
	Follows   string // ID of the point by whose failure this one failed
	Boot      string // of several that were merged, the one that decided it
}

// Must tells whether the requirement's failure fails the run.
func (p Point) Must() bool { return p.Level == Must }

// missed tells whether the point is a failure that does not fail the run.
func (p Point) missed() bool { return p.Verdict == Fail && !p.Must() && p.Level != "" }

// lines are the point's own line and its block.
func (p *Point) lines() []string { return append([]string{p.line()}, p.block()...) }

// line is the point's own line. One that is too long loses title, never ID or
// directive.
func (p *Point) line() string {
	word, directive := "ok", ""
	switch {
	case p.Verdict == Skip:
		directive = " # SKIP " + plain(p.Reason)
	case p.Verdict == Error:
		word, directive = "not ok", " # ERROR "+plain(p.Reason)
	case p.missed():
		word, directive = "not ok", " # TODO "+string(p.Level)
	case p.Verdict == Fail:
		word = "not ok"
	}
	start := fmt.Sprintf("%s %d - %s", word, p.Number, p.ID)
	directive = cut(directive, MaxLine-len(start))
	title := cut(" "+p.Title, MaxLine-len(start)-len(directive))
	return start + strings.TrimRight(title, " ") + directive
}

// plain makes text fit for a directive: one line of printable ASCII, without
// the characters that mean something there.
func plain(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '#' || c == '\\':
			return '_'
		case c < ' ', c > '~':
			return '?'
		}
		return c
	}, text)
}

// cut shortens ASCII text to n bytes, at a space if there is one late enough.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	n = max(n, 0)
	if space := strings.LastIndexByte(text[:n], ' '); space > n/2 {
		n = space
	}
	return strings.TrimRight(text[:n], " ")
}

// ParsePoint reads a point's own line:
//
//	ok 1 - ID TITLE
//	not ok 2 - ID TITLE # DIRECTIVE REASON
//
// SKIP and ERROR overrule the ok.
func ParsePoint(line string) (p Point, ok bool) {
	text, not := strings.CutPrefix(line, "not ")
	if text, ok = strings.CutPrefix(text, "ok "); !ok {
		return p, false
	}
	number, text, ok := strings.Cut(text, " - ")
	if !ok || !isNumber(number) {
		return p, false
	}
	name, directive, directed := strings.Cut(text, " # ")
	id, title, _ := strings.Cut(name, " ")
	if !isID(id) || strings.Contains(title, "#") {
		return p, false
	}
	p = Point{ID: id, Title: title, Verdict: Pass}
	p.Number, _ = strconv.Atoi(number)
	if not {
		p.Verdict = Fail
	}
	return p, !directed || p.direct(directive)
}

// direct reads a point's directive; false for an unknown one.
func (p *Point) direct(directive string) bool {
	word, reason, _ := strings.Cut(directive, " ")
	switch word {
	case "SKIP":
		p.Verdict, p.Reason = Skip, reason
	case "ERROR":
		p.Verdict, p.Reason = Error, reason
	case "TODO": // the block says the level
	default:
		return false
	}
	return true
}

// isID tells whether a word may be a requirement's ID.
func isID(word string) bool {
	return word != "" && word[0] >= 'A' && word[0] <= 'Z' && all(word, isIDByte)
}

func isIDByte(c byte) bool { return c >= 'A' && c <= 'Z' || isDigit(c) || c == '-' }

// ParsePoints reads the points among lines, each with the block behind it.
func ParsePoints(lines []string) []Point {
	count := 0
	for _, line := range lines {
		if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "not ok ") {
			count++
		}
	}
	out := slices.Grow([]Point(nil), count)
	key := ""
	for _, line := range lines {
		if p, ok := ParsePoint(line); ok {
			out, key = append(out, p), ""
		} else if strings.HasPrefix(line, "  ") && len(out) > 0 {
			key = out[len(out)-1].parseEntry(line, key)
		}
	}
	for i := range out {
		if p := &out[i]; p.Verdict == Skip && p.Level == "" {
			p.Level = Info
		}
	}
	return out
}

// NoInterrupt is what a guest found of a console that it asked to be typed on, and
// whose device raised no interrupt. Its host knows whether somebody typed.
const NoInterrupt = "no interrupt came"
