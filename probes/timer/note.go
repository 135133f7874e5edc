package timer

import "vmspec/probes/note"

// CounterNote is what was measured of the counter before anything sleeps.
type CounterNote struct {
	Frequency *uint64 // CNTFRQ
	Start     *Start
	Pace      *Pace
	Reads     *Reads
}

// Start is the dead-timer test: arch_timer interrupts on all CPUs before and
// after a busy wait of so many ticks.
type Start struct{ Before, After, Ticks uint64 }

// Pace is how the counter moved between two readings of CLOCK_MONOTONIC: ticks
// at least and at most, and the nanoseconds between the readings.
type Pace struct{ Least, Most, Nanoseconds uint64 }

// Reads are how often the counter was read, how often it was behind the reading
// before, and on how many CPUs.
type Reads struct {
	Count    uint64 `json:"Reads"`
	Backward uint64
	CPUs     uint64
}

// Format declares vmspec/counter.
func (n *CounterNote) Format() note.Format {
	return note.Format{Name: "counter", Doc: "the generic timer's counter, read without a pause", Rows: []note.Row{
		note.Maybe(&n.Frequency, func(hz *uint64) note.Row { return note.Line("cntfrq", "", note.Uint("HZ", hz)) }),
		note.Maybe(&n.Start, (*Start).row),
		note.Maybe(&n.Pace, func(p *Pace) note.Row {
			return note.Line("pace", "ticks between two readings of CLOCK_MONOTONIC",
				note.Uint("LEAST", &p.Least), note.Uint("MOST", &p.Most), note.Uint("NANOSECONDS", &p.Nanoseconds))
		}),
		note.Maybe(&n.Reads, func(r *Reads) note.Row {
			return note.Line("reads", "",
				note.Uint("N", &r.Count), note.Uint("backward N", &r.Backward), note.Uint("cpus N", &r.CPUs))
		}),
	}}
}

func (s *Start) row() note.Row {
	return note.Line("interrupts", "arch_timer's on all CPUs, before and after a busy wait",
		note.Uint("BEFORE", &s.Before), note.Uint("AFTER", &s.After), note.Uint("TICKS", &s.Ticks))
}

// dead tells whether the timer stood still. A guest without an arch_timer
// interrupt may have another timer.
func (s *Start) dead() bool { return s != nil && s.Before == s.After }

// TicksNote is the dead-timer test by CLOCK_MONOTONIC.
type TicksNote struct{ Start *Start }

// Format declares vmspec/ticks.
func (n *TicksNote) Format() note.Format {
	return note.Format{Name: "ticks", Doc: "the dead-timer test where the counter cannot be read", Rows: []note.Row{
		note.Maybe(&n.Start, (*Start).row),
	}}
}

// IsDead tells from the text of vmspec/counter or vmspec/ticks whether the
// dead-timer test saw the timer stand still, and whether the note has that test
// at all.
func IsDead(text []byte) (dead, tested bool) {
	var n TicksNote
	_ = note.Parse(text, &n) // what failed later does not matter
	return n.Start.dead(), n.Start != nil
}

// Note is the timer's trial.
type Note struct {
	Dead     bool
	Counter  string // that measured: "cntvct" or "monotonic"
	Hz       uint64
	Baseline *uint64
	CPUs     []Woken
}

// Woken is one CPU's part in it.
type Woken struct {
	CPU   *CPU
	Shot  *Shot
	Knock *Knock
}

// Sleeps is how many sleeps are tried on each CPU.
const Sleeps = 5

// A CPU is what sleeps showed on a CPU.
type CPU struct {
	Number        int
	Before, After uint64 // arch_timer interrupts
	Woke          uint64 // how many of the sleeps ended
	// Runs is whether the host runs the CPU at all: nil if that was not asked,
	// since all sleeps ended or the guest is of an older vmspec.
	Runs *bool `json:",omitempty"`
}

// A Knock is a thread that was sent to a CPU on which a sleep had not ended. It
// needs no timer to get there.
type Knock struct {
	Number int
	Came   uint64 // 1 if it ran there
}

// A Shot is the one-shot timer that was least late on its CPU, in ticks.
type Shot struct {
	Number int
	Ran    uint64 // the CPU on which the thread found itself
	Ended  uint64 // how many one-shots ended; where none did, Took is how long was waited
	Asked  uint64
	Took   uint64
	Others uint64 // interrupts of that CPU meanwhile that are not the timer's
}

// Format declares vmspec/timer.
func (n *Note) Format() note.Format {
	return note.Format{Name: "timer", Doc: "sleeps and one-shot timers on each CPU", Rows: []note.Row{
		note.Flag("dead", "not tried: the dead-timer test saw no interrupt", &n.Dead),
		note.Line("counter", "", note.Word("NAME", &n.Counter), note.Uint("HZ", &n.Hz)),
		note.Maybe(&n.Baseline, func(ticks *uint64) note.Row {
			return note.Line("baseline", "what counting the interrupts took", note.Uint("TICKS", ticks))
		}),
		note.Group(&n.CPUs, func(w *Woken) []note.Row {
			return []note.Row{note.Maybe(&w.CPU, (*CPU).row), note.Maybe(&w.Shot, (*Shot).row), note.Maybe(&w.Knock, (*Knock).row)}
		}),
	}}
}

func (c *CPU) row() note.Row {
	return note.Line("cpu", "the timer's interrupts there, and sleeps that ended",
		note.Index("N", &c.Number), note.Uint("before COUNT", &c.Before), note.Uint("after COUNT", &c.After),
		note.Uint("woke SLEEPS", &c.Woke))
}

func (s *Shot) row() note.Row {
	return note.Line("shot", "the one that was least late; others are interrupts of that CPU meanwhile",
		note.Index("N", &s.Number), note.Uint("ran CPU", &s.Ran), note.Uint("ended SHOTS", &s.Ended),
		note.Uint("asked TICKS", &s.Asked), note.Uint("took TICKS", &s.Took), note.Uint("others COUNT", &s.Others))
}

func (k *Knock) row() note.Row {
	return note.Line("knock", "whether a thread without a timer ran there, where a sleep did not end",
		note.Index("N", &k.Number), note.Uint("came N", &k.Came))
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

// Format declares vmspec/agreement.
func (a *Agreement) Format() note.Format {
	return note.Format{Name: "agreement", Doc: "the counter, read without a pause and by CPUs in turn", Rows: []note.Row{
		note.Line("counter", "", note.Word("NAME", &a.Counter), note.Uint("HZ", &a.Hz)),
		note.Line("reads", "how many, how many were behind the one before, and by how much at most",
			a.Alone.fields("N")...),
		note.Each(&a.Pairs, func(p *Pair) note.Row {
			cpus := []note.Field{note.Uint("A", &p.A), note.Uint("B", &p.B)}
			return note.Line("pair", "the same for two CPUs that read in turn", append(cpus, p.fields("handovers N")...)...)
		}),
	}}
}

func (r *Readings) fields(count string) []note.Field {
	return []note.Field{note.Uint(count, &r.Count), note.Uint("backward N", &r.Backward), note.Uint("worst TICKS", &r.Worst)}
}
