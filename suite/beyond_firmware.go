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
		Asked: "Inventory tools read the VM's maker and model from SMBIOS, and SBBR asks for its 64-bit form.",
		How: "Looks at the entry point of the tables: 64-bit passes, 32-bit is older than SMBIOS 3.0 and fails. Skipped if " +
			"Linux has no SMBIOS; tables that only root can read are an error.",
		Subject: Platform, Kind: Evidence, Clauses: bySBSA(), Readings: asSBSA,
		Needs: []string{"smbios"},
		Check: checkSMBIOS,
		Fix:   "Install SMBIOS tables with a 64-bit entry point under SMBIOS3_TABLE_GUID.",
		Refs:  []string{"SBBR"},
	},
	// No sentence asks that a guest can set variables: the texts ask that those
	// which are set stay. SBBR asks it, which v2.0 suggests to follow; EBBR 2.7 makes
	// the service optional. FW-VAR-PERSIST needs it to be tried.
	{
		ID: "FW-VAR-RUNTIME", Title: "UEFI variables can be set by the running guest",
		Asked: "Installers set variables while the guest runs. SBBR asks for that; the texts themselves ask only that variables stay.",
		How: "Passes if efivarfs is mounted writable and, where that was tried, a variable could be created; a full store or " +
			"an error of the kernel does not count, and a call that may have been aborted is an error. A refusal, a read-only efivarfs, a crash in a runtime service or no UEFI " +
			"fails. Runtime services that were switched off are an error.",
		Subject: Platform, Kind: Evidence, Clauses: bySBSA(), Readings: asSBSA,
		RestsOn: "FW-UEFI-BOOT",
		Needs:   []string{"efi", "kernel"}, Kernel: []string{"CONFIG_EFI"},
		Check: checkVariables,
		Fix:   "Give the VM a variable store of its own and keep SetVariable working after ExitBootServices.",
		Refs:  []string{"EBBR 2.7"},
	},
	{
		ID: "FW-VAR-WRITE", Title: "A UEFI variable is made, extended and deleted",
		Asked: "Installers and updates write boot entries. They fail if the firmware does a part of it only.",
		How: "Creates a variable of our own, reads, extends and deletes it. A step that the firmware refuses, or that " +
			"reads something else, and a crash in it fail; an error of the kernel is an error. Skipped without UEFI, " +
			"with vmspec.readonly, and in a guest that we did not boot.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"efi", "kernel"}, Kernel: []string{"CONFIG_EFI", "CONFIG_EFIVAR_FS"},
		Check: checkVariableWrite,
		Fix:   "Let SetVariable at run time create, append to and delete a variable, and GetVariable give it back.",
		Refs:  []string{"EBBR 2.7"},
	},
	{
		ID: "PLAT-TPM", Title: "The TPM is of version 2.0 with a SHA-256 bank",
		Asked: "Measured boot and sealed keys need a TPM 2.0 with a SHA-256 bank.",
		How: "Asks the TPM for its version and its PCR banks. Another version, by Linux or by the TPM itself, or a SHA-256 bank " +
			"that is off, fails. Skipped without a TPM; a " +
			"TPM that is described and that no driver took, or that could not be asked, is an error, as always on AArch32.",
		Subject: Platform, Kind: Functional, Clauses: infoEverywhere(),
		Needs: []string{"tpm", "kernel"},
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

func checkVariables(f *probes.Facts) Finding {
	e := f.EFI
	switch {
	case !e.Booted:
		return fail(noUEFI)
	case e.Runtime == efi.RuntimeDisabled, e.Variables != "rw" && switchedOff(f) != "":
		return unknown(switchedOff(f))
	case e.Crash != "":
		return fail("the firmware crashed in a runtime service, and the kernel uses none any more", e.Crash)
	case e.Runtime == efi.RuntimeOff:
		return fail("the kernel could not use the firmware's runtime services")
	case e.VariableErr != "":
		return unreadable(e.VariableErr)
	case e.Variables == "ro" && f.Kernel.Context != "pid1":
		return unknown("efivarfs is mounted read-only; the administrator may want that")
	case e.Variables == "ro":
		return fail("efivarfs is read-only: the firmware has no SetVariable at run time")
	case e.Variables == "" && f.Kernel.Lacks("CONFIG_EFIVAR_FS") != "":
		return unknown(f.Kernel.Lacks("CONFIG_EFIVAR_FS"))
	// The kernel answers so if the firmware has none (fs/efivarfs/super.c).
	case strings.HasSuffix(e.MountErr, "operation not supported"), strings.HasSuffix(e.MountErr, "no such device"):
		return fail("no variable services at run time: " + e.MountErr)
	case e.MountErr != "":
		return unreadable(e.MountErr)
	case e.Variables == "":
		return unknown("efivarfs is not mounted")
	case strings.HasPrefix(e.Trial.Create, aborted):
		return unknown("the firmware may have aborted the call: create: " + e.Trial.Create)
	case creationRefused(e.Trial):
		return fail("a variable could not be created: " + e.Trial.Create)
	}
	return pass(fmt.Sprintf("efivarfs is writable and lists %d variables", e.Names))
}

// aborted is how the trial of an older vmspec noted EFI_ABORTED, or a signal that
// came meanwhile.
const aborted = "EINTR "

// creationRefused reports whether creation failed for a reason other than lack
// of space.
func creationRefused(t efi.Trial) bool {
	result := t.Create
	return result != "" && result != "ok" && !isLocalError(result) && !strings.HasPrefix(result, "ENOSPC ")
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
	for _, s := range t.Steps() {
		switch {
		case s.Result == "ok":
		case isLocalError(s.Result) && (e.Crash == "" || !strings.HasPrefix(s.Result, "EINTR ")):
			return unknown(s.Name+": "+s.Result, found...)
		default:
			return fail(s.Name+": "+s.Result, appendNonEmpty(found, e.Crash)...)
		}
	}
	switch {
	case e.Crash != "" && t.Delete == "":
		return fail("the firmware crashed in a runtime service", append(found, e.Crash)...)
	case t.Err != "":
		return unreadable(t.Err, found...)
	case t.Delete == "":
		return unknown("the trial did not finish", found...)
	}
	return pass(append([]string{"created, extended, deleted"}, found...)...)
}

// whyUnseen says why Linux does not show a TPM that is described.
func whyUnseen(f *probes.Facts) string {
	t := f.TPM.Unseen
	for _, option := range t.Options {
		if f.Kernel.Without(option) {
			return t.By + " describes a TPM: this kernel lacks " + option
		}
	}
	return t.By + " describes a TPM, and no driver took it"
}

func checkTPM(f *probes.Facts) Finding {
	t := f.TPM
	switch {
	case t.Unseen != nil:
		return unknown(whyUnseen(f))
	case !t.Present:
		return skip(ReasonNoDevice)
	case t.Version != "" && t.Version != "2.0":
		return fail("the TPM is of version " + t.Version)
	case t.TrialErr != "":
		return unreadable(t.TrialErr)
	case t.Family == "":
		return unknown("the TPM did not say of which version it is")
	case t.Family != "2.0":
		return fail(fmt.Sprintf("the TPM says that it is of version %q", t.Family))
	}
	found := fmt.Sprintf("TPM %s by %s, banks %s, %d bytes of event log", t.Family, t.Manufacturer, strings.Join(t.Active(), " "), t.EventLog)
	if !slices.Contains(t.Active(), "sha256") {
		return fail("the SHA-256 bank is off", found)
	}
	return pass(found)
}
