// Package tpm finds the guest's TPM: its version, the PCR banks in use and
// how much event log the firmware left.
package tpm

import (
	"errors"
	"io/fs"
	"strings"

	"vmspec/probes/note"
)

// Facts are about the first TPM. Without Present only Unseen is set, if anything.
type Facts struct {
	Present bool
	Unseen  *Described `json:",omitempty"` // one that is described, and that Linux does not show
	Version string     // "2.0" or "1.2", as Linux drives it; empty if it does not say
	Note
	TrialErr string // why the TPM's own words are unknown
	EventLog int    // bytes of the firmware's event log; 0 if there is none
}

const (
	dir      = "sys/class/tpm"
	eventLog = "sys/kernel/security/tpm0/binary_bios_measurements"
)

// versions maps tpm_version_major: Documentation/ABI/stable/sysfs-class-tpm.
var versions = map[string]string{"1": "1.2", "2": "2.0"}

// Read finds the facts out. A guest without a TPM is an answer.
func Read(fsys fs.FS) (*Facts, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return &Facts{Unseen: described(fsys)}, nil
	}
	if err != nil {
		return nil, err
	}
	f := Facts{Present: true}
	if text, err := fs.ReadFile(fsys, dir+"/"+entries[0].Name()+"/tpm_version_major"); err == nil {
		f.Version = versions[strings.TrimSpace(string(text))]
	}
	if log, err := fs.ReadFile(fsys, eventLog); err == nil {
		f.EventLog = len(log)
	}
	if err := note.Read(fsys, &f.Note); err != nil {
		f.TrialErr = err.Error()
	}
	return &f, nil
}

// Active lists the algorithms of the banks that are on.
func (f *Facts) Active() []string {
	var out []string
	for _, b := range f.Banks {
		if b.PCRs > 0 {
			out = append(out, b.Algorithm)
		}
	}
	return out
}
