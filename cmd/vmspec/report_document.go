package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/results"
)

// document writes the reports of all logs as one document. A log without a whole
// report has its place in it, and is told; so does one that cannot be read, which is
// this machine's fault.
func (f *reportFlags) document(c *cobra.Command, args []string, out *outputFlags) error {
	if err := f.ofOne(args); err != nil {
		return err
	}
	var all []results.Entry
	var unread unreadLogs
	err := eachLog(args, func(file logFile) error {
		entries, err := f.entries(c, file)
		switch {
		case errors.As(err, new(noLogError)) && file.found:
			return nil
		case err != nil && len(args) == 1 && !file.found:
			return err
		case err != nil:
			unread++
			fmt.Fprintln(c.ErrOrStderr(), "vmspec:", err)
			entries = []results.Entry{{Name: file.shown, Why: err.Error()}}
		}
		all = append(all, entries...)
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(all) == 0:
		return undecided{errors.New("no log in the directory")}
	}
	concluded := out.write(c.OutOrStdout(), all...)
	if unread > 0 && (concluded == nil || errors.As(concluded, new(verdict))) {
		return unread
	}
	return concluded
}

// entries are the reports of one log: of each source, the last boot's.
func (f *reportFlags) entries(c *cobra.Command, file logFile) (entries []results.Entry, err error) {
	var log *serialLog
	excerpts := &results.Excerpts{}
	err = withInput(c, file.path, func(in io.Reader) error {
		log, err = readLog(in, file.path, f.nonce, excerpts.Take)
		return err
	})
	if err == nil && f.capture != "" {
		err = keepCapture(&log.parser, file.path, f.capture)
	}
	if err != nil {
		return nil, err
	}
	shared := results.Entry{Name: file.shown, File: file.path}
	if file.path == "-" {
		shared = results.Entry{Name: "standard input"}
	}
	lost := log.err
	if lost == nil {
		lost = f.settle(log, c.ErrOrStderr())
	}
	if lost != nil && !errors.As(lost, new(undecided)) {
		return nil, lost
	}
	if lost != nil {
		fmt.Fprintln(c.ErrOrStderr(), "vmspec:", lost)
		shared.Why = firstLine(strings.TrimPrefix(lost.Error(), file.path+": "))
		return []results.Entry{shared}, nil
	}
	return f.profiles.entries(log.entries(shared, excerpts))
}

// entries are those of a log that has whole reports, and of its sources that have
// none.
func (l *serialLog) entries(shared results.Entry, excerpts *results.Excerpts) (all []results.Entry) {
	several := len(l.last)+len(l.unreported) > 1
	for _, r := range l.last {
		e := shared
		complete(r)
		if e.Report, e.Excerpts = r, excerpts; several {
			e.Name += fmt.Sprintf(" lines %d-%d %s", r.First, r.Last, r.Source)
		}
		e.Name = strings.TrimSpace(e.Name)
		all = append(all, e)
	}
	for _, source := range l.unreported {
		e := shared
		e.Name, e.Why = strings.TrimSpace(e.Name+" "+source), "no whole report of "+source
		all = append(all, e)
	}
	return all
}
