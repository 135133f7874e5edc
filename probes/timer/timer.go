// Package timer finds the generic timer: its counter as it was read, and
// whether its interrupt wakes each CPU.
package timer

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

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
	Interrupts uint64 // arch_timer's on all CPUs, when the guest was looked at in the end
	CPUs       []CPU
	TrialErr   string
	Shots      Shots
	Agreement  Agreement
	Listed     bool   // /proc/interrupts has an arch_timer interrupt
	Hz         uint64 // what the kernel runs the timer at, from its log; 0 if it does not say
	Clock      string // the kernel's current clock source
	Node       string // the tree's timer node; empty if there is none
	PPIs       []uint32
}

// A Counter is what a child process saw of CNTVCT for some milliseconds.
type Counter struct {
	Hz              uint64 // CNTFRQ
	Reads, Backward uint64
	CPUs            uint64 // on how many CPUs it was read
	// Ticks between two readings of CLOCK_MONOTONIC, at least and at most,
	// and the nanoseconds between them.
	Least, Most, Nanoseconds uint64
}

// Start is the dead-timer test: arch_timer interrupts on all CPUs before and
// after a busy wait of so many ticks.
type Start struct{ Before, After, Ticks uint64 }

// A CPU is one CPU's part in the timer trial.
type CPU struct {
	Number        int
	Before, After uint64 // arch_timer interrupts
	Woke          uint64 // how many of the sleeps ended
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
	if err := f.Agreement.read(fsys); err != nil {
		f.Agreement.Err = err.Error()
	}
	f.readLog(fsys)
	f.Listed, f.Interrupts = count(fsys)
	if text, err := fs.ReadFile(fsys, "sys/devices/system/clocksource/clocksource0/current_clocksource"); err == nil {
		f.Clock = strings.TrimSpace(string(text))
	}
	if tree, err := fdt.Load(fsys); err == nil { // the tree's own subject says what is wrong with it
		f.readTree(tree)
	}
	return &f, nil
}

// readCounter reads the note of guest.Measure("counter").
func (f *Facts) readCounter(fsys fs.FS) error {
	lines, noteErr := note.Read(fsys, "counter")
	var c Counter
	for _, l := range lines {
		var err error
		switch l.Word(0) {
		case "cntfrq":
			f.Frequency = &c.Hz
			c.Hz, err = l.Uint(1)
		case "reads":
			err = l.Scan([]int{1, 3, 5}, &c.Reads, &c.Backward, &c.CPUs)
		case "pace":
			err = l.Scan([]int{1, 2, 3}, &c.Least, &c.Most, &c.Nanoseconds)
		case "interrupts":
			err = f.readStart(l)
		}
		if err != nil {
			return fmt.Errorf("vmspec/counter: %w", err)
		}
	}
	if noteErr != nil {
		return noteErr
	}
	if c.Nanoseconds == 0 || c.Reads == 0 {
		return errors.New("vmspec/counter: incomplete")
	}
	f.Counter = &c
	return nil
}

func (f *Facts) readStart(l note.Line) error {
	f.Start = &Start{}
	return l.Scan([]int{1, 2, 3}, &f.Start.Before, &f.Start.After, &f.Start.Ticks)
}

// readTicks reads the dead-timer test that was made by another clock, where
// there is one.
func (f *Facts) readTicks(fsys fs.FS) {
	lines, err := note.Read(fsys, "ticks")
	if err == nil && len(lines) == 1 && f.readStart(lines[0]) != nil {
		f.Start = nil
	}
}

// IsDead tells from the text of a note whether the dead-timer test saw the
// timer stand still, and whether the note has that test at all. A guest
// without an arch_timer interrupt may well have another timer.
func IsDead(text []byte) (dead, tested bool) {
	for line := range strings.Lines(string(text)) {
		if l := (note.Line)(strings.Fields(line)); l.Word(0) == "interrupts" && len(l) == 4 {
			return l.Word(1) == l.Word(2), true
		}
	}
	return false, false
}

func (f *Facts) readTrial(fsys fs.FS) error {
	lines, err := note.Read(fsys, "timer")
	for _, l := range lines {
		switch l.Word(0) {
		case "dead":
			f.Dead = true
		case "cpu":
			var number uint64
			var c CPU
			if err := l.Scan([]int{1, 3, 5, 7}, &number, &c.Before, &c.After, &c.Woke); err != nil {
				return fmt.Errorf("vmspec/timer: %w", err)
			}
			c.Number = int(number)
			f.CPUs = append(f.CPUs, c)
		default:
			if err := f.Shots.readLine(l); err != nil {
				return fmt.Errorf("vmspec/timer: %w", err)
			}
		}
	}
	return err
}

// count tells whether the kernel's arch_timer driver has an interrupt, and how
// many of it came.
func count(fsys fs.FS) (listed bool, total uint64) {
	_, interrupts, err := gic.LoadInterrupts(fsys)
	if err != nil {
		return false, 0
	}
	for _, i := range interrupts {
		if i.Action("arch_timer") {
			listed = true
			for _, n := range i.Counts {
				total += n
			}
		}
	}
	return listed, total
}

// Late tells whether interrupts came after all, behind a dead-timer test that
// saw none.
func (f *Facts) Late() bool { return f.Start != nil && f.Interrupts > f.Start.After }

// rate reads the message of drivers/clocksource/arm_arch_timer.c,
// arch_timer_banner: "arch_timer: cp15 timer(s) running at 62.50MHz (virt).".
func rate(line string) (hz uint64, ok bool) {
	_, kind, banner := strings.Cut(line, "arch_timer: cp15")
	_, text, running := strings.Cut(kind, " timer(s) running at ")
	number, _, whole := strings.Cut(text, "MHz")
	mega, hundredths, _ := strings.Cut(number, ".")
	m, errMega := strconv.ParseUint(mega, 10, 32)
	h, errHundredths := strconv.ParseUint(hundredths, 10, 32)
	ok = banner && running && whole && len(hundredths) == 2 && errMega == nil && errHundredths == nil
	return m*1_000_000 + h*10_000, ok
}

func (f *Facts) readLog(fsys fs.FS) {
	log, err := kernel.Log(fsys)
	if err != nil {
		return
	}
	for _, line := range log {
		if hz, ok := rate(line); ok {
			f.Hz = hz
		}
	}
}

// readTree finds the timer node and its private interrupts, in the binding's
// order: secure, physical, virtual, hypervisor
// (Documentation/devicetree/bindings/timer/arm,arch_timer.yaml).
func (f *Facts) readTree(tree *fdt.Tree) {
	for _, n := range tree.Root.All() {
		if !n.Is("arm,armv8-timer", "arm,armv7-timer") {
			continue
		}
		f.Node = n.Path()
		cells, _ := n.Cells("interrupts")
		// Three cells each: kind (1 is private), number, flags. Private
		// interrupts begin at 16.
		for ; len(cells) >= 3 && cells[0] == 1; cells = cells[3:] {
			f.PPIs = append(f.PPIs, cells[1]+16)
		}
		return
	}
}
