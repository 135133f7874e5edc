package trial

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"vmspec/probes/note"
)

// Attributes of a variable: UEFI Specification 2.10, section 8.2.1. Ours is
// non-volatile and seen at boot and at run time.
const (
	trialAttributes = 0x1 | 0x2 | 0x4
	appendWrite     = 0x40
)

// trialVariable is what the trial calls its variable, by a GUID of our own.
const trialVariable = "VmspecTrial-8d6f0b5e-3c6a-4f3e-9a53-6d7a3c0e41b7"

// A variableStore keeps one variable. Its errors are the kernel's.
type variableStore struct {
	exists func() bool
	create func(attributes uint32, data []byte) error
	append func(attributes uint32, data []byte) error
	read   func() ([]byte, error) // attributes, little-endian, and data
	delete func() error
}

// tryVariables creates, reads, extends and deletes the variable, and leaves
// the store as it was. It writes a line for each step:
//
//	stale RESULT           a variable that an earlier trial left was deleted
//	create RESULT
//	read RESULT            what was created came back
//	append RESULT
//	reread RESULT          and so did what was appended
//	delete RESULT
//
// A result is "ok", or "differs" where something else came back, or the
// kernel's name of its error and its words. Steps behind a failed one that
// they need are left out.
func tryVariables(s variableStore, out io.Writer) error {
	step := func(name string, err error) bool {
		fmt.Fprintf(out, "%s %s\n", name, note.Result(err))
		return err == nil
	}
	if s.exists() {
		step("stale", s.delete())
	}
	first, second := []byte("vmspec"), []byte(" trial")
	if !step("create", s.create(trialAttributes, first)) {
		if s.exists() {
			_ = s.delete() // efivarfs shows a name without a variable behind it
		}
		return nil
	}
	if step("read", readBack(s, first)) && step("append", s.append(trialAttributes|appendWrite, second)) {
		step("reread", readBack(s, append(first, second...)))
	}
	step("delete", s.delete())
	return nil
}

var errDiffers = errors.New("differs")

// readBack reads the variable, which is to hold the data.
func readBack(s variableStore, data []byte) error {
	got, err := s.read()
	if err != nil {
		return err
	}
	want := append(binary.LittleEndian.AppendUint32(nil, trialAttributes), data...)
	if !bytes.Equal(got, want) {
		return errDiffers
	}
	return nil
}
