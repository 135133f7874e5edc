// Package results reads what guests wrote on their serial consoles and says
// what follows from it.
//
// A report is believed only when it is whole: its last line states the number
// of points, a nonce, and a hash over every line before. Lines between that
// are no part of a report, such as the kernel's, are set aside, and so are
// escape sequences, control characters, and the time or the domain that
// somebody wrote before every line. Everything else is incomplete, and an
// incomplete report is never a verdict.
package results

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Verdict is what became of one requirement.
type Verdict string

const (
	Pass  Verdict = "pass"
	Fail  Verdict = "fail"
	Skip  Verdict = "skip"
	Error Verdict = "error"
)

// A Point is the result of one requirement.
type Point struct {
	Number    int
	ID, Title string
	Verdict   Verdict
	Reason    string // behind the directive of a skip or an error
	Level     string // as the guest said: "must", "should", …
	Clause    string
	Kind      string
	Problem   string
	Found     string
	Fix       string
}

// Must tells whether the requirement's failure fails the run.
func (p Point) Must() bool { return p.Level == "must" }

// A Report is one report of a guest.
type Report struct {
	Version, Catalogue, Profile, Arch, Nonce string
	Planned                                  int
	Points                                   []Point
	Verdict                                  string // the guest's own conclusion, such as "conformant"
	Lines                                    []string
	// Prefix is what somebody wrote before the report's first line and, with
	// another time, before each line after it. Lines are without it.
	Prefix string
	// Incomplete says why the report is not believed; nil if it is whole.
	Incomplete error
}

// ErrNoReport says that a log holds no report, not even the beginning of one.
var ErrNoReport = errors.New("no report in the log")

// A Parser takes a guest's output line by line.
type Parser struct {
	// Nonce chooses the reports that carry it; empty takes any.
	Nonce string

	whole, partial *Report
	plain          reading    // lines as they are
	behind         []*reading // lines behind a prefix, while a report is open there
}

// A reading is one way to read a log.
type reading struct {
	*Parser
	source string // of the lines' prefix
	now    *Report
	block  []string // of the point being read
}

// Parse reads a whole log and returns its last whole report, else its last
// incomplete one, else ErrNoReport. A read error is returned as it is.
func Parse(r io.Reader, nonce string) (*Report, error) {
	p := Parser{Nonce: nonce}
	if err := EachLine(r, func(line string) { p.Line(line) }); err != nil {
		return nil, err
	}
	return p.Report()
}

// maxLine bounds a line of a log: no report has one as long, and a guest that
// writes no line ends must not fill the host's memory.
const maxLine = 4096

// EachLine calls f with each line of r without its end: CR LF, CR CR LF or LF.
// A line that is too long comes in pieces.
func EachLine(r io.Reader, f func(line string)) error {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := in.ReadSlice('\n')
		if len(text) > 0 {
			f(strings.TrimRight(string(text), "\r\n"))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

const version = "TAP version 13"

var (
	planLine    = regexp.MustCompile(`^1\.\.(\d{1,4})$`)
	headLine    = regexp.MustCompile(`^# vmspec (\S+) catalogue=(\S+) profile=(\S+) arch=(\S+) nonce=(\S+)$`)
	pointLine   = regexp.MustCompile(`^(ok|not ok) (\d{1,4}) - ([A-Z][A-Z0-9-]*)(?: ([^#]*?))?(?: # (SKIP|TODO|ERROR)(?: (.*))?)?$`)
	blockLine   = regexp.MustCompile(`^  (---|\.\.\.|[a-z]+: ".*"|[a-z]+:|  - ".*")$`)
	paramLine   = regexp.MustCompile(`^# vmspec: parameter .*$`)
	verdictLine = regexp.MustCompile(`^# vmspec: verdict (conformant|not-conformant|could-not-tell): .*$`)
	endLine     = regexp.MustCompile(`^# vmspec: end points=(0|[1-9]\d{0,3}) sha256=([0-9a-f]{64}) nonce=(\S+)$`)
)

// maxBehind bounds how many reports are open at once behind prefixes: each may
// hold some megabytes. One too many closes the one that was begun first.
const maxBehind = 4

// Line takes one line. It returns true for the last line of a whole report
// that the parser was asked for.
func (p *Parser) Line(line string) bool {
	line = clean(line)
	p.plain.Parser = p
	done := p.plain.line(line, "")
	if len(p.behind) == 0 && !strings.HasSuffix(line, version) {
		return done
	}
	prefix, text := split(line)
	if prefix == "" {
		return done
	}
	r := p.from(source(prefix), text == version)
	if r == nil {
		return done
	}
	done = r.line(text, prefix) || done
	p.behind = slices.DeleteFunc(p.behind, func(r *reading) bool { return r.now == nil })
	return done
}

// from returns the reading of a source's lines, nil if no report is open there
// and none begins.
func (p *Parser) from(source string, begins bool) *reading {
	for _, r := range p.behind {
		if r.source == source {
			return r
		}
	}
	if !begins {
		return nil
	}
	if len(p.behind) == maxBehind {
		p.behind[0].abandon()
		p.behind = slices.Delete(p.behind, 0, 1)
	}
	r := &reading{Parser: p, source: source}
	p.behind = append(p.behind, r)
	return r
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
	if m := endLine.FindStringSubmatch(line); m != nil {
		return p.end(line, m)
	}
	if p.take(line) {
		p.now.Lines = append(p.now.Lines, line)
	}
	if len(p.now.Lines) > maxLines {
		p.abandon()
	}
	return false
}

// maxLines bounds a report; one of 200 points has some 2,000 lines.
const maxLines = 20_000

// take reads a line of a report and tells whether it is one.
func (p *reading) take(line string) bool {
	r := p.now
	if m := planLine.FindStringSubmatch(line); m != nil {
		r.Planned, _ = strconv.Atoi(m[1])
		return true
	}
	if m := headLine.FindStringSubmatch(line); m != nil {
		r.Version, r.Catalogue, r.Profile, r.Arch, r.Nonce = m[1], m[2], m[3], m[4], m[5]
		return true
	}
	if m := pointLine.FindStringSubmatch(line); m != nil {
		p.endBlock()
		r.Points = append(r.Points, point(m))
		return true
	}
	if blockLine.MatchString(line) {
		p.block = append(p.block, line)
		return true
	}
	if m := verdictLine.FindStringSubmatch(line); m != nil {
		r.Verdict = m[1]
		return true
	}
	return paramLine.MatchString(line)
}

// point reads a point's own line. A directive it knows overrules the ok.
func point(m []string) Point {
	n, _ := strconv.Atoi(m[2])
	pt := Point{Number: n, ID: m[3], Title: m[4], Verdict: Pass}
	switch {
	case m[5] == "SKIP":
		pt.Verdict, pt.Reason = Skip, m[6]
	case m[5] == "ERROR":
		pt.Verdict, pt.Reason = Error, m[6]
	case m[1] == "not ok":
		pt.Verdict = Fail
	}
	return pt
}

// endBlock gives the block that was read to the point before it.
func (p *reading) endBlock() {
	block := p.block
	p.block = nil
	if len(p.now.Points) == 0 {
		return
	}
	pt := &p.now.Points[len(p.now.Points)-1]
	fields := map[string]*string{
		"level": &pt.Level, "clause": &pt.Clause, "kind": &pt.Kind,
		"problem": &pt.Problem, "found": &pt.Found, "fix": &pt.Fix,
	}
	key := ""
	for _, line := range block {
		text := strings.TrimSpace(line)
		piece, listed := strings.CutPrefix(text, "- ")
		if !listed {
			key, piece, _ = strings.Cut(text, ":")
		}
		var value string
		if json.Unmarshal([]byte(strings.TrimSpace(piece)), &value) == nil && fields[key] != nil {
			*fields[key] += value
		}
	}
}

// end checks the report against its last line.
func (p *reading) end(line string, m []string) bool {
	r := p.now
	p.endBlock()
	hash := sha256.Sum256([]byte(strings.Join(r.Lines, "\n") + "\n"))
	points, _ := strconv.Atoi(m[1])
	switch {
	case hex.EncodeToString(hash[:]) != m[2]:
		r.Incomplete = errors.Join(errors.New("its lines do not match its hash"), r.missing())
	case points != len(r.Points) || points != r.Planned:
		r.Incomplete = fmt.Errorf("its end line speaks of %d points, its plan of %d, and there are %d", points, r.Planned, len(r.Points))
	case m[3] != r.Nonce:
		r.Incomplete = fmt.Errorf("its end line carries the nonce %s, its head %q", m[3], r.Nonce)
	}
	r.Lines = append(r.Lines, line)
	p.now = nil
	if p.Nonce != "" && cmp.Or(r.Nonce, m[3]) != p.Nonce {
		return false
	}
	if r.Incomplete != nil {
		p.keep(r)
		return false
	}
	p.whole = r
	return true
}

// keep keeps the last incomplete report, but none that has only begun: behind
// a prefix a report is read, and as the lines are it is not.
func (p *Parser) keep(r *Report) {
	if p.partial == nil || r.Planned > 0 || len(r.Points) > 0 {
		p.partial = r
	}
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

// abandon keeps a report that has no end line as incomplete.
func (p *reading) abandon() {
	r := p.now
	if p.now = nil; r == nil {
		return
	}
	p.now = r
	p.endBlock()
	p.now = nil
	if p.Nonce != "" && r.Nonce != "" && r.Nonce != p.Nonce {
		return
	}
	r.Incomplete = errors.Join(errors.New("it has no end line"), r.missing())
	p.keep(r)
}

// Report returns what was found so far, as Parse does.
func (p *Parser) Report() (*Report, error) {
	for _, r := range p.behind {
		r.abandon()
	}
	if p.plain.Parser != nil {
		p.plain.abandon()
	}
	switch {
	case p.whole != nil:
		return p.whole, nil
	case p.partial != nil:
		return p.partial, nil
	}
	return nil, ErrNoReport
}
