package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// isTerminal tells whether a person may be looking at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// takesEscapes tells whether w is a terminal that knows escape sequences.
func takesEscapes(w io.Writer) bool { return isTerminal(w) && os.Getenv("TERM") != "dumb" }

// paint colours text where w is a terminal and NO_COLOR is not set
// (no-color.org).
func paint(w io.Writer, s string, colors ...text.Color) string {
	if !takesEscapes(w) || os.Getenv("NO_COLOR") != "" {
		return s
	}
	return text.Colors(colors).Sprint(s)
}

// fitting cuts a line to a terminal's width: one that is wrapped cannot be
// written over.
func fitting(w io.Writer, line string) string {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return text.Trim(line, width-1)
		}
	}
	return line
}

// showProgress shows how long something takes, for a person at a terminal,
// until the function that it returns is called. Then the line is gone. The
// progress writer of go-pretty 6.8.3 cannot do that: a tracker of its own either
// leaves its last line, or, with RemoveOnCompletion, a line for each tick.
func showProgress(w io.Writer, message string) (done func()) {
	return showChanging(w, func() string { return message })
}

// showChanging is showProgress of a message that changes.
func showChanging(w io.Writer, message func() string) (done func()) {
	if !takesEscapes(w) {
		return func() {}
	}
	began, stop, stopped := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(time.Second / 10); ; {
			line := fmt.Sprintf("%s: %.1f s", message(), time.Since(began).Seconds())
			fmt.Fprint(w, "\r", fitting(w, line), text.EraseLine.Sprint()) // of a longer one before
			select {
			case <-tick.C:
			case <-stop:
				tick.Stop()
				fmt.Fprint(w, "\r"+text.EraseLine.Sprint())
				return
			}
		}
	}()
	return func() { close(stop); <-stopped }
}
