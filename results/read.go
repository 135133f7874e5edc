package results

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const (
	version       = "TAP version 13"
	parameterMark = "# vmspec: parameter "
)

var (
	headLine    = regexp.MustCompile(`^# vmspec (\S+) catalogue=(\S+) profile=(\S+) arch=(\S+) nonce=(\S+)$`)
	verdictLine = regexp.MustCompile(`^# vmspec: verdict (conformant|not-conformant|could-not-tell): .*$`)
	endLine     = regexp.MustCompile(`^# vmspec: end points=(0|[1-9]\d{0,3}) sha256=([0-9a-f]{64}) nonce=(\S+)$`)
)

// ofReport tells whether what stands behind "# vmspec: " is the report's.
func ofReport(said string) bool {
	word, _, _ := strings.Cut(said, " ")
	return word == "parameter" || word == "verdict" || word == "end"
}

// isOfReport tells whether a line may be one of a report, but its first and
// its last. The first byte decides for most of a log.
func isOfReport(line string) bool {
	if line == "" {
		return false
	}
	switch line[0] {
	case 'o', 'n':
		_, ok := parsePoint(line)
		return ok
	case ' ':
		return isBlock(line)
	case '1':
		_, ok := plan(line)
		return ok
	case '#':
		return headLine.MatchString(line) || strings.HasPrefix(line, parameterMark) || verdictLine.MatchString(line)
	}
	return false
}

// isBlock tells whether a line is of a point's block: a mark of its begin or
// end, a key with or without a value, or a piece of one.
func isBlock(line string) bool {
	text, indented := strings.CutPrefix(line, "  ")
	if !indented || text == "---" || text == "..." {
		return indented
	}
	if piece, ok := strings.CutPrefix(text, "  - "); ok {
		return isQuoted(piece)
	}
	key, value, ok := strings.Cut(text, ":")
	return ok && key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz") == "" &&
		(value == "" || value[0] == ' ' && isQuoted(value[1:]))
}

func isQuoted(text string) bool {
	return len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"'
}

// plan reads a plan: "1..53".
func plan(line string) (points int, ok bool) {
	number, ok := strings.CutPrefix(line, "1..")
	if !ok || !digits(number) {
		return 0, false
	}
	points, _ = strconv.Atoi(number)
	return points, true
}

// digits tells whether text is one to four decimal digits.
func digits(text string) bool {
	return text != "" && len(text) <= 4 && strings.Trim(text, "0123456789") == ""
}

// parsePoint reads a point's own line:
//
//	ok 1 - ID TITLE
//	not ok 2 - ID TITLE # DIRECTIVE REASON
//
// A directive that it knows overrules the ok.
func parsePoint(line string) (p Point, ok bool) {
	text, not := strings.CutPrefix(line, "not ")
	if text, ok = strings.CutPrefix(text, "ok "); !ok {
		return p, false
	}
	number, text, ok := strings.Cut(text, " - ")
	if !ok || !digits(number) {
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
	if !directed {
		return p, true
	}
	word, reason, _ := strings.Cut(directive, " ")
	switch word {
	case "SKIP":
		p.Verdict, p.Reason = Skip, reason
	case "ERROR":
		p.Verdict, p.Reason = Error, reason
	case "TODO":
	default:
		return p, false
	}
	return p, true
}

// isID tells whether a word may be a requirement's ID.
func isID(word string) bool {
	return word != "" && word[0] >= 'A' && word[0] <= 'Z' && strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

// A reading is one way to read a log.
type reading struct {
	*Parser
	source string // of the lines' prefix
	now    *Report
}

// line takes a line that may be of the report.
func (p *reading) line(line, prefix string) bool {
	// Firmware and kernel may leave something on the line before.
	if strings.HasSuffix(line, version) {
		p.abandon()
		p.now = &Report{Lines: []string{version}, Prefix: prefix}
		return false
	}
	if p.now == nil {
		return false
	}
	if strings.HasPrefix(line, "# vmspec: end ") {
		if m := endLine.FindStringSubmatch(line); m != nil {
			return p.end(line, m)
		}
	}
	if isOfReport(line) {
		p.now.Lines = append(p.now.Lines, line)
	}
	if len(p.now.Lines) > maxLines {
		p.abandon()
	}
	return false
}

// maxLines bounds a report; one of 200 points has some 2,000 lines.
const maxLines = 20_000

// end checks the report against its last line.
func (p *reading) end(line string, m []string) bool {
	r := p.now
	p.now = nil
	r.check(m)
	r.Lines = append(r.Lines, line)
	if !p.wanted(cmp.Or(r.Nonce, m[3])) {
		return false
	}
	if r.Incomplete != nil {
		p.keep(r)
		return false
	}
	p.whole = r
	return true
}

// check reads the report's lines and holds them against the last one.
func (r *Report) check(end []string) {
	hash := sha256.Sum256([]byte(strings.Join(r.Lines, "\n") + "\n"))
	r.readHead()
	if hex.EncodeToString(hash[:]) != end[2] {
		r.Incomplete = errors.New("its lines do not match its hash")
		return
	}
	points, _ := strconv.Atoi(end[1])
	r.Points = readPoints(r.Lines)
	switch {
	case points != len(r.Points) || points != r.Planned:
		r.Incomplete = fmt.Errorf("its end line speaks of %d points, its plan of %d, and there are %d", points, r.Planned, len(r.Points))
	case end[3] != r.Nonce:
		r.Incomplete = fmt.Errorf("its end line carries the nonce %s, its head %q", end[3], r.Nonce)
	}
}

// abandon keeps a report that has no end line as incomplete.
func (p *reading) abandon() {
	r := p.now
	if p.now = nil; r == nil {
		return
	}
	r.readHead()
	if r.Nonce != "" && !p.wanted(r.Nonce) {
		return
	}
	r.Incomplete = errors.New("it has no end line")
	p.keep(r)
}

// readHead reads what the report's lines say, but its points.
func (r *Report) readHead() {
	for _, line := range r.Lines {
		if points, ok := plan(line); ok {
			r.Planned = points
		}
		if line[0] != '#' {
			continue
		}
		if m := headLine.FindStringSubmatch(line); m != nil {
			r.Version, r.Catalogue, r.Profile, r.Arch, r.Nonce = m[1], m[2], m[3], m[4], m[5]
		}
		if m := verdictLine.FindStringSubmatch(line); m != nil {
			r.Verdict = m[1]
		}
	}
}

// readPoints reads the points among lines, each with the block behind it.
func readPoints(lines []string) []Point {
	var out []Point
	key := ""
	for _, line := range lines {
		if p, ok := parsePoint(line); ok {
			out, key = append(out, p), ""
		} else if strings.HasPrefix(line, "  ") && len(out) > 0 {
			key = out[len(out)-1].take(line, key)
		}
	}
	for i := range out {
		if p := &out[i]; p.Verdict == Skip && p.Level == "" {
			p.Level = told
		}
	}
	return out
}

// told is the level of what no profile asks. Skipped, it has no block to say so.
const told = "info"

// take reads a line of the point's block, the key of the line before being
// given, and returns the key.
func (p *Point) take(line, key string) string {
	text := strings.TrimSpace(line)
	piece, listed := strings.CutPrefix(text, "- ")
	if !listed {
		key, piece, _ = strings.Cut(text, ":")
	}
	var value string
	if into := p.field(key); into != nil && unquote(strings.TrimSpace(piece), &value) {
		*into += value
	}
	return key
}

// unquote reads a JSON string; most need no more than their quotes taken off.
func unquote(text string, into *string) bool {
	special := func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }
	if isQuoted(text) && strings.IndexFunc(text[1:len(text)-1], special) < 0 {
		*into = text[1 : len(text)-1]
		return true
	}
	return json.Unmarshal([]byte(text), into) == nil
}

// field is where the value of a block's key goes.
func (p *Point) field(key string) *string {
	switch key {
	case "level":
		return &p.Level
	case "clause":
		return &p.Clause
	case "kind":
		return &p.Kind
	case "problem":
		return &p.Problem
	case "found":
		return &p.Found
	case "fix":
		return &p.Fix
	}
	return nil
}

// maxGone is how many missing points are named: a plan may promise thousands.
const maxGone = 50

// missing names the planned points that are not there.
func (r *Report) missing() error {
	there := map[int]bool{}
	for _, pt := range r.Points {
		there[pt.Number] = true
	}
	var gone []string
	for n := 1; n <= r.Planned && len(gone) < maxGone; n++ {
		if !there[n] {
			gone = append(gone, strconv.Itoa(n))
		}
	}
	switch {
	case r.Planned == 0:
		return errors.New("its plan is missing")
	case len(gone) == 0:
		return nil
	}
	return fmt.Errorf("of %d points, missing: %s", r.Planned, strings.Join(gone, " "))
}
