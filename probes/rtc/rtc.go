// Package rtc finds the guest's real-time clock and how it advanced while it
// was watched.
package rtc

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"vmspec/probes/note"
)

// Facts are about the clock.
type Facts struct {
	Clocks   []Clock
	Watched  string // the device of the clock that was watched
	Counter  string // what it was measured against: "cntvct" or "monotonic"
	Hz       uint64
	Edges    []Edge
	Stuck    *Stuck
	TrialErr string
}

// A Clock is one that Linux registered.
type Clock struct{ Device, Name string } // "rtc0", "rtc-efi rtc-efi.0"

// An Edge is the beginning of a second: it fell between two ticks.
type Edge struct {
	Seconds          int64 // since 1970, as the clock has it
	Earliest, Latest uint64
}

// Stuck says that a second did not end within so many ticks.
type Stuck struct {
	Seconds int64
	Ticks   uint64
}

// Read finds the facts out. A guest without a clock is an answer.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	entries, err := fs.ReadDir(fsys, "sys/class/rtc")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		name, err := fs.ReadFile(fsys, "sys/class/rtc/"+e.Name()+"/name")
		if err != nil {
			return nil, err
		}
		f.Clocks = append(f.Clocks, Clock{Device: e.Name(), Name: strings.TrimSpace(string(name))})
	}
	if err := f.readTrial(fsys); err != nil {
		f.TrialErr = err.Error()
	}
	return &f, nil
}

// UEFI returns the clock that Linux keeps by UEFI's GetTime, nil if none.
func (f *Facts) UEFI() *Clock {
	for i, c := range f.Clocks {
		if strings.HasPrefix(c.Name, "rtc-efi") {
			return &f.Clocks[i]
		}
	}
	return nil
}

func (f *Facts) readTrial(fsys fs.FS) error {
	lines, err := note.Read(fsys, "clock")
	for _, l := range lines {
		if err := f.readLine(l); err != nil {
			return fmt.Errorf("vmspec/clock: %w", err)
		}
	}
	return err
}

func (f *Facts) readLine(l note.Line) (err error) {
	switch l.Word(0) {
	case "rtc":
		f.Watched = l.Word(1)
	case "counter":
		f.Counter = l.Word(1)
		f.Hz, err = l.Uint(2)
	case "edge":
		var e Edge
		if e.Seconds, err = strconv.ParseInt(l.Word(1), 10, 64); err == nil {
			err = l.Scan([]int{2, 3}, &e.Earliest, &e.Latest)
		}
		f.Edges = append(f.Edges, e)
	case "stuck":
		f.Stuck = &Stuck{}
		if f.Stuck.Seconds, err = strconv.ParseInt(l.Word(1), 10, 64); err == nil {
			f.Stuck.Ticks, err = l.Uint(2)
		}
	}
	return err
}

// WrongLeast is how often a clock must be wrong, one time after the other, before
// it is blamed: once a host may have set its own clock, or not have let the VM's
// run.
const WrongLeast = 2

// Wrong counts the times, one after the other, in which the clock's seconds in a
// second of the counter were surely off by more than a share.
func (f *Facts) Wrong(share float64) (times int) {
	if len(f.Edges) == 0 || f.Hz == 0 {
		return 0
	}
	from := f.Edges[0]
	for _, to := range f.Edges[1:] {
		if to.Earliest <= from.Latest {
			continue // nothing is known of the time between them
		}
		if least, most := f.rate(from, to); most < 1-share || least > 1+share {
			times, from = times+1, to
		}
	}
	return times
}

// Rate returns how many of the clock's seconds pass in a second of the
// counter, at least and at most, by the two edges that tell it best; ok is
// false where no two do.
func (f *Facts) Rate() (least, most float64, ok bool) {
	var first, last Edge
	best := math.Inf(1)
	for i, from := range f.Edges {
		for _, to := range f.Edges[i+1:] {
			if doubt := from.doubt(to); doubt < best || doubt == best && to.Earliest-from.Latest > last.Earliest-first.Latest {
				first, last, best = from, to, doubt
			}
		}
	}
	if f.Hz == 0 || math.IsInf(best, 1) {
		return 0, 0, false
	}
	least, most = f.rate(first, last)
	return least, most, true
}

// rate is Rate by two edges that do not touch.
func (f *Facts) rate(first, last Edge) (least, most float64) {
	seconds := float64(last.Seconds-first.Seconds) * float64(f.Hz)
	least = seconds / float64(last.Latest-first.Earliest)
	most = seconds / float64(last.Earliest-first.Latest)
	return min(least, most), max(least, most)
}

// doubt is how little is known of the time between two edges: the brackets'
// widths as a share of it, and infinite where they touch.
func (e Edge) doubt(later Edge) float64 {
	if later.Earliest <= e.Latest {
		return math.Inf(1)
	}
	return float64(later.Latest-later.Earliest+e.Latest-e.Earliest) / float64(later.Earliest-e.Latest)
}
