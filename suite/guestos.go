package suite

// guestOS is what the texts ask of the kernel and its drivers. The kernel that
// the suite boots with is its own and nobody's guest OS.
var guestOS = []Requirement{
	{
		ID: "OS-PL011", Title: "The OS has a driver for the PL011",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS, Clauses: guestDriver(Must, 8, 8, 1),
		Fix: "Build the kernel with CONFIG_SERIAL_AMBA_PL011_CONSOLE.",
	},
	{
		ID: "OS-SBSA-UART", Title: "The OS has a driver for the SBSA UART",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS, Clauses: Clauses{V20: Clause{Must, "VM Images", 1}},
		Fix: "Build the kernel with CONFIG_SERIAL_AMBA_PL011_CONSOLE, whose driver serves the SBSA UART too.",
	},
	{
		ID: "OS-VIRTIO-CONSOLE", Title: "The OS has a driver for the virtio console",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS,
		Clauses: Clauses{RFCv2: Clause{Must, "VM Platform", 8}, V10: Clause{Must, "VM Platform", 8}},
		Fix:     "Build the kernel or its initial ramdisk with CONFIG_VIRTIO_CONSOLE.",
	},
	{
		ID: "OS-XEN-CONSOLE", Title: "The OS has a driver for the Xen PV console",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS,
		Clauses: Clauses{RFCv2: Clause{Must, "VM Platform", 8}, V10: Clause{Must, "VM Platform", 8}},
		Fix:     "Build the kernel with CONFIG_HVC_XEN.",
	},
	{
		ID: "OS-GICV2", Title: "The OS supports the GICv2",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS, Clauses: guestDriver(Must, 9, 9, 2),
		Fix: "Build the kernel with CONFIG_ARM_GIC.",
	},
	{
		ID: "OS-GICV3", Title: "The OS supports the GICv3",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS, Clauses: guestDriver(Must, 9, 9, 2),
		Fix: "Build the kernel with CONFIG_ARM_GIC_V3.",
	},
	{
		ID: "OS-EFI-RTC", Title: "The OS keeps time by the UEFI clock",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS,
		Clauses: Clauses{V10: Clause{Must, "VM Platform", 10}, V20: Clause{Must, "VM Images", 3}},
		Fix:     "Build the kernel or its initial ramdisk with CONFIG_RTC_DRV_EFI.",
	},
	{
		ID: "OS-VIRTIO-PCI", Title: "The OS drives virtio devices on PCI",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS, Clauses: guestDriver(StronglyRecommended, 10, 11, 4),
		Fix: "Put virtio_pci and the virtio block, net, console and balloon drivers into the kernel or its initial ramdisk.",
	},
	{
		ID: "OS-VIRTIO-MMIO", Title: "The OS drives virtio devices in memory",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS, Clauses: guestDriver(StronglyRecommended, 10, 11, 4),
		Fix: "Put virtio_mmio and the virtio block, net, console and balloon drivers into the kernel or its initial ramdisk.",
	},
	{
		ID: "OS-XEN-PV", Title: "The OS drives Xen PV devices",
		Subject: GuestOS, Kind: Evidence, Untested: ReasonNoOS, Clauses: guestDriver(StronglyRecommended, 10, 11, 4),
		Fix: "Put xen_blkfront, xen_netfront and the Xen balloon driver into the kernel or its initial ramdisk.",
	},
	{
		ID: "OS-NO-ASSUMPTIONS", Title: "The OS assumes no particular device",
		Subject: GuestOS, Kind: Functional, Untested: ReasonNoOS, Clauses: guestDriver(Must, 11, 12, 5),
		Fix: "Find devices by the hardware description and the buses, and name none on the command line.",
	},
}

// guestDriver is a sentence on guests by its number in RFC v2, in version 1.0,
// which adds one on the clock, and in version 2.0.
func guestDriver(level Level, rfc, v10, v20 int) Clauses {
	return Clauses{
		RFCv2: Clause{level, "VM Platform", rfc},
		V10:   Clause{level, "VM Platform", v10},
		V20:   Clause{level, "VM Images", v20},
	}
}
