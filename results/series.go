package results

import (
	"fmt"
	"strings"
)

// A Series is what the host did in one of several boots of a VM. Each is a start of the
// VMM: a boot after a reset is of the same start.
type Series struct {
	Nonce string `json:"nonce"`
	Boot  int    `json:"boot"` // from 1
	Of    int    `json:"of"`
	// Fresh says that the VM was given a variable store in which no boot had written.
	Fresh bool   `json:"fresh,omitempty"`
	Store *Store `json:"store,omitempty"` // nil if the host gave none
	// Without is the VMM's argument by which it has no store on a file.
	Without string `json:"without,omitempty"`
	// Image says that the boots had the same disk image, with what they wrote into it.
	Image bool `json:"image,omitempty"`
	// Ended says that the VMM's process ended, and that nothing of it was left.
	Ended bool `json:"ended"`
	// Logs are the names of all boots' logs, in the folder of the first.
	Logs []string `json:"logs"`
}

// A Store is the file of a variable store, as it was before a boot and after it.
type Store struct {
	File   string `json:"file"`
	Before string `json:"before"` // SHA-256
	After  string `json:"after"`
}

// Written tells whether anything in the file changed.
func (s *Store) Written() bool { return s.Before != s.After }

// String has all by which boots are judged, so that two records that say the same are
// the same.
func (s *Series) String() string {
	text := fmt.Sprintf("boot %d of %d of series %s", s.Boot, s.Of, s.Nonce)
	if s.Fresh {
		text += ", with a fresh variable store"
	}
	if s.Image {
		text += ", with the disk image of the boots before"
	}
	if s.Without != "" {
		text += ", without a store by " + s.Without
	}
	if s.Store != nil {
		text += fmt.Sprintf("; store %.16s before, %.16s after", s.Store.Before, s.Store.After)
	}
	if !s.Ended {
		return text + "; the VMM's process did not end by itself"
	}
	return text + "; the VMM's process ended"
}

// Resets, as a record has them: what became of a VM whose guest reset it.
const (
	ResetCameBack = "came-back" // it booted again in the same process
	ResetEnded    = "ended"     // the VMM ended instead
	ResetHung     = "hung"      // neither
)

// resetMark is what Linux says before it calls PSCI's SYSTEM_RESET
// (kernel/reboot.c, kernel_restart), at the level that "quiet" shows too.
const resetMark = "reboot: Restarting system"

// Resets tells whether a line of a guest says that it resets the VM.
func Resets(line string) bool { return strings.Contains(line, resetMark) }

// observeReset judges PLAT-PSCI-RESET.
func observeReset(v view) (Verdict, string) {
	switch v.Reset {
	case ResetCameBack:
		return Pass, "the VM booted again when its guest reset it"
	case ResetEnded:
		return Fail, "the guest reset the VM, and the VMM ended"
	case ResetHung:
		return Fail, "the guest reset the VM, and it did not boot again"
	}
	return Skip, ""
}

// takePart keeps which boot of a series the report is of.
func (r *Report) takePart(s *Series) {
	if s == nil || r.series != nil {
		return
	}
	r.series = s
	r.Observed = append(r.Observed, s.String())
}

// TakePart is Observe for a report of a run that is not its last: the VM was reset
// behind it. Only what is true of both is taken.
func (r *Report) TakePart(h *HostRun) {
	if h.Nonce == "" || h.Nonce == r.Nonce {
		r.takePart(h.Series)
	}
}
