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
	running []*bootRun
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
		running, done := slices.Clone(p.running), fmt.Sprintf("%d of %d done; booting ", p.ended, p.of)
		p.pause = showChanging(p.w, func() string {
			var each []string
			for _, r := range running {
				each = append(each, r.Name+": "+r.live.String())
			}
			return done + strings.Join(each, ", ")
		})
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

func (p *progress) begin(r *bootRun) {
	p.change(func() { p.running = append(p.running, r) })
}

func (p *progress) end(r *bootRun) {
	p.change(func() {
		p.running = slices.DeleteFunc(p.running, func(other *bootRun) bool { return other == r })
		p.ended++
		word := results.Words(r.status)
		if r.status == unusable {
			word = "could not be run"
		}
		fmt.Fprintf(p.w, "vmspec: %d of %d: %s: %s (%.1f s)\n", p.ended, p.of, r.Name, word, r.took.Seconds())
	})
}

func (p *progress) stop() { p.change(func() { p.running = nil }) }
