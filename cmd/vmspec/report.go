package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/probes"
	"vmspec/probes/guest"
	"vmspec/results"
	"vmspec/suite"
)

func newReport() *cobra.Command {
	var out outputFlags
	var f reportFlags
	var schema bool
	c := &cobra.Command{
		Use:   "report LOG...",
		Short: "Find the reports in a serial log and conclude from them",
		Long: `Find the reports in a serial log and conclude from them. - is standard input. A
report that was damaged on its way is repaired from its frames, or declared
incomplete.

A log may hold several: each is listed, with its nonce, and whoever wrote
before its lines is its source. The last boot of each source counts, and the
worst of these is the exit status. A boot behind them that did not report is one
that could not be told. --nonce chooses a report, whatever else is there.

A VM that stopped in a trial has left a provisional report: what was judged
stands, and the rest are errors that name the trial. It is never conformant.

The log may be packed (gzip, xz, zstd, bzip2, lz4), or be the records of docker,
journald, LAVA, go test or asciinema. Of several logs, or a directory, each log
has a line, and the worst is the exit status.

Each of the formats markdown, json, junit, html and github holds all reports; with
--format html it is one file to look at: vmspec report --format html LOG >LOG.html.
--schema prints the JSON Schema of the format json. In GitHub Actions, the format
github annotates the run, and adds to the job's summary; elsewhere the summary
follows the annotations. "vmspec help report" says more.`,
		Args: takesLogs(&schema),
		RunE: func(c *cobra.Command, args []string) error {
			if schema {
				_, err := c.OutOrStdout().Write(results.Schema)
				return err
			}
			if err := errors.Join(out.check(), f.profiles.check(&out), f.vm.read()); err != nil {
				return err
			}
			defer debug.SetGCPercent(debug.SetGCPercent(readGC))
			if len(args) == 1 {
				if logs := f.series(c, args[0]); logs != nil {
					return f.concludeSeries(c, args[0], logs, &out)
				}
			}
			if out.isDocument() {
				return f.document(c, args, &out)
			}
			if info, err := os.Stat(args[0]); len(args) > 1 || err == nil && info.IsDir() {
				return f.lines(c, args, &out)
			}
			return withInput(c, args[0], func(in io.Reader) error {
				log, err := readLog(in, args[0], f.nonce)
				if err != nil {
					return err // the log was not read to its end
				}
				if f.capture != "" {
					if err := keepCapture(&log.parser, args[0], f.capture); err != nil {
						return err
					}
				}
				if log.err != nil {
					return log.err
				}
				return f.conclude(c, log, &out)
			})
		},
	}
	out.register(c)
	f.vm.register(c)
	c.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the format json, and nothing else")
	c.Flags().StringVar(&f.nonce, "nonce", "", "take only a report that carries this nonce")
	f.profiles.register(c, "the guest's")
	c.Flags().StringVar(&f.capture, "capture", "", "keep in `FILE` (.tar.gz) the captured guest that came by vmspec.capture=console")
	return c
}

// readGC lets garbage be twice what is in use: of a log that is read little is kept.
const readGC = 200

// takesLogs refuses a report of no log, but for --schema, which needs none.
func takesLogs(schema *bool) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if *schema && len(args) > 0 {
			return errors.New("--schema needs no log")
		} else if *schema {
			return nil
		}
		return takes(1, unlimited, "a log")(c, args)
	}
}

// reportFlags say what is asked of a log.
type reportFlags struct {
	nonce, capture string
	profiles       profilesFlag
	vm             claimsFlag
}

// conclude prints what a log's reports say.
func (f *reportFlags) conclude(c *cobra.Command, log *serialLog, out *outputFlags) error {
	if err := f.settle(log, c.ErrOrStderr()); err != nil {
		return err
	}
	w, list := c.OutOrStdout(), log.list(out.strict)
	if list != "" && !out.tap(w) { // a person reads the verdict last
		if _, err := io.WriteString(w, list+"\n"); err != nil {
			return err
		}
	}
	shown, concluded := f.finish(w, log, out)
	if shown.Provisional() && log.symptom != "" {
		fmt.Fprintf(c.ErrOrStderr(), "vmspec: %s: the VM stopped %s%s\n", log.name, shown.Stopped, log.symptom)
	}
	if list != "" && out.tap(w) {
		if _, err := io.WriteString(w, "#\n# "+strings.ReplaceAll(strings.TrimSuffix(list, "\n"), "\n", "\n# ")+"\n"); err != nil {
			return err
		}
	}
	if concluded == nil && len(log.unreported) > 0 {
		return log.errUnreported()
	}
	return concluded
}

// series returns the logs of a series of which the log is the first, if its verdict is
// asked and not that of one report.
func (f *reportFlags) series(c *cobra.Command, log string) []string {
	if log == "-" || f.nonce != "" || f.capture != "" {
		return nil
	}
	return seriesOf(c, log)
}

// concludeSeries concludes as the run did.
func (f *reportFlags) concludeSeries(c *cobra.Command, first string, logs []string, out *outputFlags) error {
	m := mergeFlags{outputFlags: *out, platform: first, vm: f.vm, profiles: f.profiles}
	return m.concludeSeries(c, first, logs, nil)
}

// finish prints a log's worst report, and returns it and its verdict: by each of
// several profiles the worst, of which the first is returned.
func (f *reportFlags) finish(w io.Writer, log *serialLog, out *outputFlags) (shown *results.Report, concluded error) {
	if !f.profiles.several() {
		for _, r := range log.last { // the worst is chosen by what counts
			complete(r)
			out.waivers.apply(r, log.name)
		}
		shown = results.Worst(log.last, out.strict)
		return shown, out.finish(w, log.name, shown)
	}
	var all []*results.Report
	for _, profile := range f.profiles {
		var boots []*results.Report
		for _, r := range log.last {
			other, err := by(r, profile, log.name)
			if err != nil {
				return r, err
			}
			complete(other)
			out.waivers.apply(other, log.name)
			boots = append(boots, other)
		}
		all = append(all, results.Worst(boots, out.strict))
	}
	return all[0], out.finishEach(w, log.name, all)
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
	complete(report)
	other, err := report.By(profile)
	if err != nil {
		return nil, undecided{fmt.Errorf("%s: --profile %s: %w", name, profile, err)}
	}
	return other, nil
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
				if err := errors.Join(out.check(), by.profiles.check(&out)); err != nil {
					return err
				}
				reports, err := by.judge(in)
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				if len(reports) == 1 {
					return out.finish(c.OutOrStdout(), args[0], reports[0])
				}
				return out.finishEach(c.OutOrStdout(), args[0], reports)
			})
		},
	}
	by.profiles.register(c, "the guest's")
	c.Flags().StringVar(&by.only, "only", "", "judge these `IDS` only, with commas between, and not what the guest's parameters chose")
	c.Flags().StringVar(&by.skip, "skip", "", "leave these `IDS` out")
	out.register(c)
	return c
}

// judgeFlags say by what a captured guest is judged.
type judgeFlags struct {
	only, skip string
	profiles   profilesFlag
}

// judge reads a capture and judges it, by each of the profiles.
func (f *judgeFlags) judge(in io.Reader) (all []*results.Report, err error) {
	files, err := guest.ReadCapture(in)
	if err != nil {
		return nil, err
	}
	facts := probes.Read(files)
	settings, arch := suite.SettingsOf(facts)
	chosen, err := f.chosen()
	if err != nil {
		return nil, err
	}
	byHost := f.only+f.skip != ""
	if byHost {
		settings.Only, settings.Skip = chosen.Only, chosen.Skip
	}
	profiles := f.profiles
	if len(profiles) == 0 {
		profiles = profilesFlag{string(settings.Profile)}
	}
	for _, profile := range profiles {
		settings.Profile = suite.Profile(profile)
		report, err := reported(suite.JudgeBy(settings, arch, facts))
		if err != nil {
			return nil, err
		}
		report.Choice.ByHost = byHost
		all = append(all, report)
	}
	return all, nil
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
