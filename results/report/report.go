// Package report is the format in which a guest reports: what the lines are,
// and how they are written and read. Each kind of line is written and parsed in
// one file.
//
//	TAP version 13
//	1..17
//	# vmspec VERSION catalogue=HASH profile=PROFILE arch=ARCH nonce=NONCE
//	ok 1 - FW-UEFI-BOOT The VM boots through UEFI firmware
//	  ---
//	  level: "must"
//	  ...
//	# vmspec: verdict conformant: 0 of 14 musts judged failed; 0 not judged
//	# vmspec: end points=17 sha256=HASH nonce=NONCE
//	# v1 NONCE SEQ/TOTAL CRC BASE64
//
// It knows no requirement, touches no machine and imports the standard library
// alone: the guest, which writes reports, carries it, and so does the host,
// which reads them.
package report

import "fmt"

// MaxLine is the longest line of a report, in bytes without its end.
const MaxLine = 120

// A Report is what one guest says by one profile.
type Report struct {
	Head
	Planned  int      // how many points its plan announces; TAP counts them
	Problems []string // parameters of the suite that were wrong
	Choice   Choice
	Points   []Point
	Verdict  Conformance // its own, on its party; TAP draws it from the points
	// Stopped says where the VM stopped, such as "in trial disks", if the report is
	// provisional.
	Stopped string
	// Appendix is what the frames add; nil if they are not there.
	Appendix *Appendix
}

// TAP returns the report's lines, without line ends. None is longer than
// MaxLine.
func (r *Report) TAP() []string {
	lines := []string{Begin, planLine(len(r.Points)), r.Head.line()}
	for _, problem := range r.Problems {
		lines = append(lines, parameterLine(problem))
	}
	lines = append(lines, r.Choice.lines()...)
	if r.Stopped != "" {
		lines = append(lines, stoppedLine(r.Stopped))
	}
	for i := range r.Points {
		lines = append(lines, r.Points[i].lines()...)
	}
	lines = append(lines, r.verdictLines()...)
	return append(lines, endOf(lines, len(r.Points), r.Nonce).line())
}

// Wire returns all that a guest writes to a console: the report, then its
// frames so many times.
func (r *Report) Wire(copies int) []string {
	lines := r.TAP()
	if copies == 0 {
		return lines
	}
	frames := r.frames(lines)
	for range copies {
		lines = append(lines, frames...)
	}
	return lines
}

// IsLine tells whether a line may be one of a report, except its first and its
// last. The first byte decides for most of a log.
func IsLine(line string) bool {
	if line == "" {
		return false
	}
	ok := false
	switch line[0] {
	case 'o', 'n':
		_, ok = ParsePoint(line)
	case ' ':
		ok = isBlock(line)
	case '1':
		_, ok = parsePlan(line)
	case '#':
		ok = isComment(line)
	}
	return ok
}

// isComment tells whether a comment is one of a report.
func isComment(line string) bool {
	if _, ok := parseParameter(line); ok {
		return true
	}
	if _, ok := parseStopped(line); ok {
		return true
	}
	if _, _, ok := parseVerdict(line); ok || new(Choice).parse(line) {
		return true
	}
	_, ok := parseHead(line)
	return ok
}

// Parse reads the lines before the end line and checks them against it. With
// an error it returns what ParseSummary does.
func Parse(lines []string, end End) (Report, error) {
	r := ParseSummary(lines)
	if err := end.checkHash(lines); err != nil {
		return r, err
	}
	points := ParsePoints(lines)
	switch {
	case end.Points != len(points) || end.Points != r.Planned:
		return r, fmt.Errorf("its end line speaks of %d points, its plan of %d, and there are %d", end.Points, r.Planned, len(points))
	case end.Nonce != r.Nonce:
		return r, fmt.Errorf("its end line carries the nonce %s, its head %q", end.Nonce, r.Nonce)
	}
	r.Points = points
	return r, nil
}

// ParseSummary reads what a report's lines say, except its points. Of a damaged
// report it returns what is left.
func ParseSummary(lines []string) Report {
	var r Report
	for _, line := range lines {
		if points, ok := parsePlan(line); ok {
			r.Planned = points
		}
		if line == "" || line[0] != '#' {
			continue
		}
		if head, ok := parseHead(line); ok {
			r.Head = head
		}
		if problem, ok := parseParameter(line); ok {
			r.Problems = append(r.Problems, problem)
		}
		if where, ok := parseStopped(line); ok {
			r.Stopped = where
		}
		if verdict, party, ok := parseVerdict(line); ok && party == "" {
			r.Verdict = verdict
		}
		r.Choice.parse(line)
	}
	return r
}
