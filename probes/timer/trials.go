package timer

import (
	"fmt"
	"io/fs"

	"vmspec/probes/note"
)

// Shots are one-shot timers on idle CPUs, in ticks of a counter.
type Shots struct {
	Hz       uint64
	Baseline uint64 // what counting the interrupts took on that machine
	CPUs     []Shot
}

// A Shot is the one that was least late on its CPU.
type Shot struct {
	Number int
	Ran    uint64 // the CPU on which the thread found itself
	Ended  uint64 // how many one-shots ended; where none did, Took is how long was waited
	Asked  uint64
	Took   uint64
	Others uint64 // interrupts of that CPU meanwhile that are not the timer's
}

func (s *Shots) readLine(l note.Line) error {
	switch l.Word(0) {
	case "counter":
		return l.Scan([]int{2}, &s.Hz)
	case "baseline":
		return l.Scan([]int{1}, &s.Baseline)
	case "shot":
		var number uint64
		var one Shot
		err := l.Scan([]int{1, 3, 5, 7, 9, 11}, &number, &one.Ran, &one.Ended, &one.Asked, &one.Took, &one.Others)
		if err != nil {
			return err
		}
		one.Number = int(number)
		s.CPUs = append(s.CPUs, one)
	}
	return nil
}

// Late returns by how many seconds the one-shot was late.
func (s *Shots) Late(one Shot) float64 {
	return float64(one.Took-min(one.Asked, one.Took)) / float64(s.Hz)
}

// An Agreement is what the counter showed when it was read without a pause,
// and by CPUs in turn.
type Agreement struct {
	Counter string // what was read: "cntvct", or "monotonic" in its place
	Hz      uint64
	Alone   Readings // on one CPU
	Pairs   []Pair
	Err     string
}

// Readings are how many there were, how many of them were behind the one
// before, and by how many ticks at most.
type Readings struct{ Count, Backward, Worst uint64 }

// A Pair is two CPUs that read in turn.
type Pair struct {
	A, B uint64
	Readings
}

func (a *Agreement) read(fsys fs.FS) error {
	lines, err := note.Read(fsys, "agreement")
	for _, l := range lines {
		if err := a.readLine(l); err != nil {
			return fmt.Errorf("vmspec/agreement: %w", err)
		}
	}
	return err
}

func (a *Agreement) readLine(l note.Line) error {
	switch l.Word(0) {
	case "counter":
		a.Counter = l.Word(1)
		return l.Scan([]int{2}, &a.Hz)
	case "reads":
		return l.Scan([]int{1, 3, 5}, &a.Alone.Count, &a.Alone.Backward, &a.Alone.Worst)
	case "pair":
		var p Pair
		err := l.Scan([]int{1, 2, 4, 6, 8}, &p.A, &p.B, &p.Count, &p.Backward, &p.Worst)
		a.Pairs = append(a.Pairs, p)
		return err
	}
	return nil
}
