package suite

// image is the chapter "Image format", and what the chapter on firmware asks
// of an image. A guest that was started without a disk has none to look at.
var image = []Requirement{
	{
		ID: "IMG-GPT", Title: "The disk has a GUID partition table",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(1), Untested: ReasonNoImage,
		Fix:  "Partition the disk with a GUID partition table.",
		Refs: []string{"EBBR 2.8"},
	},
	{
		ID: "IMG-GPT-BACKUP", Title: "The backup partition table is whole too",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(1), Untested: ReasonNoImage,
		Fix: "Write the backup header and entries at the end of the disk, with sgdisk by its command e.",
	},
	{
		ID: "IMG-MBR-PROTECTIVE", Title: "A protective MBR covers the disk",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(1), Untested: ReasonNoImage,
		Fix: "Write a protective MBR: one partition of type 0xEE from LBA 1 on.",
	},
	{
		ID: "IMG-BOOT-PATH", Title: "The boot program is at the removable media path",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(2), Untested: ReasonNoImage,
		Fix:  `Put the boot program at \EFI\BOOT\BOOTAA64.EFI, for AArch32 at \EFI\BOOT\BOOTARM.EFI.`,
		Refs: []string{"EBBR 2.8"},
	},
	{
		ID: "IMG-EFI-APP", Title: "The boot program is an EFI application",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(2), Untested: ReasonNoImage,
		Fix: "Build the boot program as a PE image with subsystem 10 for the right machine.",
	},
	{
		ID: "IMG-ESP-TYPE", Title: "The ESP carries its partition type GUID",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(3), Untested: ReasonNoImage,
		Fix: "Give the ESP the partition type GUID C12A7328-F81F-11D2-BA4B-00A0C93EC93B.",
	},
	{
		ID: "IMG-ESP-FAT32", Title: "The ESP is formatted as FAT32",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(3), Untested: ReasonNoImage,
		Fix: "Format the ESP as FAT32, with at least 65525 clusters.",
	},
	{
		ID: "IMG-NO-VARIABLES", Title: "The image holds no UEFI variable store",
		Subject: Image, Kind: Evidence, Clauses: everywhere(Clause{Must, "Virtual Firmware", 6}), Untested: ReasonNoImage,
		Fix: "Keep the variable store with the VM: remove files such as NvVars and ubootefi.var from the ESP.",
	},
	{
		ID: "IMG-REMOVABLE", Title: "The image boots without a configured UEFI",
		Subject: Image, Kind: Functional, Clauses: everywhere(Clause{Must, "Virtual Firmware", 7}), Untested: ReasonNoImage,
		Fix: "Let the image boot by the removable media path alone, with an empty variable store.",
	},
	{
		ID: "IMG-NO-FIRMWARE", Title: "The image carries no UEFI firmware",
		Subject: Image, Kind: Evidence, Clauses: everywhere(Clause{Should, "Virtual Firmware", 8}), Untested: ReasonNoImage,
		Fix: "Leave the firmware to the hypervisor: remove firmware volumes from the image.",
	},
}

// imageFormat is the chapter's sentence n; version 2.0 puts one before it.
func imageFormat(n int) Clauses {
	return Clauses{
		RFCv2: Clause{Must, "Image format", n},
		V10:   Clause{Must, "Image format", n},
		V20:   Clause{Must, "VM Image Format", n + 1},
	}
}
