package results

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// MaxSummary bounds a job's summary, in bytes: GitHub refuses one of more than a
// MiB, and other steps write there too.
const MaxSummary = 1 << 19

// Summary writes the document as a job's summary: Markdown, cut where GitHub would
// refuse it.
func (d *Document) Summary(w io.Writer) error {
	var all bytes.Buffer
	if err := d.Markdown(&all); err != nil {
		return err
	}
	text := all.Bytes()
	if len(text) > MaxSummary {
		end := bytes.LastIndexByte(text[:MaxSummary], '\n') + 1
		text = append(text[:end:end], "\n</details>\n\nThe summary is cut here: GitHub takes no longer one.\n"...)
	}
	_, err := w.Write(text)
	return err
}

// Annotations writes the document as workflow commands of GitHub Actions, the worst
// first, since GitHub shows ten of a step: an error for each must that failed or
// could not be told, a warning for a recommendation that was missed, and a line for
// each verdict.
func (d *Document) Annotations(w io.Writer) error {
	s := d.legible(spaced)
	out := bufio.NewWriter(w)
	for i := range s.Reports {
		r := &s.Reports[i]
		command := "notice"
		if r.ExitStatus != 0 {
			command = "error"
		}
		annotate(out, command, r.File, 0, "vmspec "+r.Name, r.Sentence)
	}
	for _, o := range []Outcome{Failed, InError, NotMet} {
		for i := range s.Reports {
			s.Reports[i].annotate(out, o)
		}
	}
	for i := range s.Reports {
		s.Reports[i].annotateWaived(out)
	}
	return out.Flush()
}

// annotateWaived writes a notice for each failure that is waived.
func (r *sheetReport) annotateWaived(w io.Writer) {
	for i := range r.Points {
		if p := &r.Points[i]; p.Disposition != "" {
			annotate(w, "notice", r.File, 0, p.ID+" "+p.Title, string(p.Outcome)+", "+p.disposed())
		}
	}
}

// annotate writes the points with an outcome. What follows from another failure is
// told by that.
func (r *sheetReport) annotate(w io.Writer, o Outcome) {
	for i := range r.Points {
		p := &r.Points[i]
		if p.Outcome != o || p.Follows != "" || !p.Counted {
			continue
		}
		command, line := "error", LineNumber(0)
		if p.Level != "must" {
			command = "warning"
		}
		if p.Log != nil {
			line = p.Log.Line
		}
		text := p.message()
		if p.Fix != "" {
			text += ". Fix: " + p.Fix
		}
		annotate(w, command, r.File, line, p.ID+" "+p.Title, text)
	}
}

func annotate(w io.Writer, command, file string, line LineNumber, title, text string) {
	var properties []string
	if file != "" {
		properties = append(properties, "file="+property.Replace(file))
		if line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", line))
		}
	}
	properties = append(properties, "title="+property.Replace(title))
	fmt.Fprintf(w, "::%s %s::%s\n", command, strings.Join(properties, ","), message.Replace(text))
}

// What the runner's actions/toolkit escapes in a command (packages/core/src/command.ts).
var (
	message  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)
