package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/results"
	"vmspec/suite"
)

func newReport() *cobra.Command {
	var out outputFlags
	var nonce, profile, capture string
	c := &cobra.Command{
		Use:   "report LOG",
		Short: "Find the report in a serial log and conclude from it",
		Long: `Find the last whole report in a serial log and conclude from it. - is standard
input. A report that was damaged on its way is repaired from its frames, or
declared incomplete.`,
		Args: takes(1, 1, "a log"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := errors.Join(checkProfile(profile), out.check()); err != nil {
				return err
			}
			return withInput(c, args[0], func(in io.Reader) error {
				parser := results.Parser{Nonce: nonce}
				report, err := readLog(in, args[0], &parser)
				if err != nil && !errors.As(err, new(undecided)) {
					return err // the log was not read to its end
				}
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
				return out.finish(c.OutOrStdout(), args[0], report)
			})
		},
	}
	out.register(c)
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
	var health results.Health
	var last vmm.Last
	lines := 0
	var held nonces
	err := results.EachLine(in, func(line string) {
		lines++
		parser.Line(line)
		held.line(line)
		health.Take(line)
		last.Take(line)
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	report, err := parser.Report()
	why := dead(&health, last)
	if said := parser.Doing(); said != "" {
		why = "; " + lastWord(said) + why
	}
	switch {
	case errors.Is(err, results.ErrNoReport) && held.others(parser.Nonce) != "":
		return nil, undecided{fmt.Errorf("%s: the log holds %s", name, held.others(parser.Nonce))}
	case errors.Is(err, results.ErrNoReport):
		return nil, undecided{fmt.Errorf("%s: %w, %d lines%s", name, err, lines, why)}
	case err != nil:
		return nil, err
	case report.Incomplete != nil:
		return nil, undecided{fmt.Errorf("%s: the report is incomplete: %s%s", name,
			strings.ReplaceAll(report.Incomplete.Error(), "\n", "; "), why)}
	}
	return report, nil
}

// dead says that a log's guest could not go on, and what it said last; empty
// for a guest that was well.
func dead(h *results.Health, last vmm.Last) string {
	if h.Symptom == "" {
		return ""
	}
	return fmt.Sprintf("; line %d: %s\nthe guest's last lines:\n%s", h.Line, h.Symptom, indent(last))
}

func newJudge() *cobra.Command {
	var out outputFlags
	var by judgeFlags
	c := &cobra.Command{
		Use:   "judge CAPTURE",
		Short: "Judge a captured guest again",
		Long:  "Judge a captured guest, as run --capture leaves it, again. - is standard input.",
		Args:  takes(1, 1, "a capture"),
		RunE: func(c *cobra.Command, args []string) error {
			return withInput(c, args[0], func(in io.Reader) error {
				if err := errors.Join(checkProfile(by.profile), out.check()); err != nil {
					return err
				}
				report, err := by.judge(in)
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				return out.finish(c.OutOrStdout(), args[0], report)
			})
		},
	}
	c.Flags().StringVar(&by.profile, "profile", "", "judge by this profile and not by the guest's")
	c.Flags().StringVar(&by.only, "only", "", "judge these `IDS` only, with commas between, and not what the guest's parameters chose")
	c.Flags().StringVar(&by.skip, "skip", "", "leave these `IDS` out")
	out.register(c)
	return c
}

// judgeFlags say by what a captured guest is judged.
type judgeFlags struct{ profile, only, skip string }

// judge reads a capture and judges it.
func (f *judgeFlags) judge(in io.Reader) (*results.Report, error) {
	files, err := guest.ReadCapture(in)
	if err != nil {
		return nil, err
	}
	facts := probes.Read(files)
	settings, arch := suite.SettingsOf(facts)
	if f.profile != "" {
		settings.Profile = suite.Profile(f.profile)
	}
	chosen, err := f.chosen()
	if err != nil {
		return nil, err
	}
	byHost := f.only+f.skip != ""
	if byHost {
		settings.Only, settings.Skip = chosen.Only, chosen.Skip
	}
	report, err := reported(suite.JudgeBy(settings, arch, facts))
	if err == nil {
		report.Choice.ByHost = byHost
	}
	return report, err
}

// chosen reads the lists of IDs.
func (f *judgeFlags) chosen() (suite.Settings, error) {
	p := map[string]string{}
	for name, value := range map[string]string{"only": f.only, "skip": f.skip} {
		if value != "" {
			p[name] = value
		}
	}
	settings := suite.ParseSettings(p)
	for _, problem := range settings.Problems {
		return settings, errors.New("--" + strings.Replace(strings.TrimPrefix(problem, "vmspec."), "=", " ", 1))
	}
	return settings, nil
}

// reported is a judgement after it has gone through the lines of a report.
func reported(j suite.Judgement) (*results.Report, error) {
	return results.Parse(strings.NewReader(strings.Join(j.Report().TAP(), "\n")+"\n"), "")
}
