package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/u-root/u-root/pkg/smbios"

	"vmspec/probes/console"
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
	o := &observation{root: root, pid1: pid1, notes: map[string][]byte{}}
	o.notes["arch"] = []byte(runtime.GOARCH + "\n")
	context := "program"
	if pid1 {
		context = "pid1"
	}
	o.notes["context"] = []byte(context + "\n")
	o.notes["counter"] = guest.Measure("counter")
	o.chooseClock()
	o.dead = pid1 && o.timerIsDead()
	return o
}

// chooseClock takes the counter if the child has shown that reading it is
// safe.
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
		o.notes["ticks"] = guest.Measure("ticks")
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
		o.notes["clock"] = note.Take(func(io.Writer) error { return errors.New("not tried: the timer is dead") })
	} else {
		clock = o.begin()
	}
	o.notes["timer"] = note.Take(func(w io.Writer) error { return guest.TrialTimer(o.root, o.dead, w) })
	if _, err := fs.Stat(o.root, "sys/firmware/efi"); err == nil {
		o.notes["efi"] = guest.Measure("efi")
	}
	o.notes["parameters"] = note.Take(parameters)
	o.notes["kmsg"] = note.Take(func(w io.Writer) error {
		log, err := guest.ReadLog()
		if err == nil {
			_, err = w.Write(log)
		}
		return err
	})
	files := guest.Snapshot(o.root)
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
	o.notes["modules"] = note.Take(loadModules)
	o.notes["mounts"] = note.Take(func(io.Writer) error { return mountVariables() })
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
		terminals, err2 := console.Read(o.root)
		if err != nil || err2 != nil {
			return
		}
		waiting := false
		for _, d := range devices {
			waiting = waiting || d.ID == virtio.Console
		}
		if !waiting || terminals.Has("hvc0") {
			return
		}
		time.Sleep(settlePoll)
	}
}

// oemStrings is the SMBIOS structure type 11: SMBIOS 3.6, section 7.12.
const oemStrings = 11

// parameters writes the suite's parameters from SMBIOS OEM strings, which a
// VMM can set where the command line is sealed.
func parameters(out io.Writer) error {
	const dir = "/sys/firmware/dmi/tables/"
	entry, err := os.ReadFile(dir + "smbios_entry_point")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	tables, err := os.ReadFile(dir + "DMI")
	if err != nil {
		return err
	}
	info, err := smbios.ParseInfo(entry, tables)
	if err != nil {
		return err
	}
	for _, t := range info.GetTablesByType(oemStrings) {
		if err := writeOwn(out, t); err != nil {
			return err
		}
	}
	return nil
}

// writeOwn writes those strings of a table that are the suite's: they follow
// the structure, a NUL behind each.
func writeOwn(out io.Writer, t *smbios.Table) error {
	raw, err := t.MarshalBinary()
	if err != nil {
		return err
	}
	for text := range strings.SplitSeq(string(raw[min(t.Len(), len(raw)):]), "\x00") {
		if strings.HasPrefix(text, "vmspec.") && len(strings.Fields(text)) == 1 {
			if _, err := io.WriteString(out, text+"\n"); err != nil {
				return err
			}
		}
	}
	return nil
}
