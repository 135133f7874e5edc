package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/results/report"
)

// readRecord reads the record beside a log; nil if there is none that can be read.
func readRecord(log string) *results.HostRun {
	f, err := os.Open(log + results.HostRunSuffix)
	if err != nil {
		return nil
	}
	defer f.Close()
	h, err := results.ReadHostRun(f)
	if err != nil {
		return nil
	}
	return h
}

// seriesOf returns the names of the logs of a series of which a log is the first; nil
// if it is of none. The record must be that of the log.
func seriesOf(c *cobra.Command, log string) []string {
	h := readRecord(log)
	if h == nil || h.Series == nil || len(h.Series.Logs) < 2 || len(h.Series.Logs) > report.MaxBoots || h.Series.Logs[0] != filepath.Base(log) {
		return nil
	}
	for _, name := range h.Series.Logs {
		if name != filepath.Base(name) || name == "." || name == ".." || name == string(filepath.Separator) {
			return nil
		}
	}
	if h.Nonce == "" {
		return h.Series.Logs
	}
	of := false
	_ = withInput(c, log, func(in io.Reader) error { // an error is told when it is read again
		l, err := readLog(in, log, "")
		of = err == nil && slices.ContainsFunc(l.reports, func(r *results.Report) bool { return r.Nonce == h.Nonce })
		return err
	})
	if !of {
		return nil
	}
	return h.Series.Logs
}

// bootsOf reads the boots of one log, and if that is the first of a series those of its
// other logs. lost says which of the boots have no report.
func (f *mergeFlags) bootsOf(c *cobra.Command, file, name string) (boots []results.Boot, lost []error, err error) {
	logs := seriesOf(c, file)
	if logs == nil {
		return f.bootsOfLog(c, file, name)
	}
	return f.bootsOfSeries(c, file, name+" ", logs, nil)
}

// bootsOfSeries reads the boots of a series. known are the logs without a report of
// which it is known why.
func (f *mergeFlags) bootsOfSeries(c *cobra.Command, first, prefix string, logs []string, known map[string]error) (boots []results.Boot, lost []error, err error) {
	for i, log := range logs {
		file := first // which may be a link
		if i > 0 {
			file = filepath.Join(filepath.Dir(first), log)
		}
		if why := known[file]; why != nil {
			lost = append(lost, why)
			continue
		}
		name := fmt.Sprintf("%sboot %d", prefix, i+1)
		more, without, err := f.bootsOfLog(c, file, name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			lost = append(lost, fmt.Errorf("%s: %w", name, err))
		case err != nil:
			return nil, nil, err
		}
		nameResets(name, more)
		boots, lost = append(boots, more...), append(lost, without...)
	}
	return boots, lost, nil
}

// nameResets names the boots of one start of the VMM, of which each but the first came
// after a reset.
func nameResets(name string, boots []results.Boot) {
	for i := range boots {
		boots[i].Name = name
		if i > 0 {
			boots[i].Name = fmt.Sprintf("%s after %s", name, map[bool]string{true: "a reset", false: fmt.Sprintf("%d resets", i)}[i == 1])
		}
	}
}

// concludeSeries prints the verdict on a series, and returns it.
func (f *mergeFlags) concludeSeries(c *cobra.Command, first string, logs []string, known map[string]error) error {
	boots, without, err := f.bootsOfSeries(c, first, "", logs, known)
	if err != nil {
		return err
	}
	var lost error
	if without != nil {
		lost = undecided{errors.Join(without...)}
	}
	return withLost(c.ErrOrStderr(), f.conclude(c.OutOrStdout(), results.MergeOf(boots...)), lost)
}
