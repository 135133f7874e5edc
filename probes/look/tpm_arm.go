package look

import (
	"fmt"
	"runtime"

	"vmspec/probes/tpm"
)

// TPM is not there: Debian's 32-bit kernel drives no TPM, and the guest is to
// stay small.
func TPM(*tpm.Note) error {
	return fmt.Errorf("ask the TPM: not on %s", runtime.GOARCH)
}
