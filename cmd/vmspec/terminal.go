package main

import (
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// isTerminal tells whether a person may be looking at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// paint colours text where w is a terminal and NO_COLOR is not set
// (no-color.org).
func paint(w io.Writer, s string, colors ...text.Color) string {
	if !isTerminal(w) || os.Getenv("NO_COLOR") != "" {
		return s
	}
	return text.Colors(colors).Sprint(s)
}

// showProgress shows how long something takes, for a person at a terminal,
// until the function that it returns is called.
func showProgress(w io.Writer, message string) (done func()) {
	if !isTerminal(w) {
		return func() {}
	}
	p := progress.NewWriter()
	p.SetOutputWriter(w)
	p.SetUpdateFrequency(100 * time.Millisecond)
	p.SetTrackerLength(20)
	p.Style().Visibility.Value = false
	p.Style().Visibility.Percentage = false
	tracker := &progress.Tracker{Message: message, RemoveOnCompletion: true}
	p.AppendTracker(tracker)
	stopped := make(chan struct{})
	go func() { defer close(stopped); p.Render() }()
	return func() {
		tracker.MarkAsDone()
		p.Stop()
		<-stopped
	}
}
