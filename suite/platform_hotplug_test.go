package suite

var hotplugMutants = []mutant{
	{
		name: "a slot that can be switched", guest: uefiGuest, change: replace("sys/bus/pci/slots/0/power", "1\n"),
		want: map[string]Verdict{"PLAT-HOTPLUG-BUS": Pass},
	},
	{
		name: "Xen", guest: uefiGuest, change: all(replace("sys/hypervisor/type", "xen\n"), replace("sys/bus/xen/devices/vbd-51712/nodename", "device/vbd/51712\n")),
		want: map[string]Verdict{
			"PLAT-HOTPLUG-BUS": Pass, "PLAT-XEN-FRONTENDS": Error, // it has no driver
			"PLAT-XEN-FEATURES": Error, "PLAT-XEN-EVENTS": Fail, "PLAT-XEN-GRANTS": Fail, // there is none of what else Xen gives
			"PLAT-BLOCK-READ": Error,
		},
	},
	{
		name: "Xen without a device on its bus", guest: uefiGuest, change: replace("sys/hypervisor/type", "xen\n"),
		want: map[string]Verdict{"PLAT-HOTPLUG-BUS": Error, "PLAT-XEN-FEATURES": Error, "PLAT-XEN-EVENTS": Fail, "PLAT-XEN-GRANTS": Fail},
	},
	{
		name: "a kernel without PCI hotplug", guest: uefiGuest,
		change:  edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_HOTPLUG_PCI_PCIE=y", "# CONFIG_HOTPLUG_PCI_PCIE is not set"),
		want:    map[string]Verdict{"PLAT-HOTPLUG-BUS": Error},
		problem: map[string]string{"PLAT-HOTPLUG-BUS": "this kernel lacks CONFIG_HOTPLUG_PCI_PCIE"},
	},
}
