package suite

import (
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/kernel"
	"vmspec/probes/rtc"
)

// guestOS is what the texts ask of the kernel and its drivers. The platform does
// not owe it, so the guest OS has a verdict of its own. Judged is a guest that
// somebody else booted, or the kernel in an image. The suite's own kernel is not
// under test: what it has and lacks is reported only.
var guestOS = []Requirement{
	{
		ID: "OS-PL011", Title: "The OS has a driver for the PL011",
		Asked:    "The guest OS has a driver for the PL011.",
		Readings: everyText(by{4}),
		How: "Asks the kernel's configuration for SERIAL_AMBA_PL011 and its console. What is lacking fails; an unknown " +
			"configuration is an error. Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(Must, 8, 8, 1),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_SERIAL_AMBA_PL011", "CONFIG_SERIAL_AMBA_PL011_CONSOLE"),
		Fix:   "Build the kernel with CONFIG_SERIAL_AMBA_PL011_CONSOLE.",
	},
	{
		ID: "OS-SBSA-UART", Title: "The OS has a driver for the SBSA UART",
		Asked:    "The guest OS has a console driver for the SBSA UART.",
		Readings: Readings{V20: by{4}},
		How: "Asks the kernel's configuration for SERIAL_AMBA_PL011 and its console, which serve it too. What is lacking " +
			"fails; an unknown configuration is an error. Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence, Clauses: Clauses{V20: Clause{Must, "VM Images", 1}},
		Needs: []string{"kernel"},
		Check: offers("CONFIG_SERIAL_AMBA_PL011", "CONFIG_SERIAL_AMBA_PL011_CONSOLE"),
		Fix:   "Build the kernel with CONFIG_SERIAL_AMBA_PL011_CONSOLE, whose driver serves the SBSA UART too.",
	},
	{
		ID: "OS-VIRTIO-CONSOLE", Title: "The OS has a driver for the virtio console",
		Asked:    "The guest OS has a driver for the virtio console.",
		Readings: Readings{RFCv2: by{4}, V10: by{4}},
		How: "Looks for VIRTIO_CONSOLE, built in or as a module that is at hand. Without it, it fails; an unknown " +
			"configuration is an error. Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence,
		Clauses: Clauses{RFCv2: Clause{Must, "VM Platform", 8}, V10: Clause{Must, "VM Platform", 8}},
		Needs:   []string{"kernel"},
		Check:   offers("CONFIG_VIRTIO_CONSOLE"),
		Fix:     "Build the kernel or its initial ramdisk with CONFIG_VIRTIO_CONSOLE.",
	},
	{
		ID: "OS-XEN-CONSOLE", Title: "The OS has a driver for the Xen PV console",
		Asked:    "The guest OS has a driver for the Xen PV console.",
		Readings: Readings{RFCv2: by{4}, V10: by{4}},
		How: "Asks the kernel's configuration for HVC_XEN. Without it, it fails; an unknown configuration is an error. " +
			"Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence,
		Clauses: Clauses{RFCv2: Clause{Must, "VM Platform", 8}, V10: Clause{Must, "VM Platform", 8}},
		Needs:   []string{"kernel"},
		Check:   offers("CONFIG_HVC_XEN"),
		Fix:     "Build the kernel with CONFIG_HVC_XEN.",
	},
	{
		ID: "OS-GICV2", Title: "The OS supports the GICv2",
		Asked:    "The guest OS has a driver for the GICv2.",
		Readings: everyText(by{4}),
		How: "Asks the kernel's configuration for ARM_GIC. Without it, it fails; an unknown configuration is an error. " +
			"Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(Must, 9, 9, 2),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_ARM_GIC"),
		Fix:   "Build the kernel with CONFIG_ARM_GIC.",
	},
	{
		ID: "OS-GICV3", Title: "The OS supports the GICv3",
		Asked:    "The guest OS has a driver for the GICv3. The older texts ask for every newer version that there is.",
		Readings: Readings{RFCv2: by{4, 13}, V10: by{4, 13}, V20: by{4}},
		How: "Asks the kernel's configuration for ARM_GIC_V3, which drives a GICv4 too; GICv5 is not asked for. Without it, " +
			"it fails; an unknown configuration is an error. Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(Must, 9, 9, 2),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_ARM_GIC_V3"),
		Fix:   "Build the kernel with CONFIG_ARM_GIC_V3.",
	},
	{
		ID: "OS-EFI-RTC", Title: "The OS keeps time by the UEFI clock",
		Asked:    "The guest OS takes the time from UEFI's clock.",
		Readings: Readings{V10: by{4}, V20: by{4}},
		How: "Looks for RTC_DRV_EFI, built in or as a module that is at hand, and, in a running guest with a UEFI clock, " +
			"whether the kernel set its own clock by it. Without it, or by another clock, it fails; what does not show is an " +
			"error. Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence,
		Clauses: Clauses{V10: Clause{Must, "VM Platform", 10}, V20: Clause{Must, "VM Images", 3}},
		Needs:   []string{"kernel", "rtc"},
		Check:   checkClockUse,
		Fix:     "Build the kernel with CONFIG_RTC_DRV_EFI, and let it set its clock by that one (CONFIG_RTC_HCTOSYS_DEVICE).",
	},
	{
		ID: "OS-VIRTIO-PCI", Title: "The OS drives virtio devices on PCI",
		Asked:    "The kernel or its initial ramdisk drives virtio's block, network, console and balloon devices on PCI.",
		Readings: everyText(by{4}),
		How: "Looks for the five drivers, built in or as modules that are at hand. One that is lacking fails; what is not " +
			"known is an error. Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(StronglyRecommended, 10, 11, 4),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_VIRTIO_PCI", "CONFIG_VIRTIO_BLK", "CONFIG_VIRTIO_NET", "CONFIG_VIRTIO_CONSOLE", "CONFIG_VIRTIO_BALLOON"),
		Fix:   "Put virtio_pci and the virtio block, net, console and balloon drivers into the kernel or its initial ramdisk.",
	},
	{
		ID: "OS-VIRTIO-MMIO", Title: "The OS drives virtio devices in memory",
		Asked:    "The kernel or its initial ramdisk drives virtio's block, network, console and balloon devices by virtio-mmio.",
		Readings: everyText(by{4}),
		How: "Looks for the five drivers, built in or as modules that are at hand. One that is lacking fails; what is not " +
			"known is an error. Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(StronglyRecommended, 10, 11, 4),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_VIRTIO_MMIO", "CONFIG_VIRTIO_BLK", "CONFIG_VIRTIO_NET", "CONFIG_VIRTIO_CONSOLE", "CONFIG_VIRTIO_BALLOON"),
		Fix:   "Put virtio_mmio and the virtio block, net, console and balloon drivers into the kernel or its initial ramdisk.",
	},
	{
		ID: "OS-XEN-PV", Title: "The OS drives Xen PV devices",
		Asked:    "The kernel or its initial ramdisk drives Xen's PV block, network, console and balloon devices.",
		Readings: everyText(by{4}),
		How: "Looks for the four drivers, built in or as modules that are at hand. One that is lacking fails; what is not " +
			"known is an error. Skipped for the suite's own kernel.",
		Subject: GuestOS, Kind: Evidence, Clauses: guestDriver(StronglyRecommended, 10, 11, 4),
		Needs: []string{"kernel"},
		Check: offers("CONFIG_XEN_BLKDEV_FRONTEND", "CONFIG_XEN_NETDEV_FRONTEND", "CONFIG_HVC_XEN", "CONFIG_XEN_BALLOON"),
		Fix:   "Put xen_blkfront, xen_netfront and the Xen balloon driver into the kernel or its initial ramdisk.",
	},
	{
		ID: "OS-NO-ASSUMPTIONS", Title: "The OS assumes no particular device",
		Asked:    "The OS relies neither on particular devices beside the mandatory ones, nor on how they are implemented.",
		Readings: everyText(by{4, 15}),
		How: "Looks at the command line inside a disk image. A disk by the name of one driver, such as root=/dev/vda, one " +
			"kind of console only, such as console=ttyAMA0, or the address of a device fails. All else is skipped: boots on " +
			"other hypervisors would show it. Skipped in a running guest, whose command line is the VM's.",
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
		if f.Kernel.Context == "pid1" {
			found = appendNonEmpty(nil, strings.Join(found, " "))
			return Finding{Verdict: Skip, Problem: ReasonNoOS, Found: slices.Concat(found, wrong, unread)}
		}
		return judgeRead(wrong, strings.Join(unread, "; "), appendNonEmpty(nil, strings.Join(found, " "))...)
	}
}

// checkClockUse asks for the driver, and for its use where there is a UEFI clock:
// a running kernel says by which clock it set its own.
func checkClockUse(f *probes.Facts) Finding {
	driver := offers("CONFIG_RTC_DRV_EFI")(f)
	if driver.Verdict != Pass || f.Kernel.Context == "image" {
		return driver
	}
	clock := f.RTC.UEFI()
	if clock == nil {
		return driver
	}
	set := slices.IndexFunc(f.RTC.Clocks, func(c rtc.Clock) bool { return c.Set })
	switch {
	case clock.Set:
		return pass(append(driver.Found, "the kernel set its clock by "+clock.Name)...)
	case set >= 0:
		return fail("the kernel set its clock by "+f.RTC.Clocks[set].Name+", beside "+clock.Name, driver.Found...)
	}
	return unknown("nothing shows by which clock the OS sets its own: needs a kernel log that still has its beginning", driver.Found...)
}

// driverDiskNames are prefixes of disk names that belong to one driver.
var driverDiskNames = []string{"/dev/vd", "/dev/xvd", "/dev/sd", "/dev/hd", "/dev/nvme", "/dev/mmcblk"}

// pathDiskNames are folders of disk names that depend on where a disk is plugged,
// or on its driver.
var pathDiskNames = []string{"/dev/disk/by-path/", "/dev/disk/by-id/virtio-", "/dev/disk/by-id/nvme-", "/dev/disk/by-id/scsi-"}

// consoleKinds are prefixes of serial consoles' names, each of one kind of device.
// A console that is none of them, such as tty0 or ttynull, is no device of the VM.
var consoleKinds = []string{"ttyAMA", "ttyS", "hvc", "ttymxc", "ttyPS", "ttyLP", "ttyMSM"}

// checkAssumptions judges the image's own command line only. Any other belongs
// to the VM.
func checkAssumptions(f *probes.Facts) Finding {
	switch f.Kernel.Context {
	case "image":
	case "program":
		return skip(ReasonOwnImage)
	default:
		return skip(ReasonNoOS)
	}
	var wrong, found []string
	for _, assumes := range []func(*kernel.Facts) (problem, why string){assumedDisk, assumedConsole, assumedAddress} {
		if problem, why := assumes(f.Kernel); problem != "" {
			wrong, found = append(wrong, "the command line in the image has "+problem), append(found, why)
		}
	}
	if len(wrong) > 0 {
		return fail(strings.Join(wrong, "; "), found...)
	}
	return Finding{Verdict: Skip, Problem: ReasonBoot, Found: []string{"Linux " + f.Kernel.Release}}
}

// assumedDisk finds a disk that is named by its driver, its place or its number.
func assumedDisk(k *kernel.Facts) (problem, why string) {
	for _, name := range []string{"root", "resume"} {
		disk := k.Value(name)
		begins := func(prefix string) bool { return strings.HasPrefix(disk, prefix) }
		switch {
		case slices.ContainsFunc(driverDiskNames, begins):
			return name + "=" + disk, "only one driver gives a disk such a name"
		case slices.ContainsFunc(pathDiskNames, begins):
			return name + "=" + disk, "a disk has such a name only in its place"
		case isBlockNumber(disk):
			return name + "=" + disk, "only one driver gives a disk such a number"
		}
	}
	return "", ""
}

// isBlockNumber tells whether a disk is named by its major and minor number, as
// Linux reads root= (init/do_mounts.c).
func isBlockNumber(disk string) bool {
	major, minor, both := strings.Cut(disk, ":")
	digits := func(text, of string) bool { return text != "" && strings.Trim(text, of) == "" }
	hex, isHex := strings.CutPrefix(disk, "0x")
	return both && digits(major, "0123456789") && digits(minor, "0123456789") || isHex && digits(hex, "0123456789abcdefABCDEF")
}

// assumedConsole finds the only kind of console that the command line names. A
// kernel that is told of two can do without one.
func assumedConsole(k *kernel.Facts) (problem, why string) {
	kinds := map[string]bool{}
	for _, value := range k.Values("console") {
		for _, kind := range consoleKinds {
			if strings.HasPrefix(value, kind) && strings.Trim(value[len(kind):], "0123456789") != value[len(kind):] {
				kinds[kind] = true
				problem = "console=" + value
			}
		}
	}
	if len(kinds) != 1 {
		return "", ""
	}
	return problem, "a VM may have another console, on which nothing is seen"
}

// assumedAddress finds a device that the command line puts at an address.
func assumedAddress(k *kernel.Facts) (problem, why string) {
	for _, name := range []string{"earlycon", "console", "virtio_mmio.device"} {
		for _, value := range k.Values(name) {
			if strings.Contains(value, "0x") {
				return name + "=" + value, "the specification mandates no memory map"
			}
		}
	}
	return "", ""
}
