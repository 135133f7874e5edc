// Package timer finds the generic timer: its counter as it was read, and
// whether its interrupt wakes each CPU.
package timer

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/acpi"
	"vmspec/probes/fdt"
	"vmspec/probes/gic"
	"vmspec/probes/kernel"
	"vmspec/probes/note"
)

// Facts are about the timer and the counter.
type Facts struct {
	Frequency  *uint64  // CNTFRQ in Hz, as it stands; nil if it could not be read
	Counter    *Counter // nil with an error where it could not be read
	CounterErr string
	Start      *Start // the dead-timer test; nil where no arch_timer interrupt is listed
	Dead       bool   // that test saw no interrupt: a sleep would never end
	Interrupts uint64 // arch_timer's on all CPUs, at the end of all measurements
	CPUs       []CPU
	TrialErr   string
	Shots      Shots
	Agreement  Agreement
	Listed     bool     // /proc/interrupts has an arch_timer interrupt
	Hz         uint64   // what the kernel runs the timer at, from its log; 0 if it does not say
	View       View     // which of the timers the kernel runs
	EL2        bool     `json:",omitempty"` // the kernel logged that it was started at EL2
	Clock      string   // the kernel's current clock source
	Node       string   // the tree's timer node, or "the GTDT"; empty if there is neither
	PPIs       []uint32 // of it: secure, physical, virtual, hypervisor's; 0 for one that is not there
}

// View is one of a CPU's timers, as Linux calls it.
type View string

const (
	Virtual     View = "virt"
	Physical    View = "phys"
	UnknownView View = ""
)

// A Counter is what vmspec/counter says of CNTVCT.
type Counter struct {
	Hz uint64 // CNTFRQ
	Reads
	Pace
}

// Still tells whether the counter did not move. The trial waits for it to, for
// millions of reads.
func (c *Counter) Still() bool { return c.Most == 0 }

// Shots are one-shot timers on idle CPUs, in ticks of a counter.
type Shots struct {
	Hz       uint64
	Baseline uint64 // what counting the interrupts took on that machine
	CPUs     []Shot
}

// Late returns by how many seconds the one-shot was late.
func (s *Shots) Late(one Shot) float64 {
	return float64(one.Took-min(one.Asked, one.Took)) / float64(s.Hz)
}

// Read finds the facts out.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	if err := f.readCounter(fsys); err != nil {
		f.CounterErr = err.Error()
		f.Counter = nil
	}
	f.readTicks(fsys)
	if err := f.readTrial(fsys); err != nil {
		f.TrialErr = err.Error()
	}
	if err := note.Read(fsys, &f.Agreement); err != nil {
		f.Agreement.Err = err.Error()
	}
	f.readLog(fsys)
	var number uint32
	f.Listed, f.Interrupts, number = count(fsys)
	if text, err := fs.ReadFile(fsys, "sys/devices/system/clocksource/clocksource0/current_clocksource"); err == nil {
		f.Clock = strings.TrimSpace(string(text))
	}
	if tree, err := fdt.Load(fsys); err == nil { // the tree's own subject says what is wrong with it
		f.readTree(tree)
	}
	f.readGTDT(fsys)
	if f.View == UnknownView && number != 0 {
		f.View = f.viewOf(number)
	}
	return &f, nil
}

// readCounter reads what was measured of the counter.
func (f *Facts) readCounter(fsys fs.FS) error {
	var n CounterNote
	err := note.Read(fsys, &n)
	f.Frequency, f.Start = n.Frequency, n.Start
	switch {
	case err != nil:
		return err
	case n.Pace == nil || n.Reads == nil || n.Reads.Count == 0 || n.Pace.Nanoseconds == 0 && n.Pace.Most > 0:
		return errors.New(note.Path(&n) + ": incomplete")
	}
	f.Counter = &Counter{Reads: *n.Reads, Pace: *n.Pace}
	if n.Frequency != nil {
		f.Counter.Hz = *n.Frequency
	}
	return nil
}

// readTicks reads the dead-timer test that was made by another clock, where
// there is one.
func (f *Facts) readTicks(fsys fs.FS) {
	var n TicksNote
	if note.Read(fsys, &n) == nil && n.Start != nil {
		f.Start = n.Start
	}
}

// readTrial reads what the timer's trial found.
func (f *Facts) readTrial(fsys fs.FS) error {
	var n Note
	err := note.Read(fsys, &n)
	f.Dead, f.Shots.Hz = n.Dead, n.Hz
	if n.Baseline != nil {
		f.Shots.Baseline = *n.Baseline
	}
	for _, w := range n.CPUs {
		if w.CPU != nil {
			cpu := *w.CPU
			if w.Knock != nil {
				runs := w.Knock.Came > 0
				cpu.Runs = &runs
			}
			f.CPUs = append(f.CPUs, cpu)
		}
		if w.Shot != nil {
			f.Shots.CPUs = append(f.Shots.CPUs, *w.Shot)
		}
	}
	return err
}

// count tells whether the kernel's arch_timer driver has an interrupt, how many
// of it came, and its number at the interrupt controller; 0 if that is unknown.
func count(fsys fs.FS) (listed bool, total uint64, number uint32) {
	_, interrupts, err := gic.LoadInterrupts(fsys)
	if err != nil {
		return false, 0, 0
	}
	for _, i := range interrupts {
		if i.Action("arch_timer") {
			listed = true
			total += i.Total()
			number = i.Hardware()
		}
	}
	return listed, total, number
}

// Declared returns the number of the virtual timer's interrupt in the
// description, 0 if that names none.
func (f *Facts) Declared() uint32 {
	if len(f.PPIs) <= virtualPPI {
		return 0
	}
	return f.PPIs[virtualPPI]
}

// viewOf tells by the description which timer has an interrupt's number.
func (f *Facts) viewOf(number uint32) View {
	switch {
	case f.Declared() == number:
		return Virtual
	case len(f.PPIs) > physicalPPI && f.PPIs[physicalPPI] == number:
		return Physical
	}
	return UnknownView
}

// Places of the non-secure physical and of the virtual timer among a CPU's.
const (
	physicalPPI = 1
	virtualPPI  = 2
)

// Late tells whether interrupts came after all, behind a dead-timer test that
// saw none.
func (f *Facts) Late() bool { return f.Start != nil && f.Interrupts > f.Start.After }

// banner reads the message of drivers/clocksource/arm_arch_timer.c,
// arch_timer_banner: "arch_timer: cp15 timer(s) running at 62.50MHz (virt).",
// which Linux 6.18 and newer begin with "cp15 timer running at".
func banner(line string) (hz uint64, view View, ok bool) {
	_, kind, ours := strings.Cut(line, "arch_timer: cp15")
	_, text, running := strings.Cut(kind, " running at ")
	number, rest, whole := strings.Cut(text, "MHz")
	mega, hundredths, _ := strings.Cut(number, ".")
	m, errMega := strconv.ParseUint(mega, 10, 32)
	h, errHundredths := strconv.ParseUint(hundredths, 10, 32)
	ok = ours && running && whole && len(hundredths) == 2 && errMega == nil && errHundredths == nil
	// Behind a slash is the timer in memory.
	name, _, _ := strings.Cut(strings.Trim(rest, " ()."), "/")
	if v := View(name); v == Virtual || v == Physical {
		view = v
	}
	return m*1_000_000 + h*10_000, view, ok
}

// startedAtEL2 are the words of arch/arm64/kernel/smp.c, hyp_mode_check, and of
// arch/arm/kernel/smp.c.
var startedAtEL2 = []string{"CPU: All CPU(s) started at EL2", "CPU: All CPU(s) started in HYP mode", "CPU: CPUs started in inconsistent modes"}

func (f *Facts) readLog(fsys fs.FS) {
	log, err := kernel.Log(fsys)
	if err != nil {
		return
	}
	for _, line := range log {
		if hz, view, ok := banner(line); ok {
			f.Hz, f.View = hz, view
		}
		f.EL2 = f.EL2 || slices.ContainsFunc(startedAtEL2, func(words string) bool { return strings.Contains(line, words) })
	}
}

// names are the timer's interrupts in the binding's order, in which they stand
// where they have no names
// (Documentation/devicetree/bindings/timer/arm,arch_timer.yaml).
var names = []string{"sec-phys", "phys", "virt", "hyp-phys", "hyp-virt"}

// readTree finds the timer node and its private interrupts, in the binding's
// order. One that is not there is 0.
func (f *Facts) readTree(tree *fdt.Tree) {
	if n := tree.TimerNode(); n != nil {
		f.Node = n.Path()
		f.readPPIs(n, tree.Phandles())
	}
}

func (f *Facts) readPPIs(n *fdt.Node, phandles map[uint32]*fdt.Node) {
	order, named := n.Strings("interrupt-names")
	if !named {
		order = names
	}
	for i, l := range n.Lines(phandles) {
		at := slices.Index(names, order[min(i, len(order)-1)])
		if i >= len(order) || at < 0 {
			continue
		}
		for len(f.PPIs) <= at {
			f.PPIs = append(f.PPIs, 0)
		}
		f.PPIs[at], _ = l.Private()
	}
}

// readGTDT finds the private interrupts that ACPI declares. Its own subject says
// what is wrong with it.
func (f *Facts) readGTDT(fsys fs.FS) {
	a, err := acpi.Read(fsys)
	if err != nil || a.GTDT == nil {
		return
	}
	g := a.GTDT
	f.Node, f.PPIs = "the GTDT", []uint32{g.Secure, g.Physical, g.Virtual, g.Hypervisor}
}
