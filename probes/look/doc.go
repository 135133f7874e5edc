// Package look looks at what a guest has and is not a file: the UEFI system table,
// SMBIOS, the TPM, the kernel's log, the suite's parameters and the boot disk. It
// changes nothing. A look fills the note that the package of its subject declares.
package look
