package suite

import (
	"slices"
	"strings"

	"vmspec/probes"
)

// whyNotTried is the reason to skip a trial that changes something; empty if it
// was allowed.
func whyNotTried(f *probes.Facts) string {
	value, given := f.Kernel.Parameters["readonly"]
	switch {
	case f.Kernel.Context == "program":
		return ReasonOwnGuest
	case given && isOn(value):
		return ReasonReadOnly
	}
	return ""
}

// localErrors are errors of the kernel or of this suite. They say nothing about
// the device or the firmware behind the call.
var localErrors = []string{"EBUSY", "EEXIST", "EINTR", "EMFILE", "ENOMEM", "EPERM"}

func isLocalError(result string) bool {
	name, _, _ := strings.Cut(result, " ")
	return slices.Contains(localErrors, name)
}
