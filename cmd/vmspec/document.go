package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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
