package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"vmspec/probes/console"
	"vmspec/probes/disk"
	"vmspec/probes/guest"
	"vmspec/probes/image"
	"vmspec/probes/kernel"
	"vmspec/probes/look"
	"vmspec/probes/network"
	"vmspec/probes/note"
	"vmspec/probes/timer"
	"vmspec/probes/trial"
	"vmspec/probes/virtio"
	"vmspec/suite"
)

// An observation is the live guest and the notes taken of it.
type observation struct {
	*worker
	dead  bool // no timer interrupt comes: a sleep would never end
	clock trial.Clock
	notes map[string][]byte
}

func newObservation(w *worker) *observation {
	context := contextProgram
	if w.pid1 {
		context = contextBoot
	}
	o := &observation{worker: w, notes: map[string][]byte{
		"arch":    []byte(runtime.GOARCH + "\n"),
		"context": []byte(context + "\n"),
	}}
	o.bringBack()
	o.trial("counter", func(out io.Writer) error { return trial.MeasureCounter(w.root, out) })
	o.chooseClock()
	o.dead = w.pid1 && o.timerIsDead()
	return o
}

// note takes a measurement and keeps what it wrote. The step begins with it.
func (o *observation) note(step, name string, measure func(out io.Writer) error) {
	text, kept := o.kept[name]
	if !kept {
		text = note.Take(func(out io.Writer) error {
			if err := o.begin(step); err != nil {
				return err
			}
			return measure(out)
		})
		o.keep(name, text)
	}
	o.notes[name] = text
}

// keep spares the next worker a note; without a journal it takes it again.
func (o *observation) keep(name string, text []byte) { _ = o.journal.add(kindNote, name, text) }

// trial takes a note by making something happen.
func (o *observation) trial(name string, measure func(out io.Writer) error) {
	o.note("trial "+name, name, measure)
}

// look takes a note by looking alone.
func (o *observation) look(name string, measure func(out io.Writer) error) {
	o.note("look "+name, name, measure)
}

// chooseClock takes the counter if it was seen that reading it is safe.
func (o *observation) chooseClock() {
	o.clock = trial.Monotonic()
	if !strings.Contains(string(o.notes["counter"]), "error ") {
		if c, err := trial.Counter(); err == nil {
			o.clock = c
		}
	}
}

// timerIsDead looks at the dead-timer test, which is made by another clock
// where the counter cannot be read, and tells the supervisor.
func (o *observation) timerIsDead() bool {
	dead, tested := timer.IsDead(o.notes["counter"])
	if !tested {
		o.trial("ticks", func(out io.Writer) error { return trial.MeasureTicks(o.root, out) })
		dead, _ = timer.IsDead(o.notes["ticks"])
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

// clockMost is how long the clock's trial may take: it ends by itself sooner,
// unless the firmware's GetTime does not return.
const clockMost = 12 * time.Second

// take runs everything that is not reading a file, and returns the guest as
// files. The clock's seconds take longest: they begin first, and the rest
// happens meanwhile. Where the timer is dead nothing may sleep or wait.
func (o *observation) take() *guest.FS {
	var clock <-chan []byte
	if !o.dead {
		clock = o.begun()
	}
	o.look("parameters", func(w io.Writer) error { return look.Parameters(o.root, w) })
	o.look("smbios", func(w io.Writer) error { return look.SMBIOS(o.root, w) })
	inputs, inputErr := o.askInput()
	o.trials()
	o.look("kmsg", func(w io.Writer) error {
		log, err := look.ReadLog()
		if err != nil {
			return err
		}
		guest.Scrub(log)
		_, err = w.Write(log)
		return err
	})
	files := guest.Snapshot(o.root, o.each("read"))
	o.exchange()      // it may wait, and the clock's trial waits anyway
	if clock == nil { // its trial could end this worker
		o.endInput(inputs, inputErr)
	}
	o.endClock(clock)
	o.endInput(inputs, inputErr)
	o.tryOffline()
	for name, text := range o.notes {
		files.AddFile(note.Dir+"/"+name, text)
	}
	return files
}

// trials makes the trials that this guest has something for.
func (o *observation) trials() {
	if _, err := fs.Stat(o.root, "sys/firmware/efi"); err == nil {
		o.trial("efi", func(w io.Writer) error { return look.MeasureEFI(o.root, w) })
	}
	o.trial("timer", func(w io.Writer) error { return trial.TrialTimer(o.root, o.dead, o.clock, w) })
	o.trial("touch", func(w io.Writer) error { return trial.TrialTouch(o.root, w) })
	o.waiting("agreement", func(w io.Writer) error { return trial.TrialAgreement(o.root, o.clock, w) })
	if tpms, err := fs.ReadDir(o.root, "sys/class/tpm"); err == nil && len(tpms) > 0 && !o.dead {
		o.trial("tpm", func(w io.Writer) error { return look.MeasureTPM(o.root, w) })
	}
	if disks, err := disk.Read(o.root); err == nil {
		o.tryDisks(disks)
	}
	if source := trial.EntropySource(o.root); source != "" {
		o.waiting("entropy", func(w io.Writer) error { return trial.TrialEntropy(source, w) })
	}
	if _, err := fs.Stat(o.root, trial.PortClass); err == nil && o.mayChange() {
		o.waiting("ports", func(w io.Writer) error { return trial.TrialPorts(o.root, w) })
	}
	if _, err := fs.Stat(o.root, "sys/firmware/efi"); err == nil && o.mayChange() {
		o.waiting("variables", func(w io.Writer) error { return trial.TrialVariables(o.host.calls(variablesTrial), w) })
	}
}

// tryDisks reads blocks of all disks, and of that from which the guest was
// booted what its image is judged by. UEFI may know of one that Linux does not.
func (o *observation) tryDisks(disks []disk.Disk) {
	_, err := fs.Stat(o.root, "sys/firmware/efi")
	record := func(w io.Writer) error { return look.RecordImage(o.root, disks, w) }
	if len(disks) > 0 {
		o.waiting("disks", func(w io.Writer) error { return trial.TrialDisks(disks, w) })
	}
	switch {
	case err == nil && len(disks) > 0:
		o.waiting("image", record)
	case err == nil:
		o.look("image", record)
	case len(disks) > 0:
		o.notes["image"] = []byte("none " + image.NoUEFI + "\n")
	default:
		o.notes["image"] = []byte("none " + image.NoDisk + "\n")
	}
}

// exchange makes the trials in which somebody outside may answer.
func (o *observation) exchange() {
	interfaces, err := network.Read(o.root)
	if err == nil && len(interfaces) > 0 && o.mayChange() {
		o.waiting("network", func(w io.Writer) error { return trial.TrialNetwork(o.root, interfaces, w) })
	}
}

// offlineTrial is the riskiest and the last: a kernel whose CPU does not go
// when PSCI lets it go panics (arch/arm64/kernel/smp.c, cpu_die).
const offlineTrial = "trial offline"

// tryOffline takes CPUs offline and back, when all else of them is known.
// Whoever does not want to know of it is spared.
func (o *observation) tryOffline() {
	if o.mayChange() && o.settings().Chosen("PLAT-CPU-OFFLINE") {
		o.waiting("offline", func(w io.Writer) error { return trial.TrialOffline(o.root, w) })
	}
}

// bringBack makes up for that trial where it was lost.
func (o *observation) bringBack() {
	if _, lost := o.lost[offlineTrial]; lost && o.begin("wait cpus") == nil {
		_ = trial.BringBack(o.root) // how many are online will be seen
	}
}

// askInput asks for a word on the terminals. Nobody waits for it: the answer
// is looked for when all else is done.
func (o *observation) askInput() ([]trial.Input, error) {
	if _, kept := o.kept["input"]; kept || !o.mayChange() {
		return nil, nil
	}
	if o.dead {
		return nil, errDead
	}
	if err := o.begin("trial input"); err != nil {
		return nil, err
	}
	facts, err := console.Read(o.root)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range facts.Terminals {
		if t.Name == "hvc0" || !strings.HasPrefix(t.Name, "hvc") { // Linux makes all eight as soon as there is one
			names = append(names, t.Name)
		}
	}
	return trial.AskInput(names), nil
}

// endInput looks for the answers.
func (o *observation) endInput(inputs []trial.Input, err error) {
	if _, ended := o.notes["input"]; ended || !o.mayChange() {
		return
	}
	o.look("input", func(w io.Writer) error {
		if err != nil {
			return err
		}
		return trial.CollectInput(inputs, w)
	})
}

// mayChange tells whether something may be changed for a moment: in a guest
// that is ours alone, unless a parameter forbids it.
func (o *observation) mayChange() bool {
	return o.pid1 && !o.settings().ReadOnly
}

// settings are the suite's, from SMBIOS and the command line.
func (o *observation) settings() suite.Settings {
	p := map[string]string{}
	kernel.ParseParameters(p, strings.Fields(string(o.notes["parameters"])))
	maps.Copy(p, kernel.Parameters(o.root))
	return suite.ParseSettings(p)
}

// errDead is a trial's that would wait.
var errDead = errors.New("not tried: the timer is dead")

// waiting is a trial in which the kernel waits for a device or the firmware.
func (o *observation) waiting(name string, measure func(out io.Writer) error) {
	if o.dead {
		o.notes[name] = note.Take(func(io.Writer) error { return errDead })
		return
	}
	o.trial(name, measure)
}

const (
	clockTrial     = "trial clock"
	variablesTrial = "trial variables"
	mountsLook     = "look mounts"
)

func (o *observation) tryClock(w io.Writer) error { return trial.TrialRTC(o.root, o.clock, w) }

// begun begins the clock's trial, unless it is to run alone, and brings the
// guest up, in this order unless the clock's driver is a module.
func (o *observation) begun() <-chan []byte {
	var text chan []byte
	if _, kept := o.kept["clock"]; !kept && !o.alone {
		text = make(chan []byte, 1)
	}
	trial := func() {
		defer o.host.over()
		text <- note.Take(func(w io.Writer) error {
			if err := o.beginBeside(clockTrial); err != nil {
				return err
			}
			return o.tryClock(w)
		})
	}
	_, err := fs.Stat(o.root, "sys/class/rtc/rtc0")
	if err == nil && text != nil {
		go trial()
	}
	if o.pid1 {
		o.bringUp()
	}
	if err != nil && text != nil {
		go trial()
	}
	return text
}

// endClock waits for the clock's trial, or makes it alone.
func (o *observation) endClock(clock <-chan []byte) {
	switch {
	case o.dead:
		o.notes["clock"] = note.Take(func(io.Writer) error { return errDead })
	case clock != nil:
		_ = o.begin("wait clock") // no worker is lost while it waits
		o.notes["clock"] = within(clockMost, clock)
		o.journal.step.beside.Store(0)
		o.keep("clock", o.notes["clock"])
	default:
		o.note(clockTrial, "clock", o.tryClock)
	}
}

// within waits for a note, and no longer than it may.
func within(most time.Duration, text <-chan []byte) []byte {
	select {
	case t := <-text:
		return t
	case <-time.After(most):
		return note.Take(func(io.Writer) error { return fmt.Errorf("no end after %s", most) })
	}
}

// bringUp loads what the kernel has as modules and waits for what they find.
func (o *observation) bringUp() {
	o.look("modules", func(w io.Writer) error { return loadModules(o.root, o.each("module"), w) })
	o.note(mountsLook, "mounts", func(io.Writer) error { return mountVariables() })
	if o.begin("wait console") == nil {
		o.settle()
	}
}

// A virtio console's terminal appears some time after its driver.
const (
	settlePoll = 20 * time.Millisecond
	settleMost = time.Second
)

// settle waits until a virtio console has its terminal; one without a console
// port never will.
func (o *observation) settle() {
	for range settleMost / settlePoll {
		devices, err := virtio.Read(o.root)
		if err != nil || !slices.ContainsFunc(devices, func(d virtio.Device) bool { return d.ID == virtio.Console }) {
			return
		}
		if _, err := fs.Stat(o.root, "sys/class/tty/hvc0"); err == nil {
			return
		}
		time.Sleep(settlePoll)
	}
}
