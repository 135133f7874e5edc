package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/suite"
)

// outputFlags say how a report is printed and concluded from.
type outputFlags struct {
	format          string
	strict, verbose bool
	waivers         waiversFlag
}

func (o *outputFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&o.format, "format", "", "text, tap, markdown, json, junit, html or github (default text on a terminal, else tap)")
	c.Flags().BoolVar(&o.strict, "strict", false, "let a missed recommendation count as a failed must does")
	_ = c.RegisterFlagCompletionFunc("format", formatNames) // it was just registered
	o.waivers.register(c)
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "in text, all notes and all that was skipped")
}

func (o *outputFlags) check() error {
	if o.format == "" || o.format == "text" || o.format == "tap" || o.isDocument() {
		return nil
	}
	return fmt.Errorf("--format %s: the formats are text, tap, %s", o.format, documentNames())
}

// finish prints a whole report and returns its verdict.
func (o *outputFlags) finish(w io.Writer, name string, report *results.Report) error {
	complete(report)
	o.waivers.apply(report, name)
	if o.isDocument() {
		return o.write(w, results.Entry{Name: name, Report: report})
	}
	if err := o.print(w, name, report); err != nil {
		return err
	}
	if conclusion, _ := report.Conclude(o.strict); conclusion.ExitStatus() != 0 {
		return verdict(conclusion)
	}
	return nil
}

// tap tells whether a report is printed as TAP.
func (o *outputFlags) tap(w io.Writer) bool {
	return o.format == "tap" || o.format == "" && !isTerminal(w)
}

func (o *outputFlags) print(w io.Writer, name string, report *results.Report) error {
	if o.tap(w) {
		return printTAP(w, name, report, o.strict)
	}
	_, err := io.WriteString(w, o.page(w, name).Of(report))
	return err
}

// page is how text on w looks.
func (o *outputFlags) page(w io.Writer, name string) results.Text {
	return results.Text{Name: name, Strict: o.strict, Verbose: o.verbose, Paint: func(word string, tone results.Tone) string {
		return paint(w, word, colors[tone]...)
	}}
}

// colors are those of a text's words.
var colors = map[results.Tone][]text.Color{
	results.Good:     {text.FgGreen, text.Bold},
	results.Bad:      {text.FgRed, text.Bold},
	results.Doubtful: {text.FgMagenta, text.Bold},
	results.Missed:   {text.FgYellow, text.Bold},
	results.Quiet:    {text.Faint},
}

// labels name what a person should look at, and their colours.
var labels = map[results.Verdict]struct {
	word  string
	color text.Color
}{
	results.Fail:  {"failed", text.FgRed},
	results.Error: {"error", text.FgMagenta},
	results.Skip:  {"skipped", text.FgCyan},
}

// printTAP prints the report as the guest wrote it, then a summary as TAP
// comments: the stream remains one that TAP consumers take.
func printTAP(w io.Writer, name string, r *results.Report, strict bool) error {
	var b strings.Builder
	for _, line := range r.Lines {
		b.WriteString(paintPoint(w, harmless(line)) + "\n")
	}
	status, rests := r.Conclude(strict)
	color := text.FgGreen
	if status.ExitStatus() != 0 {
		color = text.FgRed
	}
	fmt.Fprintf(&b, "#\n# %s, by %s: %s\n", name, r.Profile, paint(w, string(status), color, text.Bold))
	comment(&b, "", rests)
	for _, other := range r.Others(strict) {
		comment(&b, "", "beside it, "+other)
	}
	if r.Prefix != "" {
		comment(&b, "", fmt.Sprintf("read behind a prefix on each line, at first %q", r.Prefix))
	}
	if r.Repaired != "" {
		comment(&b, "", "repaired: "+r.Repaired)
	}
	for _, seen := range r.Observed {
		comment(&b, "", "seen by the host: "+seen)
	}
	if next := r.GoOn(); next != "" {
		comment(&b, "", next)
	}
	if r.Later {
		comment(&b, "", "a later report in the same log is not whole")
	}
	for _, p := range r.Points {
		if p.Verdict != results.Pass && p.Verdict != results.Skip {
			summarise(&b, w, p, r.WaiverOf(p.ID))
		}
	}
	skipped(&b, w, r.Points)
	_, err := io.WriteString(w, b.String())
	return err
}

// harmless takes from a line of a report what a CI takes for a command wherever it
// stands, "##[" or "##vso[". The suite writes none; whoever forged this line did, and
// it is worth no hash.
func harmless(line string) string { return strings.ReplaceAll(line, "##", `#\u0023`) }

// skipped lists what was not tried, by its reason: most of a catalogue does not
// apply to any one run.
func skipped(b *strings.Builder, w io.Writer, points []results.Point) {
	var reasons []string
	ids := map[string][]string{}
	for _, p := range points {
		if p.Verdict != results.Skip {
			continue
		}
		if ids[p.Reason] == nil {
			reasons = append(reasons, p.Reason)
		}
		ids[p.Reason] = append(ids[p.Reason], p.ID)
	}
	for _, reason := range reasons {
		label := labels[results.Skip]
		fmt.Fprintf(b, "#\n# %s %s\n", paint(w, label.word, label.color, text.Bold), results.OneLine(reason))
		comment(b, "", strings.Join(ids[reason], " "))
	}
}

func summarise(b *strings.Builder, w io.Writer, p results.Point, waiver *results.Waiver) {
	label := labels[p.Verdict]
	if p.Verdict == results.Fail && !p.Must() {
		label.word, label.color = "missed", text.FgYellow
		if p.Level == suite.Info {
			label.word, label.color = "told", text.FgCyan
		}
	}
	fmt.Fprintf(b, "#\n# %s %s (%s)\n", paint(w, label.word, label.color, text.Bold), p.ID, results.OneLine(string(p.Level)))
	if waiver != nil && p.Verdict == results.Fail {
		comment(b, "waived ", waiver.Describe())
	}
	problem := p.Problem
	if problem == "" {
		problem = p.Reason
	}
	comment(b, "", problem)
	if p.Fix != "" {
		comment(b, "fix: ", p.Fix)
	}
}

// comment writes text as TAP comments of at most 80 columns.
func comment(b *strings.Builder, label, value string) {
	for line := range strings.Lines(text.WrapSoft(label+results.OneLine(value), 76)) {
		fmt.Fprintf(b, "#   %s\n", strings.TrimSpace(line))
	}
}

// paintPoint colours the first words of a point's line.
func paintPoint(w io.Writer, line string) string {
	switch {
	case strings.HasPrefix(line, "ok ") && strings.Contains(line, " # SKIP"):
		return paint(w, "ok", text.FgCyan) + line[2:]
	case strings.HasPrefix(line, "ok "):
		return paint(w, "ok", text.FgGreen) + line[2:]
	case strings.HasPrefix(line, "not ok ") && strings.Contains(line, " # TODO"):
		return paint(w, "not ok", text.FgYellow) + line[6:]
	case strings.HasPrefix(line, "not ok "):
		return paint(w, "not ok", text.FgRed) + line[6:]
	}
	return line
}
