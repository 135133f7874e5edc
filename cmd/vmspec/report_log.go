package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
)

// A serialLog is what a log holds.
type serialLog struct {
	name       string
	parser     results.Parser
	lines      int
	reports    []*results.Report // that are whole
	last       []*results.Report // boots, one of each source
	traces     []results.Trace   // of boots without a report
	unreported []string          // sources that began and have no whole report
	symptom    string            // of its last guest, and that one's last lines
	err        error             // why none is whole, of type undecided; nil if one is
}

// readLog reads a log to its end; also takes its lines, too. An error is about
// reading, or says that it is no log.
func readLog(in io.Reader, name, nonce string, also ...func(line string)) (*serialLog, error) {
	content, err := openContent(in, name)
	if err != nil {
		return nil, err
	}
	head, _ := content.Peek(kindHead)
	head = append([]byte(nil), head...)
	log := &serialLog{name: name, parser: results.Parser{Nonce: nonce}}
	var health results.Health
	var end lastLines
	var held nonces
	parse := newLineQueue(func(line string) { log.parser.Line(line) })
	err = results.EachRecord(content, func(line string) {
		log.lines++
		parse.put(line)
		if nonce != "" {
			held.line(line)
		}
		health.Take(line)
		end.take(line)
		for _, take := range also {
			take(line)
		}
	})
	parse.end()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	report, err := log.parser.Report()
	log.reports, log.traces = log.parser.Reports()
	log.last = results.LastBoots(log.reports)
	log.err = log.why(report, err, &health, end.shown(), held, head)
	log.symptom = symptomOf(&health, end.shown())
	return log, nil
}

// why says why no report of a log is whole; nil if one is.
func (l *serialLog) why(report *results.Report, err error, h *results.Health, last vmm.Last, held nonces, head []byte) error {
	why := symptomOf(h, last)
	if said := l.parser.Doing(); said != "" {
		why = "; " + lastWord(said) + why
	}
	switch {
	case errors.Is(err, results.ErrNoReport) && held.others(l.parser.Nonce) != "":
		return undecided{fmt.Errorf("%s: the log holds %s", l.name, held.others(l.parser.Nonce))}
	case errors.Is(err, results.ErrNoReport):
		return undecided{fmt.Errorf("%s: %w, %d lines%s", l.name, err, l.lines, why+l.whatItIs(h, last, head))}
	case err != nil:
		return err
	case report.Incomplete != nil:
		return undecided{fmt.Errorf("%s: the report is incomplete: %s%s", l.name,
			strings.ReplaceAll(report.Incomplete.Error(), "\n", "; "), why)}
	}
	return nil
}

// whatItIs says what a log without a report is, and its last words, unless a
// symptom or the suite has told them.
func (l *serialLog) whatItIs(h *results.Health, last vmm.Last, head []byte) string {
	what := h.Reached()
	switch packed := inBase64(head, l.name); {
	case packed != "":
		return "; " + packed
	case !isText(head):
		return "; it is no text: is it a console's log?"
	case h.Symptom != "" || l.parser.Doing() != "":
		return ""
	}
	if what != "" {
		what = "; " + what
	}
	if len(last) == 0 {
		return what
	}
	return what + "\nits last lines:\n" + indent(last)
}

// symptomOf says why a log's guest could not go on, and what it printed last; empty
// where it could.
func symptomOf(h *results.Health, last vmm.Last) string {
	if h.Symptom == "" {
		return ""
	}
	return fmt.Sprintf("; line %d: %s\nthe guest's last lines:\n%s", h.Line, h.Symptom, indent(last))
}

// lastLines are a log's last lines as they are.
type lastLines struct {
	lines [32]string
	n     int
}

func (l *lastLines) take(line string) {
	if line != "" {
		l.lines[l.n%len(l.lines)] = line
		l.n++
	}
}

// shown are the last of them as a person reads them.
func (l *lastLines) shown() (last vmm.Last) {
	for i := range l.lines {
		last.Take(l.lines[(l.n+i)%len(l.lines)])
	}
	return last
}

// settle applies to the last boots what the profile, the host's record, what is
// claimed, and what follows in the log say.
func (f *reportFlags) settle(l *serialLog, stderr io.Writer) error {
	for _, r := range l.last { // before the record's own claims
		if err := f.vm.apply(stderr, r, l.name); err != nil {
			return err
		}
	}
	record := observeBeside(stderr, l)
	if f.nonce == "" {
		l.outdate(record)
	}
	for i, r := range l.last {
		other, err := f.profiles.one(r, l.name)
		if err != nil {
			return err
		}
		l.last[i] = other
	}
	return nil
}

// errUnreported says which sources have no whole report.
func (l *serialLog) errUnreported() error {
	return undecided{fmt.Errorf("%s: no whole report of %s", l.name, strings.Join(l.unreported, ", "))}
}

// ownEnd is how many lines a VM may have written when its run was ended since it
// booted again.
const ownEnd = 20

// outdate takes reports for outdated behind which another boot began. A run that
// ended its VM then has its record say so.
func (l *serialLog) outdate(record *results.HostRun) {
	for _, t := range l.traces {
		if source, ok := t.Unreported(l.last); ok {
			if !slices.Contains(l.unreported, source) {
				l.unreported = append(l.unreported, source)
			}
			continue
		}
		r := l.before(t)
		if r.Outdated != "" || record != nil && record.Killed && record.Nonce == r.Nonce && (record.Rebooted || l.lines-int(t.At) < ownEnd) {
			continue
		}
		r.Outdated = fmt.Sprintf("line %d tells of a later boot, whose report is not there: %s (%s); --nonce %s takes the report before it",
			t.At, t.Meaning, clip(results.OneLine(strings.TrimSpace(t.Text))), r.Nonce)
	}
}

// before returns the last boot behind which a line tells of another one.
func (l *serialLog) before(t results.Trace) *results.Report {
	best := l.last[0]
	for _, r := range l.last {
		if t.Of(r) {
			return r
		}
		if r.Last < t.At && r.Last > best.Last {
			best = r
		}
	}
	return best
}

// clip shortens a line of a guest to what a sentence bears.
func clip(text string) string { return clipTo(text, 60) }

func clipTo(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most-3] + "..."
}

// list has a line for each report, if there are several; else it is empty.
func (l *serialLog) list(strict bool) string {
	unfinished := 0
	for _, t := range l.traces {
		unfinished += map[bool]int{true: 1}[t.BeginsReport()]
	}
	if len(l.reports)+unfinished < 2 && l.parser.Forgotten == 0 {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d reports in the log; the last boot of each source counts, the worst of them:\n", len(l.reports)+unfinished+l.parser.Forgotten)
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	if l.parser.Forgotten > 0 {
		fmt.Fprintf(w, "  %d earlier ones\n", l.parser.Forgotten)
	}
	for _, r := range l.reports {
		fmt.Fprintf(w, "  lines %d-%d\t%s\tboot %d\tnonce %s\t%s\n", r.First, r.Last, clip(results.OneLine(r.Source)), r.Boot, r.Nonce, l.verdict(r, strict))
	}
	for _, t := range l.traces {
		if t.BeginsReport() {
			fmt.Fprintf(w, "  line %d\t%s\t\t\t%s\n", t.At, clip(results.OneLine(strings.TrimSpace(t.Text))), t.Meaning)
		}
	}
	_ = w.Flush() // a Builder takes everything
	return out.String()
}

// verdict says what a report of several concludes.
func (l *serialLog) verdict(r *results.Report, strict bool) string {
	for _, last := range l.last {
		if last.Last == r.Last && last.Source == r.Source {
			c, _ := last.Conclude(strict)
			return results.Words(c)
		}
	}
	c, _ := r.Conclude(strict)
	return results.Words(c) + ", not the last boot"
}

// observeBeside judges by the record that lies beside a log, if there is one,
// and returns it. What is damaged, or another run's, must not cost a good log its
// verdict.
func observeBeside(stderr io.Writer, l *serialLog) *results.HostRun {
	name := l.name + results.HostRunSuffix
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var record *results.HostRun
	if err == nil {
		defer f.Close()
		record, err = results.ReadHostRun(f)
	}
	if err == nil {
		err = l.observe(record)
	}
	if err != nil {
		fmt.Fprintf(stderr, "vmspec: %s is passed over: %v\n", name, err)
		return nil
	}
	return record
}

// observe judges by the record of a run: its report, if there are several.
func (l *serialLog) observe(record *results.HostRun) error {
	err := fmt.Errorf("%w: with the nonce %s, which no last boot has", results.ErrOtherRun, record.Nonce)
	for _, r := range l.last {
		if len(l.last) == 1 || record.Nonce != "" && r.Nonce == record.Nonce {
			err = observe(r, record)
		}
	}
	for _, r := range l.reports {
		if err == nil && !slices.Contains(l.last, r) {
			r.TakePart(record)
		}
	}
	return err
}
