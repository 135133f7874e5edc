// Package look looks at what a guest has and is not a file: the UEFI system
// table, SMBIOS, the TPM, the kernel's log, the suite's parameters and what is
// read of the boot disk. It changes nothing. What it finds it writes as notes,
// see package note.
package look
