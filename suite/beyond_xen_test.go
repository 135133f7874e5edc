package suite

var xenMutants = []mutant{
	{
		name: "Xen's features", guest: xenGuest, change: replace("sys/hypervisor/properties/features", "00004845\n"),
		want: map[string]Verdict{"PLAT-XEN-FEATURES": Pass},
	},
	{
		name: "memory that is not translated", guest: xenGuest, change: replace("sys/hypervisor/properties/features", "00004841\n"),
		want:    map[string]Verdict{"PLAT-XEN-FEATURES": Fail},
		problem: map[string]string{"PLAT-XEN-FEATURES": "XENFEAT_auto_translated_physmap (bit 2) is not offered"},
	},
	{
		name: "no grant table", guest: xenGuest, change: edit("vmspec/kmsg", "Grant tables using version 1 layout", "no"),
		want: map[string]Verdict{"PLAT-XEN-GRANTS": Fail},
	},
	{
		name: "a log that has lost the grant table", guest: xenGuest, change: replace("vmspec/kmsg", "[    9.000000] late\n"),
		want: map[string]Verdict{"FW-EL1": Error, "PLAT-XEN-GRANTS": Error},
	},
	{
		name: "no interrupt for events", guest: xenGuest, change: edit("proc/interrupts", "Level     events", "Level     nothing"),
		want: map[string]Verdict{"PLAT-XEN-EVENTS": Fail},
	},
	{
		name: "no event yet", guest: xenGuest, change: edit("proc/interrupts", "1     GICv3  16 Level     events", "0     GICv3  16 Level     events"),
		want: map[string]Verdict{"PLAT-XEN-EVENTS": Error},
	},
	{
		name: "a disk that is connected", guest: xenGuest, change: frontend("Connected"),
		want: map[string]Verdict{"PLAT-XEN-FRONTENDS": Pass, "PLAT-HOTPLUG-BUS": Pass, "PLAT-BLOCK-READ": Error},
	},
	{
		name: "a disk whose backend does not answer", guest: xenGuest, change: frontend("Initialised"),
		want:    map[string]Verdict{"PLAT-XEN-FRONTENDS": Fail, "PLAT-HOTPLUG-BUS": Pass, "PLAT-BLOCK-READ": Error},
		problem: map[string]string{"PLAT-XEN-FRONTENDS": "vbd-51712 Initialised"},
	},
	{
		name: "a disk that was unplugged", guest: xenGuest, change: frontend("Closed"),
		want: map[string]Verdict{"PLAT-XEN-FRONTENDS": Error, "PLAT-HOTPLUG-BUS": Pass, "PLAT-BLOCK-READ": Error},
	},
	{
		name: "a disk without a driver", guest: xenGuest, change: replace(vbd+"state", "Initialising\n"),
		want: map[string]Verdict{"PLAT-XEN-FRONTENDS": Error, "PLAT-HOTPLUG-BUS": Pass, "PLAT-BLOCK-READ": Error},
	},
}

const vbd = "sys/bus/xen/devices/vbd-51712/"

// frontend adds a disk to the Xen PV bus, with a driver.
func frontend(state string) change {
	return all(replace(vbd+"nodename", "device/vbd/51712\n"), replace(vbd+"state", state+"\n"), link(vbd+"driver", "../../drivers/vbd"))
}
