package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/results"
)

// diffFlags say what is compared, and how it is told.
type diffFlags struct {
	format string
	reportFlags
	vms outputFlags // of text
}

func newDiff() *cobra.Command {
	var f diffFlags
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what differs between two VMs, or two versions of one",
		Long: `Say what differs between two VMs, or two versions of one. A and B are each a log, a
captured guest, a report in JSON (report --format json), or a folder of logs, such
as publish makes. Reports by the same profile are compared: if there is one in each
that is the pair, else those of the same name.

A regression is a requirement that was met and is not, or that was not judged and
fails; a fix the reverse. What is judged in B alone is new, in A alone gone. Where
the outcome is the same, the evidence may be another. Times, nonces and what was
counted are otherwise in each run, and no difference.

Exit status: 0 no regression, 1 a regression, 2 there is no report to compare, 3
wrong usage or environment.`,
		Args: takes(2, 2, "two logs, captures, reports or folders"),
		RunE: f.run,
	}
	c.Flags().StringVar(&f.format, "format", "text", "text, markdown or json")
	_ = c.RegisterFlagCompletionFunc("format", completed("text", "markdown", "json")) // it was just registered
	f.profiles.register(c, "the guests'")
	return c
}

// completed completes one of a few words.
func completed(words ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// diffFormats write a comparison.
var diffFormats = map[string]func(*diffFlags, *results.Diff, io.Writer) error{
	"text": func(f *diffFlags, d *results.Diff, w io.Writer) error {
		_, err := io.WriteString(w, f.vms.page(w, "").OfDiff(d))
		return err
	},
	"markdown": func(_ *diffFlags, d *results.Diff, w io.Writer) error { return d.Markdown(w) },
	"json":     func(_ *diffFlags, d *results.Diff, w io.Writer) error { return d.JSON(w) },
}

func (f *diffFlags) run(c *cobra.Command, args []string) error {
	write := diffFormats[f.format]
	if write == nil {
		return fmt.Errorf("--format %s: the formats are text, markdown, json", f.format)
	}
	if err := f.profiles.check(&f.vms); err != nil {
		return err
	}
	if args[0] == "-" && args[1] == "-" {
		return errors.New("diff reads standard input once")
	}
	var sides [2]results.Side
	for i, name := range args {
		var err error
		if sides[i], err = f.side(c, name); err != nil {
			return err
		}
	}
	d := results.NewDiff(sides[0], sides[1])
	if err := write(f, d, c.OutOrStdout()); err != nil {
		return err
	}
	if d.Regressions() > 0 {
		return verdict(results.NotConformant)
	}
	return nil
}

// side reads one of the sources.
func (f *diffFlags) side(c *cobra.Command, name string) (side results.Side, err error) {
	info, err := os.Stat(name)
	if name == "-" || err == nil && info.IsDir() {
		return f.ofLogs(c, name)
	}
	err = withInput(c, name, func(in io.Reader) error {
		head, err := bufio.NewReader(in).Peek(1)
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("read %s: %w", name, err)
		case string(head) == "{":
			side, err = readReport(name)
		case strings.HasSuffix(name, ".tar.gz"):
			side, err = f.ofCapture(name)
		default:
			side, err = f.ofLogs(c, name)
		}
		return err
	})
	return side, err
}

// readReport reads a report in JSON.
func readReport(name string) (results.Side, error) {
	in, err := os.Open(name)
	if err != nil {
		return results.Side{}, err
	}
	defer in.Close()
	side, err := results.ReadSide(in, name)
	if err != nil {
		return side, fmt.Errorf("%s: %w", name, err)
	}
	return side, nil
}

// ofCapture judges a captured guest.
func (f *diffFlags) ofCapture(name string) (results.Side, error) {
	in, err := os.Open(name)
	if err != nil {
		return results.Side{}, err
	}
	defer in.Close()
	by := judgeFlags{profiles: f.profiles}
	reports, err := by.judge(in)
	if err != nil {
		return results.Side{}, fmt.Errorf("%s: %w", name, err)
	}
	var d results.Document
	for _, r := range reports {
		d.Entries = append(d.Entries, results.Entry{Name: name, Report: titled(r)})
	}
	return d.Side(name), nil
}

// ofLogs reads a log, or those of a folder. Without one whole report there is nothing
// to compare.
func (f *diffFlags) ofLogs(c *cobra.Command, name string) (results.Side, error) {
	var d results.Document
	whole := false
	err := eachLog([]string{name}, func(file logFile) error {
		if file.found && notALog(file.path) {
			return nil
		}
		entries, err := f.entriesOf(c, file)
		switch {
		case errors.As(err, new(noLogError)) && file.found:
			return nil
		case err != nil:
			return err
		}
		for i := range entries {
			entries[i].Report = titled(entries[i].Report)
			whole = whole || entries[i].Report != nil
		}
		d.Entries = append(d.Entries, entries...)
		return nil
	})
	switch {
	case err != nil:
		return results.Side{}, err
	case !whole:
		return results.Side{}, undecided{fmt.Errorf("%s: no report to compare", name)}
	}
	return d.Side(name), nil
}

// notALog tells whether a file in a folder of logs is something that we write beside
// them.
func notALog(file string) bool {
	switch filepath.Ext(file) {
	case ".yaml", ".md", ".json", ".html":
		return true
	}
	return false
}

// entriesOf are the reports of a log, or what the boots of its series say together.
func (f *diffFlags) entriesOf(c *cobra.Command, file logFile) ([]results.Entry, error) {
	logs := f.series(c, file.path)
	if logs == nil {
		return f.reportFlags.entries(c, file)
	}
	return seriesEntries(c, file, logs, f.profiles)
}

// seriesEntries are the verdicts on a series by its first log.
func seriesEntries(c *cobra.Command, file logFile, logs []string, profiles profilesFlag) (entries []results.Entry, err error) {
	var m mergeFlags
	boots, lost, err := m.bootsOfSeries(c, file.path, "", logs, nil)
	if err != nil {
		return nil, err
	}
	for _, why := range lost {
		entries = append(entries, results.Entry{Name: file.shown, File: file.path, Why: why.Error()})
	}
	if len(boots) == 0 {
		return entries, nil
	}
	if profiles == nil {
		profile, err := results.MergeOf(boots...).Profile()
		if err != nil {
			return nil, undecided{fmt.Errorf("%s: %w: choose by --profile", file.path, err)}
		}
		profiles = profilesFlag{profile}
	}
	for _, profile := range profiles {
		merged, err := results.MergeOf(boots...).By(profile)
		if err != nil {
			return nil, undecided{fmt.Errorf("%s: --profile %s: %w", file.path, profile, err)}
		}
		addFixes(&merged.Report)
		entries = append(entries, results.Entry{Name: file.shown, File: file.path, Report: &merged.Report, Merged: merged})
	}
	return entries, nil
}
