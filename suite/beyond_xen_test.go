package suite

var xenMutants = []mutant{
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
}

const vbd = "sys/bus/xen/devices/vbd-51712/"

// frontend adds a disk to the Xen PV bus, with a driver.
func frontend(state string) change {
	return all(replace(vbd+"nodename", "device/vbd/51712\n"), replace(vbd+"state", state+"\n"), link(vbd+"driver", "../../drivers/vbd"))
}
