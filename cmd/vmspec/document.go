package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/suite"
)

// documents are the formats that hold several verdicts.
var documents = []struct {
	name  string
	write func(*results.Document, io.Writer) error
}{
	{"markdown", (*results.Document).Markdown},
	{"json", (*results.Document).JSON},
	{"junit", (*results.Document).JUnit},
	{"html", (*results.Document).HTML},
	{"github", writeGitHub},
}

// documentNames lists them.
func documentNames() string {
	var names []string
	for _, d := range documents {
		names = append(names, d.name)
	}
	return strings.Join(names, ", ")
}

// isDocument tells whether the format is one of them.
func (o *outputFlags) isDocument() bool {
	for _, d := range documents {
		if d.name == o.format {
			return true
		}
	}
	return false
}

// write writes verdicts as a document, and returns the worst of them.
func (o *outputFlags) write(w io.Writer, entries ...results.Entry) error {
	doc := results.Document{Tool: "vmspec " + suite.Version, Strict: o.strict, Entries: entries}
	for i := range entries {
		e := &entries[i]
		e.Report = titled(e.Report)
		o.waivers.applyTo(e)
	}
	for _, d := range documents {
		if d.name != o.format {
			continue
		}
		if err := d.write(&doc, w); err != nil {
			return err
		}
	}
	if c := doc.Verdict(); c.ExitStatus() != 0 {
		return verdict(c)
	}
	return nil
}

// titled returns a report with the catalogue's titles where the guest's lines had
// no room for them.
func titled(r *results.Report) *results.Report {
	if r == nil {
		return nil
	}
	out := *r
	out.Points = slices.Clone(r.Points)
	for i := range out.Points {
		p := &out.Points[i]
		if full, ok := suite.Find(p.ID); ok && strings.HasPrefix(full.Title, p.Title) {
			p.Title = full.Title
		}
	}
	return &out
}

// stepSummary is the variable in which GitHub Actions names the file of a step's
// summary.
const stepSummary = "GITHUB_STEP_SUMMARY"

// writeGitHub writes annotations, and the job's summary to where GitHub takes it;
// outside of GitHub behind the annotations.
func writeGitHub(doc *results.Document, w io.Writer) error {
	if err := doc.Annotations(w); err != nil {
		return err
	}
	name := os.Getenv(stepSummary)
	if name == "" {
		return doc.Summary(w)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err == nil {
		err = errors.Join(doc.Summary(f), f.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", stepSummary, err)
	}
	return nil
}

// A gaveUp is the error of a VMM that ended before there was a guest.
type gaveUp struct{ error }

// always runs a command that prints a document, and has one printed where there is no
// report: who reads the document must not take its absence for a pass.
func (o *outputFlags) always(c *cobra.Command, name string, run func() error) error {
	if !o.isDocument() {
		return run()
	}
	out := &countingWriter{Writer: c.OutOrStdout()}
	c.SetOut(out)
	err := run()
	if out.n > 0 || !errors.As(err, new(undecided)) && !errors.As(err, new(gaveUp)) {
		return err
	}
	if lost := o.write(out, results.Entry{Name: name, Why: err.Error()}); !errors.As(lost, new(verdict)) {
		err = errors.Join(err, lost)
	}
	return err
}

// A countingWriter counts what is written.
type countingWriter struct {
	io.Writer
	n int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.n += n
	return n, err
}
