package suite

import "github.com/u-root/u-root/pkg/dt"

// sbsaUART turns the PL011 of the console into an SBSA UART.
var sbsaUART = all(edit("proc/tty/driver/ttyAMA", "PL011 rev1", "SBSA"), tree(func(root *dt.Node) {
	node(root, "pl011@9000000").UpdateProperty("compatible", []byte("arm,sbsa-uart\x00"))
}))

var consoleMutants = []mutant{
	{
		name: "an SBSA UART for a console", guest: uefiGuest,
		change:  sbsaUART,
		want:    map[string]Verdict{"PLAT-CONSOLE": Fail},
		problem: map[string]string{"PLAT-CONSOLE": "none of the console devices is a PL011"},
	},
	{
		name: "an SBSA UART and a kernel without virtio_console", guest: uefiGuest,
		change:  all(sbsaUART, edit("vmspec/modules", "loaded virtio_console", "missing virtio_console"), remove("sys/module/virtio_console")),
		want:    map[string]Verdict{"PLAT-CONSOLE": Error},
		problem: map[string]string{"PLAT-CONSOLE": "CONFIG_VIRTIO_CONSOLE"},
	},
	{
		name: "an SBSA UART and a lost virtio_pci, behind which there may be a console", guest: uefiGuest,
		change:  all(sbsaUART, edit("vmspec/modules", "loaded virtio_pci", "missing virtio_pci hung for 15s"), remove("sys/module/virtio_pci")),
		want:    map[string]Verdict{"PLAT-CONSOLE": Error},
		problem: map[string]string{"PLAT-CONSOLE": "CONFIG_VIRTIO_PCI"},
	},
	{
		name: "a console that is no SBSA UART, by v2.0", guest: uefiGuest, profile: V20,
		change:  edit("proc/tty/driver/ttyAMA", "PL011 rev1", "16550A"),
		want:    map[string]Verdict{"PLAT-CONSOLE-SBSA": Fail},
		problem: map[string]string{"PLAT-CONSOLE-SBSA": "neither an SBSA UART nor a PL011"},
	},
	{
		name: "the SBSA UART, by v2.0", guest: uefiGuest, profile: V20, change: sbsaUART,
		want: map[string]Verdict{},
	},
}
