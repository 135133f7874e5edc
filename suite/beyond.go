package suite

import (
	"slices"
	"strings"

	"vmspec/probes"
)

// untried is why the suite did not try what changes something: a reason of a
// skip, empty where it could.
func untried(f *probes.Facts) string {
	value, given := f.Kernel.Parameters["readonly"]
	switch {
	case f.Kernel.Context == "program":
		return ReasonOwnGuest
	case given && isOn(value):
		return ReasonReadOnly
	}
	return ""
}

// ownErrors begin the results that are the kernel's doing or ours, and say
// nothing of what is behind it.
var ownErrors = []string{"EBUSY", "EEXIST", "EINTR", "EMFILE", "ENOMEM", "EPERM"}

func isOurs(result string) bool {
	name, _, _ := strings.Cut(result, " ")
	return slices.Contains(ownErrors, name)
}
