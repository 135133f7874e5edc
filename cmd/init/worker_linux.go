package main

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"vmspec/probes"
	"vmspec/probes/kernel"
	"vmspec/suite"
)

// A worker does all the work, one step after the other.
type worker struct {
	journal *journal
	signals *os.File
	root    fs.ReadLinkFS
	pid1    bool
	lost    map[string]string // steps that earlier workers did not survive, and why
	kept    notes             // notes that earlier workers took
	alone   bool              // the clock's trial runs alone
	stage   int               // of the provisional report that is on the consoles
	host    announcer         // announces steps to the host, in a guest that we booted
}

// work is the main function of a worker.
func work(root fs.ReadLinkFS, context string) error {
	// If memory runs out, the kernel must kill the worker and not the supervisor.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) // no /proc, no guest
	j, err := openJournal(os.NewFile(journalFD, "journal"))
	if err != nil {
		return err
	}
	w := &worker{journal: j, signals: os.NewFile(signalFD, "signals"), root: root, pid1: context == kernel.ContextPID1}
	if w.host.root, w.host.say = root, silent; w.pid1 {
		w.host.say = say
	}
	records, err := w.read()
	if err != nil {
		return err
	}
	if err := w.judge(records); err != nil {
		return err
	}
	return w.signal(signalDone)
}

// read reads what earlier workers left.
func (w *worker) read() ([]record, error) {
	records, err := w.journal.records()
	if err != nil {
		return nil, err
	}
	w.lost, w.kept = map[string]string{}, notes{}
	for _, r := range records {
		switch r.kind {
		case kindLost:
			w.lost[r.name] = string(r.data)
		case kindNote:
			w.kept[r.name] = r.data
		case kindAlone:
			w.alone = true
		case kindForetold:
			w.stage++
		}
	}
	return records, nil
}

// signal sends a signal to the supervisor.
func (w *worker) signal(b byte) error {
	_, err := w.signals.Write([]byte{b})
	return err
}

// begin begins a step. It returns an error if an earlier worker did not survive
// this step: then it must be left out.
func (w *worker) begin(step string) error {
	if why, lost := w.lost[step]; lost {
		return errors.New(why)
	}
	w.journal.begin(step)
	w.host.step(step)
	inject(step)
	return nil
}

// beginBeside is begin for the clock's trial while it runs beside other steps.
func (w *worker) beginBeside(step string) error {
	if why, lost := w.lost[step]; lost {
		return errors.New(why)
	}
	w.journal.step.beside.Store(1)
	inject(step)
	return nil
}

// each returns begin for the steps of one kind.
func (w *worker) each(kind string) func(name string) error {
	return func(name string) error { return w.begin(kind + " " + name) }
}

// judge observes the guest, judges it and publishes the report, unless the report
// is in the journal.
func (w *worker) judge(records []record) error {
	if _, err := last(records, kindWire); err == nil {
		return nil // the worker before was lost while it published
	}
	o := newObservation(w)
	files := o.take()
	facts := o.finalFacts()
	settings, arch := suite.ParseSettings(kernel.Parameters(files)), runtime.GOARCH
	report := suite.JudgeEach(settings, arch, facts, w.each("judge")).Report()
	conclusion, _ := report.Conclude()
	wire := report.Wire(settings.Frames)
	for _, r := range []record{
		{kindStatus, "", []byte{'0' + byte(conclusion.ExitStatus())}},
		{kindAfter, "", []byte(after(settings, facts))},
		{kindWire, "", []byte(strings.Join(wire, "\n") + "\n")},
	} {
		if err := w.journal.add(r.kind, r.name, r.data); err != nil {
			return err
		}
	}
	if !w.pid1 {
		return nil
	}
	return w.publish(o, wire, append(terminals(facts), ports(reportPort)...), func(devices []string) {
		o.giveAway(files, settings, devices)
	})
}

// after is how the guest ends: as its mark says, if it left one.
func after(s suite.Settings, f *probes.Facts) string {
	if f.EFI != nil && f.EFI.Mark != nil && f.EFI.Mark.Left != nil {
		return f.EFI.Mark.Left.After
	}
	return s.After
}

// publish writes the lines to the devices, then sends the capture.
func (w *worker) publish(o *observation, lines, devices []string, capture func(devices []string)) error {
	if w.begin("publish") != nil {
		return nil
	}
	publish(lines, devices, o)
	if err := w.journal.add(kindReported, "", nil); err != nil {
		return err
	}
	if w.begin("capture") == nil {
		capture(devices)
	}
	return nil
}
