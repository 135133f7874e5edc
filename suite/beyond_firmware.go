package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/efi"
)

// beyondFirmware is whether the firmware has SMBIOS tables, variables that can
// be written, and a TPM.
var beyondFirmware = []Requirement{
	{
		ID: "FW-SMBIOS", Title: "The firmware has SMBIOS 3.0 tables or newer",
		Subject: Platform, Kind: Evidence, Clauses: infoEverywhere(),
		Needs: []string{"smbios"},
		Check: checkSMBIOS,
		Fix:   "Install SMBIOS tables with a 64-bit entry point under SMBIOS3_TABLE_GUID.",
		Refs:  []string{"SBBR"},
	},
	{
		ID: "FW-VAR-WRITE", Title: "A UEFI variable is made, extended and deleted",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"efi", "kernel"}, Kernel: []string{"CONFIG_EFI", "CONFIG_EFIVAR_FS"},
		Check: checkVariableWrite,
		Fix:   "Let SetVariable at run time create, append to and delete a variable, and GetVariable give it back.",
		Refs:  []string{"EBBR 2.7"},
	},
	{
		ID: "PLAT-TPM", Title: "The TPM is of version 2.0 with a SHA-256 bank",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"tpm"},
		Check: checkTPM,
		Fix:   "Give the VM a TPM 2.0 and allocate its SHA-256 PCR bank.",
	},
}

func checkSMBIOS(f *probes.Facts) Finding {
	s := f.SMBIOS
	switch {
	case !s.Present:
		return skip(ReasonNoDevice)
	case s.TablesErr != "":
		return unreadable(s.TablesErr)
	case s.Version == "":
		return unknown("only root can read the tables")
	}
	found := fmt.Sprintf("SMBIOS %s of %s, %s", s.Version, s.SystemVendor, s.BIOSVendor)
	if s.Entry != 64 {
		return fail("the entry point is 32-bit, which is older than SMBIOS 3.0", found)
	}
	return pass(found)
}

func checkVariableWrite(f *probes.Facts) Finding {
	e, t := f.EFI, f.EFI.Trial
	switch {
	case !e.Booted:
		return skip(ReasonNoUEFI)
	case whyNotTried(f) != "":
		return skip(whyNotTried(f))
	case e.Runtime == efi.RuntimeDisabled:
		return unknown(runtimeSwitchedOff)
	}
	var found []string
	if t.Space != nil {
		found = []string{fmt.Sprintf("%d of %d KiB free", t.Space.Free>>10, t.Space.Total>>10)}
	}
	for _, s := range t.Steps {
		switch {
		case s.Result == "ok":
		case isLocalError(s.Result):
			return unknown(s.Name+": "+s.Result, found...)
		default:
			return fail(s.Name+": "+s.Result, found...)
		}
	}
	switch {
	case t.Err != "":
		return unreadable(t.Err, found...)
	case t.Result("delete") == "":
		return unknown("the trial did not finish", found...)
	}
	return pass(append([]string{"created, extended, deleted"}, found...)...)
}

func checkTPM(f *probes.Facts) Finding {
	t := f.TPM
	switch {
	case !t.Present:
		return skip(ReasonNoDevice)
	case t.Version != "" && t.Version != "2.0":
		return fail("the TPM is of version " + t.Version)
	case t.TrialErr != "":
		return unreadable(t.TrialErr)
	}
	found := fmt.Sprintf("TPM %s by %s, banks %s, %d bytes of event log", t.Family, t.Manufacturer, strings.Join(t.Active(), " "), t.EventLog)
	if !slices.Contains(t.Active(), "sha256") {
		return fail("the SHA-256 bank is off", found)
	}
	return pass(found)
}
