package trial

import "vmspec/probes/efi"

// Mark notes which mark an earlier boot left in a UEFI variable, and leaves one for
// the next. It names each runtime service before Linux calls it.
func Mark(calls func(service string), p MarkPlan, n *efi.MarkNote) error {
	calls("QueryVariableInfo") // which statfs asks
	if _, err := statEfivarfs(); err != nil {
		return err
	}
	return tryMark(efivar(efivarfs+markVariable, calls), p, n)
}
