package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/results"
	"vmspec/suite"
)

const strictUsage = "let a missed recommendation count as a failed must does"

func newReport() *cobra.Command {
	var strict bool
	var nonce, profile, capture string
	c := &cobra.Command{
		Use:   "report LOG",
		Short: "Find the report in a serial log and conclude from it",
		Long: `Find the last whole report in a serial log and conclude from it. - is standard
input. A report that was damaged on its way is repaired from its frames, or
declared incomplete.`,
		Args: takes(1, 1, "a log"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkProfile(profile); err != nil {
				return err
			}
			return withInput(c, args[0], func(in io.Reader) error {
				parser := results.Parser{Nonce: nonce}
				report, err := readLog(in, args[0], &parser)
				if capture != "" {
					if err := keepCapture(&parser, args[0], capture); err != nil {
						return err
					}
				}
				if err == nil && profile != "" {
					report, err = by(report, profile, args[0])
				}
				if err != nil {
					return err
				}
				observeBeside(c.ErrOrStderr(), report, args[0])
				return finish(c.OutOrStdout(), args[0], report, strict)
			})
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, strictUsage)
	c.Flags().StringVar(&nonce, "nonce", "", "take only a report that carries this nonce")
	c.Flags().StringVar(&profile, "profile", "", "judge by this profile and not by the guest's")
	c.Flags().StringVar(&capture, "capture", "", "keep in `FILE` (.tar.gz) the captured guest that came by vmspec.capture=console")
	return c
}

// keepCapture writes the captured guest that a log holds into a file.
func keepCapture(parser *results.Parser, log, file string) error {
	data, err := parser.Capture()
	switch {
	case err != nil:
		return undecided{fmt.Errorf("%s: --capture %s: %w", log, file, err)}
	case data == nil:
		return undecided{fmt.Errorf("%s: --capture %s: no captured guest in the log: a guest writes it with vmspec.capture=console", log, file)}
	}
	if err := makeFolder("--capture", file); err != nil {
		return err
	}
	return writeFile(file, data)
}

// withInput opens the named file, or standard input for -.
func withInput(c *cobra.Command, name string, use func(io.Reader) error) error {
	if name == "-" {
		return use(c.InOrStdin())
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return use(f)
}

// checkProfile refuses a profile that does not exist; none is the guest's.
func checkProfile(profile string) error {
	if profile != "" && !slices.Contains(suite.Profiles(), suite.Profile(profile)) {
		return fmt.Errorf("--profile %s: the profiles are %v", profile, suite.Profiles())
	}
	return nil
}

// by returns a report by another profile, which only its frames know.
func by(report *results.Report, profile, name string) (*results.Report, error) {
	other, err := report.By(profile)
	if err != nil {
		return nil, undecided{fmt.Errorf("%s: --profile %s: %w", name, profile, err)}
	}
	return other, nil
}

// readLog finds the whole report in a log.
func readLog(in io.Reader, name string, parser *results.Parser) (*results.Report, error) {
	symptom, lines := "", 0
	var held nonces
	err := results.EachLine(in, func(line string) {
		lines++
		parser.Line(line)
		held.line(line)
		if s, ill := results.Symptom(line); ill && symptom == "" {
			symptom = fmt.Sprintf("; line %d: %s", lines, s)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	report, err := parser.Report()
	if said := parser.Doing(); said != "" {
		symptom = "; " + lastWord(said) + symptom
	}
	switch {
	case errors.Is(err, results.ErrNoReport) && held.others(parser.Nonce) != "":
		return nil, undecided{fmt.Errorf("%s: the log holds %s", name, held.others(parser.Nonce))}
	case errors.Is(err, results.ErrNoReport):
		return nil, undecided{fmt.Errorf("%s: %w, %d lines%s", name, err, lines, symptom)}
	case err != nil:
		return nil, err
	case report.Incomplete != nil:
		return nil, undecided{fmt.Errorf("%s: the report is incomplete: %s%s", name,
			strings.ReplaceAll(report.Incomplete.Error(), "\n", "; "), symptom)}
	}
	return report, nil
}

func newJudge() *cobra.Command {
	var profile string
	var strict bool
	c := &cobra.Command{
		Use:   "judge CAPTURE",
		Short: "Judge a captured guest again",
		Long:  "Judge a captured guest, as run --capture leaves it, again. - is standard input.",
		Args:  takes(1, 1, "a capture"),
		RunE: func(c *cobra.Command, args []string) error {
			return withInput(c, args[0], func(in io.Reader) error {
				if err := checkProfile(profile); err != nil {
					return err
				}
				report, err := judge(in, profile)
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				return finish(c.OutOrStdout(), args[0], report, strict)
			})
		},
	}
	c.Flags().StringVar(&profile, "profile", "", "judge by this profile and not by the guest's")
	c.Flags().BoolVar(&strict, "strict", false, strictUsage)
	return c
}

// judge reads a capture and judges it.
func judge(in io.Reader, profile string) (*results.Report, error) {
	files, err := guest.ReadCapture(in)
	if err != nil {
		return nil, err
	}
	facts := probes.Read(files)
	judgement := suite.Judge(facts)
	if profile != "" {
		settings := judgement.Settings
		settings.Profile = suite.Profile(profile)
		judgement = suite.JudgeBy(settings, judgement.Arch, facts)
	}
	return reported(judgement)
}

// reported is a judgement after it has gone through the lines of a report.
func reported(j suite.Judgement) (*results.Report, error) {
	return results.Parse(strings.NewReader(strings.Join(j.Report().TAP(), "\n")+"\n"), "")
}

// finish prints a whole report and returns its verdict.
func finish(stdout io.Writer, name string, report *results.Report, strict bool) error {
	if err := printReport(stdout, name, report, strict); err != nil {
		return err
	}
	if status, _ := report.Conclude(strict); status != results.Conformant {
		return verdict(status)
	}
	return nil
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

// printReport prints the report as the guest wrote it, then a summary as TAP
// comments: the stream remains one that TAP consumers take.
func printReport(w io.Writer, name string, r *results.Report, strict bool) error {
	var b strings.Builder
	for _, line := range r.Lines {
		b.WriteString(paintPoint(w, line) + "\n")
	}
	status, rests := r.Conclude(strict)
	color := text.FgGreen
	if status != results.Conformant {
		color = text.FgRed
	}
	fmt.Fprintf(&b, "#\n# %s, by %s: %s\n", name, r.Profile, paint(w, string(status), color, text.Bold))
	comment(&b, "", rests)
	if r.Prefix != "" {
		comment(&b, "", fmt.Sprintf("read behind a prefix on each line, at first %q", r.Prefix))
	}
	if r.Repaired != "" {
		comment(&b, "", "repaired: "+r.Repaired)
	}
	for _, seen := range r.Observed {
		comment(&b, "", "seen by the host: "+seen)
	}
	if r.Later {
		comment(&b, "", "a later report in the same log is not whole")
	}
	for _, p := range r.Points {
		if p.Verdict != results.Pass && p.Verdict != results.Skip {
			summarise(&b, w, p)
		}
	}
	skipped(&b, w, r.Points)
	_, err := io.WriteString(w, b.String())
	return err
}

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
		fmt.Fprintf(b, "#\n# %s %s\n", paint(w, label.word, label.color, text.Bold), oneLine(reason))
		comment(b, "", strings.Join(ids[reason], " "))
	}
}

func summarise(b *strings.Builder, w io.Writer, p results.Point) {
	label := labels[p.Verdict]
	if p.Verdict == results.Fail && !p.Must() {
		label.word, label.color = "missed", text.FgYellow
		if p.Level == suite.Info {
			label.word, label.color = "told", text.FgCyan
		}
	}
	fmt.Fprintf(b, "#\n# %s %s (%s)\n", paint(w, label.word, label.color, text.Bold), p.ID, oneLine(string(p.Level)))
	problem := p.Problem
	if problem == "" {
		problem = p.Reason
	}
	comment(b, "", problem)
	if p.Fix != "" {
		comment(b, "fix: ", p.Fix)
	}
}

// oneLine replaces what would move the cursor of a terminal.
func oneLine(value string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, value)
}

// comment writes text as TAP comments of at most 80 columns.
func comment(b *strings.Builder, label, value string) {
	for line := range strings.Lines(text.WrapSoft(label+oneLine(value), 76)) {
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
