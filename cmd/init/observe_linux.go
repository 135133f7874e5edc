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

	"vmspec/probes/guest"
	"vmspec/probes/note"
	"vmspec/probes/timer"
	"vmspec/probes/virtio"
)

// An observation is the live guest and the notes taken of it.
type observation struct {
	root  fs.ReadLinkFS
	pid1  bool
	dead  bool // no timer interrupt comes: a sleep would never end
	clock guest.Clock
	notes map[string][]byte
}

func newObservation(root fs.ReadLinkFS, pid1 bool) *observation {
	context := "program"
	if pid1 {
		context = "pid1"
	}
	names := []string{"counter"}
	if _, err := fs.Stat(root, "sys/firmware/efi"); err == nil {
		names = append(names, "efi")
	}
	o := &observation{root: root, pid1: pid1, notes: guest.Measure(root, names...)}
	o.notes["arch"] = []byte(runtime.GOARCH + "\n")
	o.notes["context"] = []byte(context + "\n")
	o.chooseClock()
	o.dead = pid1 && o.timerIsDead()
	return o
}

// note takes a measurement and keeps what it wrote.
func (o *observation) note(name string, measure func(out io.Writer) error) {
	o.notes[name] = note.Take(measure)
}

// chooseClock takes the counter if it was seen that reading it is safe.
func (o *observation) chooseClock() {
	o.clock = guest.Monotonic()
	if !strings.Contains(string(o.notes["counter"]), "error ") {
		if c, err := guest.Counter(); err == nil {
			o.clock = c
		}
	}
}

// timerIsDead looks at the dead-timer test, which is made by another clock
// where the counter cannot be read.
func (o *observation) timerIsDead() bool {
	dead, tested := timer.IsDead(o.notes["counter"])
	if !tested {
		maps.Copy(o.notes, guest.Measure(o.root, "ticks"))
		dead, _ = timer.IsDead(o.notes["ticks"])
	}
	if dead {
		// A collection may wait for other threads by the timer.
		debug.SetGCPercent(-1)
	}
	return dead
}

// clockMost is how long the clock's trial may take: it ends by itself sooner,
// unless the firmware's GetTime does not return.
const clockMost = 10 * time.Second

// take runs everything that is not reading a file, and returns the guest as
// files. The clock's seconds take longest: they begin first, and the rest
// happens meanwhile. Where the timer is dead nothing may sleep or wait.
func (o *observation) take() *guest.FS {
	var clock <-chan []byte
	if o.dead {
		o.note("clock", func(io.Writer) error { return errors.New("not tried: the timer is dead") })
	} else {
		clock = o.begin()
	}
	o.note("timer", func(w io.Writer) error { return guest.TrialTimer(o.root, o.dead, w) })
	if tpms, err := fs.ReadDir(o.root, "sys/class/tpm"); err == nil && len(tpms) > 0 && !o.dead {
		maps.Copy(o.notes, guest.Measure(o.root, "tpm"))
	}
	o.note("parameters", func(w io.Writer) error { return guest.Parameters(o.root, w) })
	o.note("smbios", func(w io.Writer) error { return guest.SMBIOS(o.root, w) })
	o.note("kmsg", func(w io.Writer) error {
		log, err := guest.ReadLog()
		if err != nil {
			return err
		}
		guest.Scrub(log)
		_, err = w.Write(log)
		return err
	})
	files := guest.Snapshot(o.root, func(string) error { return nil })
	if clock != nil {
		o.notes["clock"] = within(clockMost, clock)
	}
	for name, text := range o.notes {
		files.AddFile(note.Dir+"/"+name, text)
	}
	return files
}

// begin starts the clock's trial and brings the guest up, in this order unless
// the clock's driver is a module.
func (o *observation) begin() <-chan []byte {
	text := make(chan []byte, 1)
	trial := func() {
		text <- note.Take(func(w io.Writer) error { return guest.TrialRTC(o.root, o.clock, w) })
	}
	_, err := fs.Stat(o.root, "sys/class/rtc/rtc0")
	if err == nil {
		go trial()
	}
	if o.pid1 {
		o.bringUp()
	}
	if err != nil {
		go trial()
	}
	return text
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
	o.note("modules", func(w io.Writer) error { return loadModules(o.root, w) })
	o.note("mounts", func(io.Writer) error { return mountVariables() })
	o.settle()
	if err := reopenConsole(); err != nil {
		say("%v", err)
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
