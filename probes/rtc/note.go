package rtc

import (
	"math"

	"vmspec/probes/note"
)

// Note is what was seen of a clock that was watched.
type Note struct {
	Watched string // the device of the clock
	Counter string // what it was measured against: "cntvct" or "monotonic"
	Hz      uint64
	Edges   []Edge
	Stuck   *Stuck
}

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

// Format declares vmspec/clock.
func (n *Note) Format() note.Format {
	return note.Format{Name: "clock", Doc: "the real-time clock's seconds against the counter", Rows: []note.Row{
		note.Line("rtc", "", note.Word("DEVICE", &n.Watched)),
		note.Line("counter", "", note.Word("NAME", &n.Counter), note.Uint("HZ", &n.Hz)),
		note.Each(&n.Edges, func(e *Edge) note.Row {
			return note.Line("edge", "the second began between these ticks",
				note.Int("SECONDS", &e.Seconds), note.Uint("EARLIEST", &e.Earliest), note.Uint("LATEST", &e.Latest))
		}),
		note.Maybe(&n.Stuck, func(s *Stuck) note.Row {
			return note.Line("stuck", "the second did not end within so many ticks",
				note.Int("SECONDS", &s.Seconds), note.Uint("TICKS", &s.Ticks))
		}),
	}}
}

// WrongLeast is how many times in a row a clock must be wrong before it fails. One
// time may be the host's doing: it set its own clock, or it stopped the VM.
const WrongLeast = 2

// Wrong counts the times, one after the other, in which the clock's seconds in a
// second of the counter were surely off by more than a share.
func (n *Note) Wrong(share float64) (times int) {
	if len(n.Edges) == 0 || n.Hz == 0 {
		return 0
	}
	from := n.Edges[0]
	for _, to := range n.Edges[1:] {
		if to.Earliest <= from.Latest {
			continue // nothing is known of the time between them
		}
		if least, most := n.rate(from, to); most < 1-share || least > 1+share {
			times, from = times+1, to
		}
	}
	return times
}

// Rate returns how many of the clock's seconds pass in a second of the
// counter, at least and at most, by the two edges that tell it best; ok is
// false where no two do.
func (n *Note) Rate() (least, most float64, ok bool) {
	var first, last Edge
	best := math.Inf(1)
	for i, from := range n.Edges {
		for _, to := range n.Edges[i+1:] {
			if doubt := from.doubt(to); doubt < best || doubt == best && to.Earliest-from.Latest > last.Earliest-first.Latest {
				first, last, best = from, to, doubt
			}
		}
	}
	if n.Hz == 0 || math.IsInf(best, 1) {
		return 0, 0, false
	}
	least, most = n.rate(first, last)
	return least, most, true
}

// rate is Rate by two edges that do not touch.
func (n *Note) rate(first, last Edge) (least, most float64) {
	seconds := float64(last.Seconds-first.Seconds) * float64(n.Hz)
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
