package cpu

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"vmspec/probes/kernel"
)

// Identity is what the CPUs say they are.
type Identity struct {
	Models     []string // each once: implementer, part, variant and revision
	Variations []string // the kernel's messages about ID registers that differ and should not
	Whole      bool     // its log was there from its beginning, so that silence means something
	Err        string
}

func (i *Identity) read(fsys fs.FS) error {
	text, err := fs.ReadFile(fsys, "proc/cpuinfo")
	if err != nil {
		return err
	}
	i.Models = models(string(text))
	log, err := kernel.Log(fsys)
	if err != nil {
		return err
	}
	i.Whole = fromItsBeginning(log)
	for _, line := range log {
		// arch/arm64/kernel/cpufeature.c, check_update_ftr_reg
		if _, message, found := strings.Cut(line, "SANITY CHECK: "); found {
			i.Variations = append(i.Variations, message)
		}
	}
	return nil
}

// models reads the fields of MIDR_EL1 that /proc/cpuinfo shows of each CPU
// (arch/arm64/kernel/cpuinfo.c, arch/arm/kernel/setup.c).
func models(text string) []string {
	var out []string
	var implementer, variant, part string
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "CPU implementer":
			implementer = value
		case "CPU variant":
			variant = strings.TrimPrefix(value, "0x")
		case "CPU part":
			part = value
		case "CPU revision": // the last of them
			out = append(out, fmt.Sprintf("%s %s r%sp%s", implementer, part, variant, value))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fromItsBeginning tells whether nothing of the kernel's log was overwritten.
func fromItsBeginning(log []string) bool {
	return len(log) > 0 && strings.HasPrefix(log[0], "[    0.000000]")
}
