package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/suite"
)

// mergeFlags say how boots become one verdict.
type mergeFlags struct {
	outputFlags
	platform string
	profiles profilesFlag
	vm       claimsFlag
	lost     error // the boots without a report
}

func newMerge() *cobra.Command {
	var f mergeFlags
	c := &cobra.Command{
		Use:   "merge LOG... --platform NAME",
		Short: "Conclude on one platform from the logs of several boots",
		Long: `Conclude on one platform from the logs of several boots, such as one with each
GIC, one in AArch32, and one by each hardware description. Which boots are of
one platform is yours to say: --platform names it.

The boot that shows most decides each requirement: what was made to happen comes
before what something says, and both come before what could not be told or was
skipped. A failure comes before a pass, unless the boot failed only because it
was started another way, such as without firmware. Boots that contradict each
other are told. The records that run leaves beside its logs are read too.

With several profiles the reports' frames must be there: they know all of them.
The worst verdict is the exit status.`,
		Args: takes(1, unlimited, "the logs of one platform's boots"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c.OutOrStdout()); err != nil {
				return err
			}
			boots, err := f.readBoots(c, args)
			if err != nil && !errors.As(err, new(undecided)) {
				return err
			}
			f.lost = err
			return withLost(c.ErrOrStderr(), f.conclude(c.OutOrStdout(), boots), err)
		},
	}
	f.register(c)
	f.vm.register(c)
	c.Flags().StringVar(&f.platform, "platform", "", "`NAME` of the platform that all the boots are of")
	f.profiles.register(c, "the guests'")
	return c
}

// withLost tells of logs that have no report. A must that failed elsewhere has
// failed all the same; nothing else is concluded without them.
func withLost(stderr io.Writer, concluded, lost error) error {
	var v verdict
	switch {
	case lost == nil:
		return concluded
	case errors.As(concluded, &v) && results.Conformance(v) == results.NotConformant:
		fmt.Fprintln(stderr, "vmspec:", lost)
		return concluded
	case concluded == nil || errors.As(concluded, &v):
		return lost
	}
	return errors.Join(concluded, lost)
}

// check refuses what cannot be meant.
func (f *mergeFlags) check(w io.Writer) error {
	if f.platform == "" {
		return errors.New("merge needs --platform NAME: which boots are of one platform is yours to say")
	}
	return errors.Join(f.outputFlags.check(), f.profiles.check(&f.outputFlags), f.vm.read())
}

// readBoots reads the reports of each log. An error that is undecided names the
// boots that have none; the others are returned with it.
func (f *mergeFlags) readBoots(c *cobra.Command, logs []string) (results.Merge, error) {
	for _, name := range logs { // before anything is read
		if name == "-" {
			return nil, errors.New("merge reads files: standard input has no name")
		}
		if info, err := os.Stat(name); err != nil {
			return nil, err
		} else if info.IsDir() {
			return nil, fmt.Errorf("%s is a directory: name its logs", name)
		}
	}
	var boots []results.Boot
	var without []error
	for _, name := range logs {
		more, lost, err := f.bootsOf(c, name, name)
		if err != nil {
			return nil, err
		}
		boots, without = append(boots, more...), append(without, lost...)
	}
	if without != nil {
		return results.MergeOf(boots...), undecided{errors.Join(without...)}
	}
	return results.MergeOf(boots...), nil
}

// bootsOfLog reads the boots of one log, and the record beside it. lost says which of
// its boots have no report. Of several boots each is called by its first line.
func (f *mergeFlags) bootsOfLog(c *cobra.Command, file, name string) (boots []results.Boot, lost []error, err error) {
	var log *serialLog
	err = withInput(c, file, func(in io.Reader) (err error) {
		log, err = readLog(in, file, "")
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case log.err != nil:
		return nil, []error{log.err}, nil
	}
	reading := reportFlags{vm: f.vm}
	if err := reading.settle(log, c.ErrOrStderr()); errors.As(err, new(undecided)) {
		return nil, []error{err}, nil
	} else if err != nil {
		return nil, nil, err
	}
	for _, r := range log.reports {
		if err := f.vm.apply(c.ErrOrStderr(), r, name); err != nil { // the last have it already
			return nil, []error{err}, nil
		}
		b := results.Boot{Name: name, Report: r}
		if len(log.reports) > 1 {
			b.Name = fmt.Sprintf("%s:%d", name, r.First)
		}
		if boots = append(boots, b); r.Outdated != "" {
			lost = append(lost, fmt.Errorf("%s: %s", name, r.Outdated))
		}
	}
	for _, why := range log.unreported {
		lost = append(lost, fmt.Errorf("%s: %s", name, why))
	}
	return boots, lost, nil
}

// conclude prints the verdicts, and returns the worst.
func (f *mergeFlags) conclude(w io.Writer, boots results.Merge) error {
	if len(boots) == 0 && f.isDocument() {
		return f.writeMerged(w, nil)
	}
	if len(boots) == 0 {
		return nil // why is told with the logs
	}
	profiles := f.profiles
	if profiles == nil {
		profile, err := boots.Profile()
		if err != nil {
			return fmt.Errorf("%w: choose by --profile", err)
		}
		profiles = []string{profile}
	}
	var all []*results.Merged
	for _, p := range profiles {
		merged, err := boots.By(p)
		if err != nil {
			return undecided{fmt.Errorf("--profile %s: %w", p, err)}
		}
		addFixes(&merged.Report)
		all = append(all, merged)
	}
	f.waive(all)
	if err := f.printMerged(w, all); err != nil {
		return err
	}
	return worstOf(all, f.strict)
}

// addFixes adds to what the host judged what is to be done about it.
func addFixes(report *results.Report) {
	for i := range report.Points {
		p := &report.Points[i]
		if r, ok := suite.Find(p.ID); ok && p.Verdict == results.Fail && p.Fix == "" {
			p.Fix = r.Fix
		}
	}
}

func (f *mergeFlags) printMerged(w io.Writer, all []*results.Merged) error {
	if f.isDocument() {
		return f.writeMerged(w, all)
	}
	if f.tap(w) {
		return printMergedTAP(w, f.platform, all[0], f.strict)
	}
	_, err := io.WriteString(w, f.page(w, f.platform).OfMerged(all))
	return err
}

// writeMerged writes the verdicts as a document. Boots without a report have their
// place in it.
func (f *mergeFlags) writeMerged(w io.Writer, all []*results.Merged) error {
	var entries []results.Entry
	for _, m := range all {
		entries = append(entries, results.Entry{Name: f.platform, Report: &m.Report, Merged: m})
	}
	if f.lost != nil {
		for line := range strings.Lines(f.lost.Error()) {
			entries = append(entries, results.Entry{Name: f.platform, Why: strings.TrimSpace(line)})
		}
	}
	if err := f.write(w, entries...); err != nil && !errors.As(err, new(verdict)) {
		return err
	}
	return nil
}

// printMergedTAP prints a merge as TAP. Each point's block names the boot that
// decided it.
func printMergedTAP(w io.Writer, name string, m *results.Merged, strict bool) error {
	if err := printTAP(w, name, &m.Report, strict); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("#\n# merged, and the boot that decided\n")
	for _, notice := range m.Notices() {
		comment(&b, "", notice)
	}
	for line := range strings.Lines(results.Tables([]*results.Merged{m})) {
		b.WriteString(strings.TrimRight("#   "+line, " \n") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// worstOf is the worst verdict of several; nil if all are met.
func worstOf(all []*results.Merged, strict bool) error {
	var reports []*results.Report
	for _, m := range all {
		reports = append(reports, &m.Report)
	}
	if c, _ := results.Worst(reports, strict).Conclude(strict); c.ExitStatus() != 0 {
		return verdict(c)
	}
	return nil
}
