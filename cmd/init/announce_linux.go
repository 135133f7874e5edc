package main

import (
	"io/fs"
	"strings"
	"sync/atomic"

	"vmspec/probes/rtc"
)

// An announcer says on the console what a worker does: if the VM stops, its last
// words say in which step. It announces each trial and each step in which Linux
// calls the firmware. Of other steps of one kind in a row it announces the first,
// which shows that the trial before it has ended.
type announcer struct {
	root          fs.FS
	say           func(format string, args ...any)
	kind, service string                 // of the step before
	beside        atomic.Pointer[string] // the service that the clock's trial calls at the same time
}

// step announces a step that begins.
func (a *announcer) step(name string) {
	kind, _, named := strings.Cut(name, " ")
	service := a.serviceOf(name)
	wanted := named && (kind == "trial" || kind != a.kind || service != a.service)
	if a.kind, a.service = kind, service; wanted {
		a.announce(calling(name, service))
	}
}

// calls announces the runtime services that a step calls one after the other.
func (a *announcer) calls(step string) func(service string) {
	return func(service string) { a.announce(calling(step, service)) }
}

// meanwhile announces a step that runs beside others until it is over.
func (a *announcer) meanwhile(step string) {
	service := a.serviceOf(step)
	a.announce(calling(step, service))
	a.beside.Store(&service)
}

func (a *announcer) over() { a.beside.Store(nil) }

// silent says nothing: for a guest that somebody else booted.
func silent(string, ...any) {}

func (a *announcer) announce(words string) {
	if service := a.beside.Load(); service != nil && *service != "" {
		words += ", beside UEFI " + *service
	}
	a.say("%s", words)
}

// calling names the runtime service that a step calls; most call none.
func calling(step, service string) string {
	if service == "" {
		return step
	}
	return step + ": UEFI " + service
}

// serviceOf returns the runtime service that Linux calls in a step. efivarfs
// lists the variables when it is mounted, and reads each when it is read.
func (a *announcer) serviceOf(step string) string {
	const variables = "sys/firmware/efi/efivars"
	switch {
	case step == "module rtc_efi": // its driver looks whether the clock answers
		return "GetTime"
	case step == clockTrial:
		if f, err := rtc.Read(a.root); err == nil && f.UEFI() != nil {
			return "GetTime"
		}
	case step == mountsLook:
		if _, err := fs.Stat(a.root, variables); err == nil {
			return "GetNextVariableName"
		}
	case strings.HasPrefix(step, "read "+variables+"/"):
		return "GetVariable"
	case step == imageTrial, step == imageLook: // variables tell the boot disk
		if _, err := fs.Stat(a.root, variables); err == nil {
			return "GetVariable"
		}
	}
	return ""
}
