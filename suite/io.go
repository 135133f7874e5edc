package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/efi"
)

// exchange is what goes to and fro between a guest and its devices and
// firmware when somebody tries. The texts ask that these are there; that they
// work is told, and not asked.
var exchange = []Requirement{
	{
		ID: "FW-VAR-WRITE", Title: "A UEFI variable is made, extended and deleted",
		Subject: Platform, Kind: Functional, Clauses: toldEverywhere(),
		Needs: []string{"efi", "kernel"}, Kernel: []string{"CONFIG_EFI", "CONFIG_EFIVAR_FS"},
		Check: checkVariableWrite,
		Fix:   "Let SetVariable at run time create, append to and delete a variable, and GetVariable give it back.",
		Refs:  []string{"EBBR 2.7"},
	},
}

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

// refused tells whether the firmware did not create the trial's variable for
// another reason than a full store.
func refused(t efi.Trial) bool {
	result := t.Result("create")
	return result != "" && result != "ok" && !isOurs(result) && !strings.HasPrefix(result, "ENOSPC ")
}

func checkVariableWrite(f *probes.Facts) Finding {
	e, t := f.EFI, f.EFI.Trial
	switch {
	case !e.Booted:
		return skip(ReasonNoUEFI)
	case untried(f) != "":
		return skip(untried(f))
	case e.Runtime == efi.RuntimeDisabled:
		return unknown(switchedOff)
	}
	var found []string
	if t.Space != nil {
		found = []string{fmt.Sprintf("%d of %d bytes are free", t.Space.Free, t.Space.Total)}
	}
	for _, s := range t.Steps {
		switch {
		case s.Result == "ok":
		case isOurs(s.Result):
			return unknown(s.Name+": "+s.Result, found...)
		default:
			return fail(s.Name+": "+s.Result, found...)
		}
	}
	switch {
	case t.Err != "":
		return unknown(t.Err, found...)
	case t.Result("delete") == "":
		return unknown("the trial did not come to its end", found...)
	}
	return pass(append([]string{"created, read, extended, read, deleted"}, found...)...)
}
