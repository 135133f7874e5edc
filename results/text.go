package results

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"

	"vmspec/results/report"
)

// A Tone is what a word is to its reader; who prints it chooses the colour.
type Tone int

// The tones.
const (
	Good Tone = iota
	Bad
	Doubtful
	Missed
	Quiet
)

// Text is a report for people: failures, errors and missed recommendations, each
// with its fix; then notes and the reasons of skips; the verdict last. No line has
// more than 80 columns.
type Text struct {
	Name    string // of the target, the log, the capture or the image
	Strict  bool   // a missed recommendation counts as a failed must does
	Verbose bool   // all notes, and all IDs of the skips
	// Paint colours a word; nil leaves it.
	Paint func(word string, tone Tone) string
}

// columns is the width of a terminal, and indent where a point's text begins.
const (
	columns = 80
	indent  = 9
)

// Of returns the text, which ends in a line end.
func (t Text) Of(r *Report) string {
	w := page{Text: t, report: r.platformFirst()}
	w.plain(fmt.Sprintf("%s, by %s, vmspec %s", t.Name, r.Profile, r.Version))
	w.plain(r.Counted().String())
	for _, party := range w.report.Parties() {
		w.party(party)
	}
	w.notes()
	w.skips()
	w.list("note", w.report.remarks())
	w.verdict()
	return w.out.String()
}

// party writes what failed of a party, was in error, or was missed.
func (w *page) party(party report.Party) {
	var failed, open, missed, waived []Point
	for _, p := range w.report.Points {
		switch {
		case p.Party() != party || p.Level == report.Info:
		case p.Verdict == Error:
			open = append(open, p)
		case w.report.waived(p):
			waived = append(waived, p)
		case p.Verdict != Fail || w.follows(p):
		case p.Must():
			failed = append(failed, p)
		default:
			missed = append(missed, p)
		}
	}
	for _, p := range failed {
		w.failure("failed", Bad, p)
	}
	w.errors(open)
	for _, p := range missed {
		w.failure("missed", Missed, p)
	}
	for _, p := range waived {
		w.failure("waived", Quiet, p)
	}
}

// platformFirst returns the report with the image's points behind all others,
// unless an image was judged.
func (r *Report) platformFirst() *Report {
	image := func(p Point) bool { return strings.HasPrefix(p.ID, "IMG-") }
	if slices.ContainsFunc(r.Points, func(p Point) bool { return image(p) && p.Verdict != Skip }) {
		return r
	}
	out := *r
	out.Points = slices.DeleteFunc(slices.Clone(r.Points), image)
	for _, p := range r.Points {
		if image(p) {
			out.Points = append(out.Points, p)
		}
	}
	return &out
}

// A page is a text being written.
type page struct {
	Text
	report *Report
	out    strings.Builder
}

func (w *page) line(text string) { w.out.WriteString(text + "\n") }

// plain writes a text from the first column on.
func (w *page) plain(value string) {
	for line := range strings.Lines(text.WrapSoft(OneLine(value), columns)) {
		w.line(noCommand(strings.TrimRight(line, " \n")))
	}
}

// noCommand takes from a line what GitHub Actions takes for a command, if it stands
// at the line's beginning: a text may be wrapped anywhere.
func noCommand(line string) string {
	if rest, found := strings.CutPrefix(line, "::"); found {
		return ": :" + rest
	}
	return line
}

func (w *page) paint(word string, tone Tone) string {
	if w.Paint == nil {
		return word
	}
	return w.Paint(word, tone)
}

// entry writes a label and, to its right, a text of any number of lines.
func (w *page) entry(label string, tone Tone, value string) {
	pad := strings.Repeat(" ", max(indent-len(label), 1))
	start := w.paint(label, tone) + pad
	for line := range strings.Lines(text.WrapSoft(OneLine(value), columns-indent)) {
		w.line(start + noCommand(strings.TrimRight(line, " \n")))
		start = strings.Repeat(" ", indent)
	}
}

// cause returns the ID of the failure at the root of a point's chain; the point's
// own if none explains it.
func (r *Report) cause(p Point) string {
	for range r.Points { // no chain is longer, unless it has no end
		cause, ok := r.Point(p.Follows)
		if !ok || cause.Verdict != Fail || !r.Counts(cause) {
			return p.ID
		}
		p = cause
	}
	return p.ID
}

// follows tells whether a failure is listed under the one that explains it.
func (w *page) follows(p Point) bool { return w.report.cause(p) != p.ID }

// failure writes a point that failed, and beneath it what follows from it.
func (w *page) failure(label string, tone Tone, p Point) {
	w.line("")
	w.entry(label, tone, p.ID+"  "+p.Title)
	if waiver := w.report.waivers[p.ID]; waiver != nil {
		w.entry(" result", Quiet, string(OutcomeOf(p)))
		w.entry(" waived", Quiet, waiver.Describe())
	}
	w.entry(" asked", Quiet, w.asked(p))
	for _, e := range []struct{ label, value string }{{" problem", p.Problem}, {" found", p.Found}, {" fix", p.Fix}, {" boot", p.Boot}} {
		if e.value != "" {
			w.entry(e.label, Quiet, e.value)
		}
	}
	var failed, missed []string
	for _, q := range w.report.Points {
		switch {
		case q.ID == p.ID || q.Verdict != Fail || !w.report.Counts(q) || w.report.cause(q) != p.ID:
		case q.Must():
			failed = append(failed, q.ID)
		default:
			missed = append(missed, q.ID)
		}
	}
	for _, e := range []struct {
		what string
		ids  []string
	}{{"failed, since they rest on it: ", failed}, {"missed, since they rest on it: ", missed}} {
		if len(e.ids) > 0 {
			w.entry(" also", Quiet, e.what+strings.Join(e.ids, ", "))
		}
	}
}

// asked says how strongly a point is asked and where, and of which party if that is
// not the report's own.
func (w *page) asked(p Point) string {
	text := strings.TrimSuffix(string(p.Level)+", "+p.Clause, ", ")
	if party := p.Party(); party != w.report.Party() {
		text += ", of " + who[party]
	}
	return text
}

// errors writes the points in error, each reason once.
func (w *page) errors(points []Point) {
	for _, g := range grouped(points, why, func(Point) bool { return true }) {
		w.line("")
		w.entry("error", Doubtful, strings.Join(g.ids, ", "))
		w.entry(" reason", Quiet, g.reason)
	}
}

// notes writes what is reported and not counted: failures, and with Verbose
// everything.
func (w *page) notes() {
	var notes []string
	var open []string
	for _, p := range w.report.Points {
		switch {
		case p.Level != report.Info:
		case p.Verdict == Fail:
			notes = append(notes, p.ID+": "+p.Problem)
		case p.Verdict == Error && w.Verbose:
			notes = append(notes, p.ID+": could not tell: "+why(p))
		case p.Verdict == Error:
			open = append(open, p.ID)
		case p.Verdict == Pass && w.Verbose:
			notes = append(notes, p.ID+": ok: "+p.Found)
		}
	}
	if len(open) > 0 {
		notes = append(notes, fmt.Sprintf("could not tell of %d (-v says why): %s", len(open), strings.Join(open, ", ")))
	}
	w.list("note", notes)
}

// list writes an entry for each text, with a line before them.
func (w *page) list(label string, texts []string) {
	if len(texts) > 0 {
		w.line("")
	}
	for _, t := range texts {
		w.entry(label, Quiet, t)
	}
}

// why is the reason of an error, in full if the report has that.
func why(p Point) string { return cmp.Or(p.Problem, p.Reason) }

// skips writes a line for each reason of a skip. In any one run most of the
// catalogue does not apply.
func (w *page) skips() {
	var lines []string
	for _, g := range grouped(w.report.Points, func(p Point) string { return p.Reason }, func(p Point) bool { return p.Verdict == Skip }) {
		if w.Verbose {
			lines = append(lines, g.reason+": "+strings.Join(g.ids, " "))
		} else {
			lines = append(lines, shorten(g.reason+": ", g.ids))
		}
	}
	w.list("skipped", lines)
}

// shorten lists as many IDs as a line holds, and counts the others.
func shorten(start string, ids []string) string {
	line := start + strings.Join(ids, " ")
	for n := len(ids) - 1; len(line) > columns-indent && n >= 0; n-- {
		line = fmt.Sprintf("%s%s ... %d more", start, strings.Join(ids[:n], " "), len(ids)-n)
	}
	return line
}

// remarks say how the report arrived, and what the host saw.
func (r *Report) remarks() (all []string) {
	if r.Prefix != "" {
		all = append(all, fmt.Sprintf("read behind a prefix on each line, at first %q", r.Prefix))
	}
	if r.Repaired != "" {
		all = append(all, "repaired: "+r.Repaired)
	}
	if r.Later {
		all = append(all, "a later report in the same log is not whole")
	}
	for _, seen := range r.Observed {
		all = append(all, "seen by the host: "+seen)
	}
	return all
}

// tones are those of the conclusions.
var tones = map[Conformance]Tone{Conformant: Good, MetAsChosen: Good, NotConformant: Bad, CouldNotTell: Doubtful}

func (w *page) verdict() {
	conclusion, _ := w.report.Conclude(w.Strict)
	word := Words(conclusion)
	first, rest, _ := strings.Cut(text.WrapSoft(OneLine(w.report.Sentence(w.Strict)), columns), "\n")
	w.line("")
	w.line(w.paint(word, tones[conclusion]) + strings.TrimRight(strings.TrimPrefix(first, word), " "))
	w.plain(rest)
	for _, other := range w.report.Others(w.Strict) {
		w.plain("beside it, " + other)
	}
	if next := w.report.next(conclusion); next != "" {
		w.plain("next: " + next)
	}
}

// A group is the points with one reason.
type group struct {
	reason string
	ids    []string
}

// grouped returns the chosen points by a reason, in the order in which these
// come.
func grouped(points []Point, reason func(Point) string, choose func(Point) bool) (groups []group) {
	for _, p := range points {
		if !choose(p) {
			continue
		}
		at := slices.IndexFunc(groups, func(g group) bool { return g.reason == reason(p) })
		if at < 0 {
			groups, at = append(groups, group{reason: reason(p)}), len(groups)
		}
		groups[at].ids = append(groups[at].ids, p.ID)
	}
	return groups
}

// OneLine replaces what would move the cursor of a terminal, turn the direction of
// its text, or be a command to a CI.
func OneLine(value string) string {
	value = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.In(c, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return c
	}, value)
	return spaced(value)
}
