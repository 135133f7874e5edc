package main

import (
	"fmt"
	"io/fs"
	"time"

	"vmspec/probes/note"
	"vmspec/probes/rtc"
	"vmspec/probes/trial"
)

// startClock begins the clock's trial, unless it must run alone or is UEFI's, and brings
// the guest up. If the clock's driver is a module, the guest is brought up first.
func (o *observation) startClock() (clock <-chan []byte) {
	_, err := fs.Stat(o.root, "sys/class/rtc/rtc0")
	if err == nil && !o.uefi {
		clock = o.watchClock()
	}
	if o.pid1 {
		o.bringUp()
	}
	if err != nil && !o.uefi {
		clock = o.watchClock()
	}
	return clock
}

// beginClock begins the trial of UEFI's clock, unless it must run alone.
func (o *observation) beginClock() <-chan []byte {
	if !o.takes("clock") {
		return nil
	}
	o.loadLeft("rtc_efi")
	return o.watchClock()
}

// watchClock begins the clock's trial, unless it must run alone.
func (o *observation) watchClock() <-chan []byte {
	if o.kept.has(new(rtc.Note)) || o.alone || !o.takes("clock") {
		return nil
	}
	text := make(chan []byte, 1)
	o.host.meanwhile(clockTrial)
	go func() {
		defer o.host.over()
		var n rtc.Note
		text <- note.Take(&n, func() error {
			if err := o.beginBeside(clockTrial); err != nil {
				return err
			}
			return trial.Clock(o.root, o.base, &n)
		})
	}()
	return text
}

// endClock waits for the clock's trial, or makes it alone.
func (o *observation) endClock(clock <-chan []byte) {
	var n rtc.Note
	switch {
	case o.dead:
		o.refuse(&n, errDead)
	case clock == nil && !o.takes("clock"):
		o.refuse(&n, errLeftOut)
	case clock != nil:
		_ = o.begin(clockWait) // no worker is lost while it waits
		text := within(clockLimit, clock)
		o.journal.step.beside.Store(0)
		o.keep(&n, text)
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
