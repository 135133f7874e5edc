package suite

var hotplugMutants = []mutant{
	{
		name: "a slot that can be switched", guest: uefiGuest, change: replace("sys/bus/pci/slots/0/power", "1\n"),
		want: map[string]Verdict{"PLAT-HOTPLUG-BUS": Pass},
	},
	{
		name: "a platform that keeps hotplug to itself", guest: acpiGuest, change: remove("sys/devices/pci0000:00/0000:00:03.0/0000:00:03.0:pcie004/driver", "sys/bus/pci/slots/0/power"),
		want:    map[string]Verdict{"PLAT-HOTPLUG-BUS": Fail},
		problem: map[string]string{"PLAT-HOTPLUG-BUS": "ACPI _OSC denies the OS native PCIe hotplug at port 0000:00:03.0"},
	},
	{
		name: "a hotplug port that Linux does not serve", guest: busGuest, change: remove("sys/devices/platform/4010000000.pcie/pci0000:00/0000:00:08.0/0000:00:08.0:pcie004/driver", "sys/bus/pci/slots/0/power"),
		want:    map[string]Verdict{"PLAT-HOTPLUG-BUS": Fail},
		problem: map[string]string{"PLAT-HOTPLUG-BUS": "Linux serves no hotplug at PCIe port 0000:00:08.0"},
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
		want:    map[string]Verdict{"PLAT-HOTPLUG-BUS": Error, "PLAT-XEN-FEATURES": Error, "PLAT-XEN-EVENTS": Fail, "PLAT-XEN-GRANTS": Fail},
		problem: map[string]string{"PLAT-HOTPLUG-BUS": "attach one Xen PV disk or network device"},
	},
	{
		name: "a kernel without PCI hotplug", guest: uefiGuest,
		change:  edit("lib/modules/6.1.0-56-arm64/config", "CONFIG_HOTPLUG_PCI_PCIE=y", "# CONFIG_HOTPLUG_PCI_PCIE is not set"),
		want:    map[string]Verdict{"PLAT-HOTPLUG-BUS": Error},
		problem: map[string]string{"PLAT-HOTPLUG-BUS": "this kernel lacks CONFIG_HOTPLUG_PCI_PCIE"},
	},
}
