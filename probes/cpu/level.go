package cpu

import (
	"io/fs"
	"strings"

	"vmspec/probes/kernel"
)

// Level is at which exception level the guest's software was started. No program
// can read CurrentEL, so what the kernel logged is the witness.
type Level struct {
	Started string // "EL1", "EL2" or "several"; empty if the log does not say
	Said    string // the kernel's words
	Whole   bool   // the log was there from its beginning, so that silence means something
	Err     string `json:",omitempty"`
}

// levels are what the kernel says of the mode in which its CPUs were started
// (arch/arm64/kernel/smp.c and arch/arm/kernel/smp.c, hyp_mode_check), and then of
// whether it found EL2 for KVM (arch/arm64/kvm/arm.c). The first counts.
var levels = []struct{ words, level string }{
	{"CPU: All CPU(s) started at EL1", "EL1"},
	{"CPU: All CPU(s) started in SVC mode", "EL1"},
	{"CPU: All CPU(s) started at EL2", "EL2"},
	{"CPU: All CPU(s) started in HYP mode", "EL2"},
	{"CPU: CPUs started in inconsistent modes", "several"},
	{"CPU: WARNING: CPU(s) started in wrong/inconsistent modes", "several"},
	{"HYP mode not available", "EL1"},
	{"Hyp mode initialized successfully", "EL2"},
	{"VHE mode initialized successfully", "EL2"},
}

func (l *Level) read(fsys fs.FS) {
	log, err := kernel.Log(fsys)
	if err != nil {
		l.Err = err.Error()
		return
	}
	l.Whole = fromItsBeginning(log)
	for _, known := range levels {
		for _, line := range log {
			if message := kernel.Message(line); strings.Contains(message, known.words) {
				l.Started, l.Said = known.level, message
				return
			}
		}
	}
}
