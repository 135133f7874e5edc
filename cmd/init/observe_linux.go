package main

import (
	"errors"
	"io/fs"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"vmspec/probes/console"
	"vmspec/probes/cpu"
	"vmspec/probes/efi"
	"vmspec/probes/guest"
	"vmspec/probes/kernel"
	"vmspec/probes/look"
	"vmspec/probes/memory"
	"vmspec/probes/note"
	"vmspec/probes/smbios"
	"vmspec/probes/timer"
	"vmspec/probes/trial"
	"vmspec/results/report"
	"vmspec/suite"
)

// An observation is the live guest and the notes taken of it.
type observation struct {
	*worker
	dead  bool // no timer interrupt comes: no sleep would end
	base  trial.Timebase
	notes notes

	uefi    bool           // UEFI started the guest: its clock and variables are trials
	chosen  suite.Settings // as the parameters have them
	modules *loader        // nil if an earlier worker brought the guest up
	early   early
	logged  bool          // something was logged since
	log     func() string // what the kernel has logged since its log was read

	caughtUp bool // the facts are those behind the exchange risks
}

func newObservation(w *worker) *observation {
	context := kernel.ContextProgram
	if w.pid1 {
		context = kernel.ContextPID1
	}
	o := &observation{worker: w, notes: notes{}}
	o.notes.set(kernel.ArchNote(), []byte(runtime.GOARCH+"\n"))
	o.notes.set(kernel.ContextNote(), []byte(context+"\n"))
	delete(o.kept, note.Name(kernel.LogNote())) // it may say why the last worker was lost
	o.bringBack()
	var counter timer.CounterNote
	o.trial(&counter, func() error { return trial.Counter(w.root, &counter) })
	o.chooseBase()
	o.early.print = printOn
	o.dead = w.pid1 && o.timerIsDead()
	_, err := fs.Stat(w.root, firmwareDir)
	o.uefi = err == nil
	return o
}

// note takes a measurement that fills n, and keeps the text. The step begins with
// it.
func (o *observation) note(step string, n note.Note, measure func() error) {
	if o.kept.has(n) {
		o.notes.set(n, o.kept.of(n))
		return
	}
	o.keep(n, note.Take(n, func() error {
		if err := o.begin(step); err != nil {
			return err
		}
		return measure()
	}))
}

// refuse notes why nothing was measured.
func (o *observation) refuse(n note.Note, why error) { o.notes.set(n, note.Failure(why)) }

// keep keeps a note, for the next worker, too. If that fails, the next one takes it
// again.
func (o *observation) keep(n note.Note, text []byte) {
	o.notes.set(n, text)
	_ = o.journal.add(kindNote, note.Name(n), text)
}

// trial takes a note by making something happen.
func (o *observation) trial(n note.Note, measure func() error) { o.note(trialOf(n), n, measure) }

// look takes a note by looking alone.
func (o *observation) look(n note.Note, measure func() error) { o.note(lookAt(n), n, measure) }

// chooseBase takes the counter if an earlier trial has read it.
func (o *observation) chooseBase() {
	o.base = trial.Monotonic()
	if n := new(timer.CounterNote); note.Parse(o.notes.of(n), n) == nil {
		if c, err := trial.VirtualCounter(); err == nil {
			o.base = c
		}
	}
}

// timerIsDead looks at the dead-timer test, which is made by another clock
// where the counter cannot be read, and tells the supervisor.
func (o *observation) timerIsDead() bool {
	dead, tested := timer.IsDead(o.notes.of(new(timer.CounterNote)))
	if !tested {
		var ticks timer.TicksNote
		o.trial(&ticks, func() error { return trial.Ticks(o.root, &ticks) })
		dead, _ = timer.IsDead(o.notes.of(&ticks))
	}
	signal := byte(signalAlive)
	if dead {
		signal = signalDead
		// A collection may wait for other threads by the timer.
		debug.SetGCPercent(-1)
	}
	_ = o.signal(signal) // without it the supervisor waits as for a slow start
	return dead
}

// clockLimit is how long the clock's trial may take. It ends sooner unless the host
// is busy or the firmware's GetTime does not return.
const clockLimit = 24 * time.Second

// firmwareDir is there if UEFI started the guest.
const firmwareDir = "sys/firmware/efi"

// take takes all notes and returns the guest as files. The clock's trial takes
// longest: it begins first, and the rest is done meanwhile. UEFI's clock may stop
// the VM: it begins when the provisional report is out. So do all trials that are
// risks, in the order of suite.Risks. With a dead timer nothing may sleep or wait.
func (o *observation) take() *guest.FS {
	var clock <-chan []byte
	if !o.dead {
		clock = o.startClock()
	}
	parameters := kernel.ParametersNote()
	o.look(parameters, func() error { return look.Parameters(o.root, parameters) })
	var tables smbios.Note
	o.look(&tables, func() error { return look.SMBIOS(o.root, &tables) })
	o.chosen = o.settings()
	inputs, inputErr := o.askInput()
	o.trials()
	log := kernel.LogNote()
	o.look(log, func() error { return readLog(log) })
	o.log, _ = look.WatchLog() // without it there is nothing more
	o.early.files = guest.Snapshot(o.root, o.each("read"))
	o.foretell()
	o.makeRisky(deviceRisks)
	o.makeRisky(firmwareRisks)
	if o.uefi && !o.dead {
		clock = o.beginClock()
	}
	o.makeRisky(exchangeRisks) // waits for others, while the clock's trial waits anyway
	if clock == nil {          // the clock's trial comes last, and may end this worker
		o.endInput(inputs, inputErr)
	}
	if clock != nil {
		o.catchUp()
	}
	o.endClock(clock)
	o.endInput(inputs, inputErr)
	if !o.caughtUp {
		o.refresh(changing)
	}
	if o.riskAhead() {
		o.update("clock", inputID)
	}
	o.makeRisky(hostRisks)
	o.tryOffline()
	o.addLog()
	o.addNotes()
	return o.early.files
}

// readLog notes the kernel's log, without serial numbers and addresses.
func readLog(n *note.FreeText) error {
	log, err := look.ReadLog()
	guest.Scrub(log)
	n.Text = string(log)
	return err
}

// trials makes the trials that are no risk to the VM.
func (o *observation) trials() {
	if o.uefi {
		var table efi.TableNote
		o.trial(&table, func() error { return look.SystemTable(o.root, &table) })
	}
	var sleeps timer.Note
	o.trial(&sleeps, func() error { return trial.Timer(o.root, o.dead, o.base, &sleeps) })
	var touch memory.Touch
	o.trial(&touch, func() error { return trial.Touch(o.root, &touch) })
	var agreement timer.Agreement
	o.waiting(&agreement, func() error { return trial.Agreement(o.root, o.base, &agreement) })
}

// offlineTrial is the riskiest trial, so it is the last: a kernel panics if a CPU
// goes on after PSCI's CPU_OFF (arch/arm64/kernel/smp.c, cpu_die).
var offlineTrial = trialOf(new(cpu.Offline))

// riskAhead tells whether a trial behind the clock's may stop the VM. With one CPU
// none is switched.
func (o *observation) riskAhead() bool {
	cpus, err := trial.Online(o.root)
	return err != nil || len(cpus) > 1 || slices.ContainsFunc(hostRisks, func(r risk) bool { return r.ahead(o) })
}

// tryOffline takes CPUs offline and back, after everything else is known of them.
func (o *observation) tryOffline() {
	if o.mayChange() && o.takes("offline") {
		var n cpu.Offline
		o.waiting(&n, func() error { return trial.Offline(o.root, &n) })
	}
}

// bringBack takes CPUs online again if a worker was lost in that trial.
func (o *observation) bringBack() {
	if _, lost := o.lost[offlineTrial]; lost && o.begin("wait cpus") == nil {
		_ = trial.BringBack(o.root) // how many are online will be seen
	}
}

// askInput asks for a word on the terminals. It does not wait: endInput looks for
// the answers when all else is done.
func (o *observation) askInput() ([]trial.Input, error) {
	if o.kept.has(new(console.InputNote)) || !o.mayChange() {
		return nil, nil
	}
	if o.dead {
		return nil, errDead
	}
	if err := o.begin(trialOf(new(console.InputNote))); err != nil {
		return nil, err
	}
	facts, err := console.Read(o.root)
	if err != nil {
		return nil, err
	}
	ask := func(word string) string { return report.Need{Name: report.NeedInput, Nonce: word}.Line() }
	return trial.AskInput(askable(facts), ask), nil
}

// askable lists the terminals on which somebody may be asked.
func askable(facts *console.Facts) (names []string) {
	for _, t := range facts.Terminals {
		if t.Name == "hvc0" || !strings.HasPrefix(t.Name, "hvc") { // one device is enough for Linux to make all eight
			names = append(names, t.Name)
		}
	}
	return names
}

// endInput looks for the answers.
func (o *observation) endInput(inputs []trial.Input, err error) {
	var n console.InputNote
	if o.notes.has(&n) || !o.mayChange() {
		return
	}
	o.look(&n, func() error {
		if err != nil {
			return err
		}
		return trial.CollectInput(inputs, &n)
	})
}

// mayChange reports whether something may be changed for a moment: only in a guest
// that we booted, and unless a parameter forbids it.
func (o *observation) mayChange() bool {
	return o.pid1 && !o.settings().ReadOnly
}

// settings are the suite's, from SMBIOS and the command line.
func (o *observation) settings() suite.Settings {
	p := map[string]string{}
	kernel.ParseParameters(p, strings.Fields(string(o.notes.of(kernel.ParametersNote()))))
	maps.Copy(p, kernel.Parameters(o.root))
	return suite.ParseSettings(p)
}

// errDead is the error of a trial that would have to wait.
var errDead = errors.New("not tried: the timer is dead")

// waiting is a trial in which the kernel waits for a device or the firmware.
func (o *observation) waiting(n note.Note, measure func() error) {
	if o.dead {
		o.refuse(n, errDead)
		return
	}
	o.trial(n, measure)
}
