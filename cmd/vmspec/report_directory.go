package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"vmspec/results"
)

// directory prints a line for each log in a directory and below it, and returns
// the worst verdict.
func (f *reportFlags) directory(w io.Writer, dir string, out *outputFlags) error {
	switch {
	case f.capture != "":
		return fmt.Errorf("--capture %s: of one log; %s is a directory", f.capture, dir)
	case out.format == "tap":
		return fmt.Errorf("--format tap: of one log; %s is a directory", dir)
	}
	buffered := bufio.NewWriter(w)
	table := tabwriter.NewWriter(buffered, 0, 0, 2, ' ', 0)
	sum := tally{counts: map[string]int{}}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, results.HostRunSuffix) || !isFile(name) {
			return err
		}
		within, _ := filepath.Rel(dir, name) // below dir, always
		word, why := f.row(name, out.strict, &sum)
		fmt.Fprintf(table, "%s\t%s\t%s\n", results.OneLine(within), word, why)
		return nil
	})
	if err == nil {
		err = errors.Join(table.Flush(), sum.print(buffered, dir), buffered.Flush())
	}
	if err != nil {
		return err
	}
	return sum.verdict()
}

// isFile tells whether a name is, or leads to, a regular file: a pipe without a
// writer is never read.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// row reads a log and says its verdict, and why.
func (f *reportFlags) row(name string, strict bool, sum *tally) (word, why string) {
	file, err := os.Open(name)
	if err != nil {
		return sum.unreadable(err)
	}
	defer file.Close()
	log, err := readLog(file, name, f.nonce)
	var none noLogError
	switch {
	case errors.As(err, &none):
		return sum.add("no log", none.what)
	case err != nil:
		return sum.unreadable(err)
	}
	var passed strings.Builder // what of the host's record is passed over
	if err = log.err; err == nil {
		err = f.settle(log, &passed)
	}
	if err != nil {
		return sum.conclude(results.CouldNotTell, firstLine(strings.TrimPrefix(err.Error(), name+": ")))
	}
	chosen := worst(log.last, strict)
	conclusion, _ := chosen.Conclude(strict)
	if rank(conclusion) == 0 && len(log.unreported) > 0 {
		return sum.conclude(results.CouldNotTell, "no whole report of "+strings.Join(log.unreported, ", "))
	}
	_, why, _ = strings.Cut(chosen.Sentence(strict), ": ")
	if n := len(log.reports); n > 1 {
		why = fmt.Sprintf("%s (%d reports)", why, n)
	}
	return sum.conclude(conclusion, why)
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

func (t *tally) add(word, why string) (string, string) {
	if t.counts[word]++; t.counts[word] == 1 {
		t.words = append(t.words, word)
	}
	return word, clipTo(results.OneLine(why), 120)
}

func (t *tally) conclude(c results.Conformance, why string) (string, string) {
	if t.logs++; t.worst == "" || rank(c) > rank(t.worst) {
		t.worst = c
	}
	return t.add(results.Words(c), why)
}

func (t *tally) unreadable(err error) (string, string) {
	t.broken++
	return t.add("not readable", err.Error())
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
