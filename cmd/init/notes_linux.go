package main

import (
	"vmspec/probes/efi"
	"vmspec/probes/image"
	"vmspec/probes/note"
	"vmspec/probes/rtc"
)

// notes are texts of notes, by the name that the note's subject declares.
type notes map[string][]byte

func (m notes) of(n note.Note) []byte { return m[note.Name(n)] }

func (m notes) has(n note.Note) bool {
	_, ok := m[note.Name(n)]
	return ok
}

func (m notes) set(n note.Note, text []byte) { m[note.Name(n)] = text }

// trialOf is the step in which a note is taken by making something happen, and
// lookAt the one in which it is taken by looking.
func trialOf(n note.Note) string { return "trial " + note.Name(n) }
func lookAt(n note.Note) string  { return "look " + note.Name(n) }

// Steps in which the firmware works.
var (
	clockTrial     = trialOf(new(rtc.Note))
	variablesTrial = trialOf(new(efi.Trial))
	imageTrial     = trialOf(new(image.Note))
	imageLook      = lookAt(new(image.Note))
	mountsLook     = lookAt(efi.MountsNote())
)

// clockWait is the step in which nothing is left to do but the clock's trial.
const clockWait = "wait clock"
