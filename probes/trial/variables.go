package trial

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"vmspec/probes/efi"
	"vmspec/probes/note"
)

// Attributes of a variable: UEFI Specification 2.10, section 8.2.1. Ours is
// non-volatile, and accessible at boot and at run time.
const (
	trialAttributes = 0x1 | 0x2 | 0x4
	appendWrite     = 0x40
)

// trialVariable is the name of the trial's variable, with a GUID of our own.
const trialVariable = "VmspecTrial-8d6f0b5e-3c6a-4f3e-9a53-6d7a3c0e41b7"

// A variableStore keeps one variable. Its errors are the kernel's.
type variableStore struct {
	exists func() bool
	create func(attributes uint32, data []byte) error
	append func(attributes uint32, data []byte) error
	read   func() ([]byte, error) // attributes, little-endian, and data
	delete func() error
}

// tryVariables creates, reads, extends and deletes the variable, so that the store
// is as before. It notes the result of each step: "ok", "differs" if something else
// was read, or the kernel's error. A step that needs one which failed is left out.
func tryVariables(s variableStore, n *efi.Trial) error {
	step := func(into *string, err error) bool {
		*into = note.Result(err)
		return err == nil
	}
	if s.exists() {
		step(&n.Stale, s.delete())
	}
	first, second := []byte("vmspec"), []byte(" trial")
	if !step(&n.Create, s.create(trialAttributes, first)) {
		if s.exists() {
			_ = s.delete() // efivarfs shows a name without a variable behind it
		}
		return nil
	}
	if step(&n.Read, readBack(s, first)) && step(&n.Append, s.append(trialAttributes|appendWrite, second)) {
		step(&n.Reread, readBack(s, append(first, second...)))
	}
	step(&n.Delete, s.delete())
	return nil
}

// abortTries is how often a call is made that ends with EINTR. Linux makes that of
// EFI_ABORTED, and also answers so if a signal comes while it waits for another
// call of the firmware (drivers/firmware/efi/runtime-wrappers.c). Chance does not
// come so often in a row.
const (
	abortTries = 5
	abortPause = 2 * time.Millisecond
)

// errAborted is an answer of the firmware's, not the kernel's.
var errAborted = fmt.Errorf("EFI_ABORTED, %d times", abortTries)

// retryAborted calls until the call is not aborted.
func retryAborted(call func() error) error {
	for range abortTries {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
		time.Sleep(abortPause)
	}
	return errAborted
}

var errDiffers = errors.New("differs")

// readBack reads the variable and compares it with the data.
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
