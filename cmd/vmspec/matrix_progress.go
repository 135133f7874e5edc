package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"vmspec/results"
)

// A progress shows which boots run: on a terminal in one line that is written
// over, and in a line for each boot that ended.
type progress struct {
	w       io.Writer
	of      int
	mu      sync.Mutex
	running []string
	ended   int
	pause   func() // takes the moving line away
}

func newProgress(w io.Writer, of int) *progress {
	p := &progress{w: w, of: of, pause: func() {}}
	p.resume()
	return p
}

// resume shows the line again, with what runs now.
func (p *progress) resume() {
	if len(p.running) > 0 {
		p.pause = showProgress(p.w, fmt.Sprintf("%d of %d done; booting %s", p.ended, p.of, strings.Join(p.running, ", ")))
	}
}

func (p *progress) change(how func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause()
	p.pause = func() {}
	how()
	p.resume()
}

func (p *progress) begin(name string) {
	p.change(func() { p.running = append(p.running, name) })
}

func (p *progress) end(r *bootRun) {
	p.change(func() {
		p.running = slices.DeleteFunc(p.running, func(name string) bool { return name == r.Name })
		p.ended++
		word := results.Words(r.status)
		if r.status == unusable {
			word = "could not be run"
		}
		fmt.Fprintf(p.w, "vmspec: %d of %d: %s: %s (%.1f s)\n", p.ended, p.of, r.Name, word, r.took.Seconds())
	})
}

func (p *progress) stop() { p.change(func() { p.running = nil }) }
