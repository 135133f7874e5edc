package suite

import (
	"strings"

	"vmspec/probes"
)

// guestOS is what the texts ask of the kernel and its drivers. The running
// kernel is judged. The platform does not owe it, so Conclude ignores it where
// a platform is judged. The suite's own kernel is not a guest OS under test:
// what it has passes, what it lacks is skipped. Only a guest that somebody else
// booted, or the kernel in an image, can fail.
var guestOS = []Requirement{
	{
		ID: "OS-PL011", Title: "The OS has a driver for the PL011",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(Must, 8, 8, 1),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_SERIAL_AMBA_PL011", "CONFIG_SERIAL_AMBA_PL011_CONSOLE"),
		Fix:   "Build the kernel with CONFIG_SERIAL_AMBA_PL011_CONSOLE.",
	},
	{
		ID: "OS-SBSA-UART", Title: "The OS has a driver for the SBSA UART",
		Subject: GuestOS, Kind: Evidence, Clauses: Clauses{V20: Clause{Must, "VM Images", 1}},
		Needs: []string{"kernel"},
		Check: offers("CONFIG_SERIAL_AMBA_PL011", "CONFIG_SERIAL_AMBA_PL011_CONSOLE"),
		Fix:   "Build the kernel with CONFIG_SERIAL_AMBA_PL011_CONSOLE, whose driver serves the SBSA UART too.",
	},
	{
		ID: "OS-VIRTIO-CONSOLE", Title: "The OS has a driver for the virtio console",
		Subject: GuestOS, Kind: Evidence,
		Clauses: Clauses{RFCv2: Clause{Must, "VM Platform", 8}, V10: Clause{Must, "VM Platform", 8}},
		Needs:   []string{"kernel"},
		Check:   offers("CONFIG_VIRTIO_CONSOLE"),
		Fix:     "Build the kernel or its initial ramdisk with CONFIG_VIRTIO_CONSOLE.",
	},
	{
		ID: "OS-XEN-CONSOLE", Title: "The OS has a driver for the Xen PV console",
		Subject: GuestOS, Kind: Evidence,
		Clauses: Clauses{RFCv2: Clause{Must, "VM Platform", 8}, V10: Clause{Must, "VM Platform", 8}},
		Needs:   []string{"kernel"},
		Check:   offers("CONFIG_HVC_XEN"),
		Fix:     "Build the kernel with CONFIG_HVC_XEN.",
	},
	{
		ID: "OS-GICV2", Title: "The OS supports the GICv2",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(Must, 9, 9, 2),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_ARM_GIC"),
		Fix:   "Build the kernel with CONFIG_ARM_GIC.",
	},
	{
		ID: "OS-GICV3", Title: "The OS supports the GICv3",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(Must, 9, 9, 2),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_ARM_GIC_V3"),
		Fix:   "Build the kernel with CONFIG_ARM_GIC_V3.",
	},
	{
		ID: "OS-EFI-RTC", Title: "The OS keeps time by the UEFI clock",
		Subject: GuestOS, Kind: Evidence,
		Clauses: Clauses{V10: Clause{Must, "VM Platform", 10}, V20: Clause{Must, "VM Images", 3}},
		Needs:   []string{"kernel"},
		Check:   offers("CONFIG_RTC_DRV_EFI"),
		Fix:     "Build the kernel or its initial ramdisk with CONFIG_RTC_DRV_EFI.",
	},
	{
		ID: "OS-VIRTIO-PCI", Title: "The OS drives virtio devices on PCI",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(StronglyRecommended, 10, 11, 4),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_VIRTIO_PCI", "CONFIG_VIRTIO_BLK", "CONFIG_VIRTIO_NET", "CONFIG_VIRTIO_CONSOLE", "CONFIG_VIRTIO_BALLOON"),
		Fix:   "Put virtio_pci and the virtio block, net, console and balloon drivers into the kernel or its initial ramdisk.",
	},
	{
		ID: "OS-VIRTIO-MMIO", Title: "The OS drives virtio devices in memory",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(StronglyRecommended, 10, 11, 4),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_VIRTIO_MMIO", "CONFIG_VIRTIO_BLK", "CONFIG_VIRTIO_NET", "CONFIG_VIRTIO_CONSOLE", "CONFIG_VIRTIO_BALLOON"),
		Fix:   "Put virtio_mmio and the virtio block, net, console and balloon drivers into the kernel or its initial ramdisk.",
	},
	{
		ID: "OS-XEN-PV", Title: "The OS drives Xen PV devices",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(StronglyRecommended, 10, 11, 4),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_XEN_BLKDEV_FRONTEND", "CONFIG_XEN_NETDEV_FRONTEND", "CONFIG_HVC_XEN", "CONFIG_XEN_BALLOON"),
		Fix:   "Put xen_blkfront, xen_netfront and the Xen balloon driver into the kernel or its initial ramdisk.",
	},
	{
		ID: "OS-NO-ASSUMPTIONS", Title: "The OS assumes no particular device",
		Subject: GuestOS, Kind: Functional, Clauses: guestDriver(Must, 11, 12, 5),
		Needs: []string{"kernel"},
		Check: checkAssumptions,
		Fix:   "Find devices by the hardware description and the buses, and name none on the command line.",
	},
}

// guestDriver is a sentence on the guest OS, by its number in RFC v2, in
// version 1.0 and in version 2.0.
func guestDriver(level Level, rfc, v10, v20 int) Clauses {
	return Clauses{
		RFCv2: Clause{level, "VM Platform", rfc},
		V10:   Clause{level, "VM Platform", v10},
		V20:   Clause{level, "VM Images", v20},
	}
}

// offers returns a check that the kernel has these options.
func offers(options ...string) func(*probes.Facts) Finding {
	return func(f *probes.Facts) Finding {
		var found, wrong, unread []string
		for _, option := range options {
			has, lacks, unknown := f.Kernel.Offers(option)
			found, wrong, unread = appendNonEmpty(found, has), appendNonEmpty(wrong, lacks), appendNonEmpty(unread, unknown)
		}
		if len(wrong)+len(unread) > 0 && f.Kernel.Context == "pid1" {
			return Finding{Verdict: Skip, Problem: ReasonNoOS, Found: append(wrong, unread...)}
		}
		return judgeRead(wrong, strings.Join(unread, "; "), appendNonEmpty(nil, strings.Join(found, " "))...)
	}
}

// driverDiskNames are prefixes of disk names that belong to one driver.
var driverDiskNames = []string{"/dev/vd", "/dev/xvd", "/dev/sd", "/dev/hd", "/dev/nvme", "/dev/mmcblk"}

// checkAssumptions judges the image's own command line only. Any other belongs
// to the VM.
func checkAssumptions(f *probes.Facts) Finding {
	if f.Kernel.Context != "image" {
		return skip(ReasonNoOS)
	}
	root := f.Kernel.Value("root")
	for _, disk := range driverDiskNames {
		if strings.HasPrefix(root, disk) {
			return fail("the command line in the image has root="+root, "only one driver gives a disk such a name")
		}
	}
	return Finding{Verdict: Skip, Problem: ReasonBoot, Found: []string{"Linux " + f.Kernel.Release}}
}
