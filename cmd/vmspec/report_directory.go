package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"vmspec/results"
)

// lines prints a line for each log that is named, or lies in a directory that is,
// and returns the worst verdict.
func (f *reportFlags) lines(c *cobra.Command, args []string, out *outputFlags) error {
	if err := f.ofOne(args); err != nil {
		return err
	}
	switch {
	case f.profiles.several():
		return fmt.Errorf("--profile %s: several are of one log; %s", strings.Join(f.profiles, ","), notOne(args))
	case out.format == "tap":
		return fmt.Errorf("--format tap: of one log; %s", notOne(args))
	}
	var files []logFile
	err := eachLog(args, func(file logFile) error {
		files = append(files, file)
		return nil
	})
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(c.OutOrStdout())
	table := tabwriter.NewWriter(buffered, 0, 0, 2, ' ', 0)
	sum := tally{counts: map[string]int{}}
	for i, r := range f.rows(c, files, out) {
		word, why := sum.add(r)
		fmt.Fprintf(table, "%s\t%s\t%s\n", results.OneLine(files[i].shown), word, why)
	}
	if err := errors.Join(table.Flush(), sum.print(buffered, strings.Join(args, " ")), buffered.Flush()); err != nil {
		return err
	}
	return sum.verdict()
}

// maxReaders bounds how many logs are read at once: each takes some memory.
const maxReaders = 8

// rows reads logs, as many at once as there are cores.
func (f *reportFlags) rows(c *cobra.Command, files []logFile, out *outputFlags) []row {
	rows := make([]row, len(files))
	var next atomic.Int64
	var readers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxReaders, len(files)) {
		readers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(files); i = next.Add(1) - 1 {
				rows[i] = f.row(c, files[i], out)
			}
		})
	}
	readers.Wait()
	return rows
}

// ofOne refuses what is asked of one log alone.
func (f *reportFlags) ofOne(args []string) error {
	if info, err := os.Stat(args[0]); f.capture != "" && (len(args) > 1 || err == nil && info.IsDir()) {
		return fmt.Errorf("--capture %s: of one log; %s", f.capture, notOne(args))
	}
	return nil
}

// notOne says what was named in place of one log.
func notOne(args []string) string {
	if len(args) > 1 {
		return fmt.Sprintf("%d are named", len(args))
	}
	return args[0] + " is a directory"
}

// A logFile is a file that may be a log.
type logFile struct {
	path, shown string
	found       bool // in a directory; else it was named
}

// eachLog calls f for each file that is named, or that lies in a directory that is.
func eachLog(args []string, f func(logFile) error) error {
	for _, arg := range args {
		if arg == "-" && len(args) > 1 {
			return errors.New("-: standard input is a log alone")
		}
		info, err := os.Stat(arg)
		if err == nil && info.IsDir() {
			if err := eachLogIn(arg, len(args) > 1, f); err != nil {
				return err
			}
			continue
		}
		if err := f(logFile{path: arg, shown: arg}); err != nil {
			return err
		}
	}
	return nil
}

// eachLogIn does so for those in a directory and below it. They are shown with the
// directory's name where that does not stand alone.
func eachLogIn(dir string, whole bool, f func(logFile) error) error {
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, results.HostRunSuffix) || !isFile(name) {
			return err
		}
		shown := name
		if within, err := filepath.Rel(dir, name); err == nil && !whole {
			shown = within
		}
		return f(logFile{path: name, shown: shown, found: true})
	})
}

// isFile tells whether a name is, or leads to, a regular file: a pipe without a
// writer is never read.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// A row is what is said of a log in a directory.
type row struct {
	word, why  string
	conclusion results.Conformance // none of what is no log, or cannot be read
	broken     bool                // it could not be read
}

func concluded(c results.Conformance, why string) row {
	return row{word: results.Words(c), why: why, conclusion: c}
}

func unreadable(err error) row { return row{word: "not readable", why: err.Error(), broken: true} }

// row reads a log and says its verdict, and why.
func (f *reportFlags) row(c *cobra.Command, file logFile, out *outputFlags) row {
	name, strict := file.path, out.strict
	if logs := f.series(c, name); logs != nil {
		return f.seriesRow(name, logs, out)
	}
	in, err := os.Open(name)
	if err != nil {
		return unreadable(err)
	}
	defer in.Close()
	log, err := readLog(in, name, f.nonce)
	var none noLogError
	switch {
	case errors.As(err, &none) && file.found:
		return row{word: "no log", why: none.what}
	case err != nil:
		return unreadable(err)
	}
	var passed strings.Builder // what of the host's record is passed over
	if err = log.err; err == nil {
		err = f.settle(log, &passed)
	}
	if err != nil {
		return concluded(results.CouldNotTell, firstLine(strings.TrimPrefix(err.Error(), name+": ")))
	}
	for _, r := range log.last {
		out.waivers.apply(r, name)
	}
	chosen := results.Worst(log.last, strict)
	conclusion, _ := chosen.Conclude(strict)
	if results.Rank(conclusion) == 0 && len(log.unreported) > 0 {
		return concluded(results.CouldNotTell, "no whole report of "+strings.Join(log.unreported, ", "))
	}
	_, why, _ := strings.Cut(chosen.Sentence(strict), ": ")
	if n := len(log.reports); n > 1 {
		why = fmt.Sprintf("%s (%d reports)", why, n)
	}
	return concluded(conclusion, why)
}

// seriesRow says the verdict on a series by its first log. Each of the others has a line
// of its own, too.
func (f *reportFlags) seriesRow(first string, logs []string, out *outputFlags) row {
	quiet := &cobra.Command{}
	quiet.SetErr(io.Discard)
	m := mergeFlags{vm: f.vm}
	boots, lost, err := m.bootsOfSeries(quiet, first, "", logs, nil)
	if err != nil {
		return unreadable(err)
	}
	var profile string
	if len(f.profiles) == 1 {
		profile = f.profiles[0]
	} else {
		profile, err = results.MergeOf(boots...).Profile()
	}
	var merged *results.Merged
	if err == nil {
		merged, err = results.MergeOf(boots...).By(profile)
	}
	if err != nil {
		return concluded(results.CouldNotTell, firstLine(err.Error()))
	}
	out.waivers.applyMerged(merged, first, first)
	strict := out.strict
	conclusion, _ := merged.Conclude(strict)
	if results.Rank(conclusion) == 0 && lost != nil {
		return concluded(results.CouldNotTell, firstLine(lost[0].Error()))
	}
	_, why, _ := strings.Cut(merged.Sentence(strict), ": ")
	return concluded(conclusion, fmt.Sprintf("%s (%d boots)", why, len(boots)))
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// A tally counts what logs conclude.
type tally struct {
	worst  results.Conformance
	logs   int
	broken int // could not be read
	words  []string
	counts map[string]int
}

// add counts a row, and returns it as it is printed.
func (t *tally) add(r row) (word, why string) {
	switch {
	case r.broken:
		t.broken++
	case r.conclusion != "":
		if t.logs++; t.worst == "" || results.Rank(r.conclusion) > results.Rank(t.worst) {
			t.worst = r.conclusion
		}
	}
	if t.counts[r.word]++; t.counts[r.word] == 1 {
		t.words = append(t.words, r.word)
	}
	return r.word, clipTo(results.OneLine(r.why), 120)
}

// print writes how many logs concluded what.
func (t *tally) print(w io.Writer, dir string) error {
	var parts []string
	for _, word := range t.words {
		parts = append(parts, fmt.Sprintf("%d %s", t.counts[word], word))
	}
	_, err := fmt.Fprintf(w, "\n%s: %d logs: %s\n", dir, t.logs+t.broken, strings.Join(parts, ", "))
	return err
}

// verdict is the exit status: a log that cannot be read is this machine's fault.
func (t *tally) verdict() error {
	switch {
	case t.broken > 0:
		return unreadLogs(t.broken)
	case t.logs == 0:
		return undecided{errors.New("no log in the directory")}
	case t.worst.ExitStatus() != 0:
		return verdict(t.worst)
	}
	return nil
}

// unreadLogs is the error of a directory with so many logs that cannot be read.
type unreadLogs int

func (n unreadLogs) Error() string { return fmt.Sprintf("%d logs could not be read", int(n)) }
