package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"vmspec/probes/console"
	"vmspec/probes/cpu"
	"vmspec/probes/disk"
	"vmspec/probes/efi"
	"vmspec/probes/entropy"
	"vmspec/probes/guest"
	"vmspec/probes/image"
	"vmspec/probes/kernel"
	"vmspec/probes/look"
	"vmspec/probes/memory"
	"vmspec/probes/network"
	"vmspec/probes/note"
	"vmspec/probes/rtc"
	"vmspec/probes/smbios"
	"vmspec/probes/timer"
	"vmspec/probes/tpm"
	"vmspec/probes/trial"
	"vmspec/probes/virtio"
	"vmspec/suite"
)

// An observation is the live guest and the notes taken of it.
type observation struct {
	*worker
	dead  bool // no timer interrupt comes: no sleep would end
	base  trial.Timebase
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
	var counter timer.CounterNote
	o.trial(&counter, func() error { return trial.Counter(w.root, &counter) })
	o.chooseBase()
	o.dead = w.pid1 && o.timerIsDead()
	return o
}

// note takes a measurement that fills n, and keeps the text. The step begins with
// it.
func (o *observation) note(step string, n note.Note, measure func() error) {
	name := n.Format().Name
	text, kept := o.kept[name]
	if !kept {
		text = note.Take(n, func() error {
			if err := o.begin(step + " " + name); err != nil {
				return err
			}
			return measure()
		})
		o.keep(name, text)
	}
	o.notes[name] = text
}

// refuse notes why nothing was measured.
func (o *observation) refuse(n note.Note, why error) { o.notes[n.Format().Name] = note.Failure(why) }

// keep saves a note for the next worker. If that fails, the next one takes it again.
func (o *observation) keep(name string, text []byte) { _ = o.journal.add(kindNote, name, text) }

// trial takes a note by making something happen.
func (o *observation) trial(n note.Note, measure func() error) { o.note("trial", n, measure) }

// look takes a note by looking alone.
func (o *observation) look(n note.Note, measure func() error) { o.note("look", n, measure) }

// chooseBase takes the counter if it was seen that reading it is safe.
func (o *observation) chooseBase() {
	o.base = trial.Monotonic()
	if note.Parse(o.notes["counter"], &timer.CounterNote{}) == nil {
		if c, err := trial.VirtualCounter(); err == nil {
			o.base = c
		}
	}
}

// timerIsDead looks at the dead-timer test, which is made by another clock
// where the counter cannot be read, and tells the supervisor.
func (o *observation) timerIsDead() bool {
	dead, tested := timer.IsDead(o.notes["counter"])
	if !tested {
		var ticks timer.TicksNote
		o.trial(&ticks, func() error { return trial.Ticks(o.root, &ticks) })
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

// clockLimit is how long the clock's trial may take. It ends sooner unless the
// firmware's GetTime does not return.
const clockLimit = 12 * time.Second

// take takes all notes and returns the guest as files. The clock's trial takes
// longest: it begins first, and the rest is done meanwhile. With a dead timer
// nothing may sleep or wait.
func (o *observation) take() *guest.FS {
	var clock <-chan []byte
	if !o.dead {
		clock = o.begun()
	}
	parameters := kernel.ParametersNote()
	o.look(parameters, func() error { return look.Parameters(o.root, parameters) })
	var tables smbios.Note
	o.look(&tables, func() error { return look.SMBIOS(o.root, &tables) })
	inputs, inputErr := o.askInput()
	o.trials()
	log := kernel.LogNote()
	o.look(log, func() error { return readLog(log) })
	files := guest.Snapshot(o.root, o.each("read"))
	o.exchange()      // waits for others, while the clock's trial waits anyway
	if clock == nil { // the clock's trial comes last, and may end this worker
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

// readLog notes the kernel's log, without what tells one machine from another.
func readLog(n *note.FreeText) error {
	log, err := look.ReadLog()
	guest.Scrub(log)
	n.Text = string(log)
	return err
}

// trials makes the trials for what this guest has.
func (o *observation) trials() {
	if _, err := fs.Stat(o.root, "sys/firmware/efi"); err == nil {
		var table efi.TableNote
		o.trial(&table, func() error { return look.SystemTable(o.root, &table) })
	}
	var sleeps timer.Note
	o.trial(&sleeps, func() error { return trial.Timer(o.root, o.dead, o.base, &sleeps) })
	var touch memory.TouchNote
	o.trial(&touch, func() error { return trial.Touch(o.root, &touch) })
	var agreement timer.Agreement
	o.waiting(&agreement, func() error { return trial.Agreement(o.root, o.base, &agreement) })
	if tpms, err := fs.ReadDir(o.root, "sys/class/tpm"); err == nil && len(tpms) > 0 {
		var n tpm.Note
		o.waiting(&n, func() error { return look.TPM(&n) })
	}
	if disks, err := disk.Read(o.root); err == nil {
		o.tryDisks(disks)
	}
	if source := trial.EntropySource(o.root); source != "" {
		var n entropy.Note
		o.waiting(&n, func() error { return trial.Entropy(source, &n) })
	}
	if _, err := fs.Stat(o.root, trial.PortClass); err == nil && o.mayChange() {
		var n console.PortsNote
		o.waiting(&n, func() error { return trial.Ports(o.root, &n) })
	}
	if _, err := fs.Stat(o.root, "sys/firmware/efi"); err == nil && o.mayChange() {
		var n efi.VariablesNote
		o.waiting(&n, func() error { return trial.Variables(o.host.calls(variablesTrial), &n) })
	}
}

// tryDisks reads blocks of all disks. Of the disk that the guest was booted from
// it records what the image is judged by. UEFI may know a disk that Linux does not.
func (o *observation) tryDisks(disks []disk.Disk) {
	_, err := fs.Stat(o.root, "sys/firmware/efi")
	var boot image.Note
	record := func() error { return look.BootDisk(o.root, disks, &boot) }
	if len(disks) > 0 {
		var blocks disk.Note
		o.waiting(&blocks, func() error { return trial.Disks(disks, &blocks) })
	}
	switch {
	case err == nil && len(disks) > 0:
		o.waiting(&boot, record)
	case err == nil:
		o.look(&boot, record)
	case len(disks) > 0:
		o.notes["image"] = note.Text(&image.Note{None: image.NoUEFI})
	default:
		o.notes["image"] = note.Text(&image.Note{None: image.NoDisk})
	}
}

// exchange makes the trials in which somebody outside the guest may answer.
func (o *observation) exchange() {
	interfaces, err := network.Read(o.root)
	if err == nil && len(interfaces) > 0 && o.mayChange() {
		var n network.Note
		o.waiting(&n, func() error { return trial.Network(o.root, interfaces, &n) })
	}
}

// offlineTrial is the riskiest trial, so it is the last: a kernel panics if a CPU
// goes on after PSCI's CPU_OFF (arch/arm64/kernel/smp.c, cpu_die).
const offlineTrial = "trial offline"

// tryOffline takes CPUs offline and back, after everything else is known of them,
// and only if the requirement is chosen.
func (o *observation) tryOffline() {
	if o.mayChange() && o.settings().Chosen("PLAT-CPU-OFFLINE") {
		var n cpu.OfflineNote
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
		if t.Name == "hvc0" || !strings.HasPrefix(t.Name, "hvc") { // one device is enough for Linux to make all eight
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
	var n console.InputNote
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
	kernel.ParseParameters(p, strings.Fields(string(o.notes["parameters"])))
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

const (
	clockTrial     = "trial clock"
	variablesTrial = "trial variables"
	mountsLook     = "look mounts"
)

// begun begins the clock's trial, unless it must run alone, and brings the guest
// up. If the clock's driver is a module, the guest is brought up first.
func (o *observation) begun() <-chan []byte {
	var text chan []byte
	if _, kept := o.kept["clock"]; !kept && !o.alone {
		text = make(chan []byte, 1)
	}
	watch := func() {
		defer o.host.over()
		var n rtc.Note
		text <- note.Take(&n, func() error {
			if err := o.beginBeside(clockTrial); err != nil {
				return err
			}
			return trial.Clock(o.root, o.base, &n)
		})
	}
	_, err := fs.Stat(o.root, "sys/class/rtc/rtc0")
	if err == nil && text != nil {
		go watch()
	}
	if o.pid1 {
		o.bringUp()
	}
	if err != nil && text != nil {
		go watch()
	}
	return text
}

// endClock waits for the clock's trial, or makes it alone.
func (o *observation) endClock(clock <-chan []byte) {
	var n rtc.Note
	switch {
	case o.dead:
		o.refuse(&n, errDead)
	case clock != nil:
		_ = o.begin("wait clock") // no worker is lost while it waits
		o.notes["clock"] = within(clockLimit, clock)
		o.journal.step.beside.Store(0)
		o.keep("clock", o.notes["clock"])
	default:
		o.trial(&n, func() error { return trial.Clock(o.root, o.base, &n) })
	}
}

// within waits for the text of a note, and no longer than it may.
func within(most time.Duration, text <-chan []byte) []byte {
	select {
	case t := <-text:
		return t
	case <-time.After(most):
		return note.Failure(fmt.Errorf("no end after %s", most))
	}
}

// bringUp loads modules and waits for the devices that they find.
func (o *observation) bringUp() {
	var modules kernel.ModulesNote
	o.look(&modules, func() error { return loadModules(o.root, o.each("module"), &modules) })
	o.look(efi.MountsNote(), mountVariables)
	if o.begin("wait console") == nil {
		o.settle()
	}
}

// A virtio console's terminal appears some time after its driver.
const (
	settlePoll  = 20 * time.Millisecond
	settleLimit = time.Second
)

// settle waits until a virtio console has its terminal, up to a limit: a console
// without a port never gets one.
func (o *observation) settle() {
	for range settleLimit / settlePoll {
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
