package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/console"
	"vmspec/probes/virtio"
)

// platformConsole is what the chapter asks of the console.
var platformConsole = []Requirement{
	{
		ID: "PLAT-CONSOLE", Title: "The console is a PL011, virtio or Xen PV console",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{
			RFCv2: Clause{Must, "VM Platform", 4},
			V10:   Clause{Must, "VM Platform", 4},
		},
		Needs:  []string{"console", "virtio", "xen"},
		Kernel: []string{"CONFIG_SERIAL_AMBA_PL011", "CONFIG_VIRTIO_PCI", "CONFIG_VIRTIO_MMIO", "CONFIG_VIRTIO_CONSOLE", "CONFIG_HVC_XEN"},
		Check:  checkConsole,
		Fix:    "Give the VM a PL011, a virtio-console or the Xen PV console; an SBSA UART or a 16550 is none of them.",
	},
	{
		ID: "PLAT-CONSOLE-SBSA", Title: "The console is at least an SBSA UART",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{V20: Clause{Must, "VM Platform", 4}},
		Needs:   []string{"console"}, Kernel: []string{"CONFIG_SERIAL_AMBA_PL011"},
		Check: checkSBSA,
		Fix:   "Give the VM an SBSA UART or a PL011.",
		Refs:  []string{"B_PER_05"},
	},
}

func checkConsole(f *probes.Facts) Finding {
	var kinds, others []string
	for _, t := range f.Console.Terminals {
		if strings.HasPrefix(t.Name, "hvc") && t.Name != "hvc0" {
			continue // Linux creates all eight if there is one
		}
		if kind := consoleKind(f, t); kind != "" {
			kinds = append(kinds, t.Name+" is "+kind)
		} else {
			others = append(others, t.Name+" is "+strings.TrimSpace(t.UART+" "+t.Device))
		}
	}
	switch {
	case len(kinds) > 0:
		return pass(kinds...)
	case f.Console.Hidden != "":
		return unknown(f.Console.Hidden, others...)
	case len(others) == 0:
		return fail("there is no console device")
	}
	return fail("none of the console devices is a PL011, virtio or Xen PV console", others...)
}

// consoleKind names the kind of a terminal, one of the three of the text; it is
// empty for any other.
func consoleKind(f *probes.Facts, t console.Terminal) string {
	switch {
	case strings.HasPrefix(t.Name, "hvc") && f.Xen.Type == "xen":
		return "a Xen PV console"
	case strings.HasPrefix(t.Name, "hvc"):
		bound := func(d virtio.Device) bool { return d.ID == virtio.Console && d.Driver == "virtio_console" }
		if i := slices.IndexFunc(f.Virtio, bound); i >= 0 {
			return "a " + f.Virtio[i].String()
		}
		return ""
	case strings.HasPrefix(t.UART, "PL011"), slices.Contains(t.Node, "arm,pl011"):
		return "the PL011 " + t.Device
	// Under ACPI Linux drives a full PL011 as an SBSA UART. Only the hardware
	// ID tells them apart (drivers/tty/serial/amba-pl011.c).
	case strings.HasPrefix(t.Device, "ARMH0011"):
		return "the PL011 " + t.Device
	}
	return ""
}

// checkSBSA looks for a UART with at least the registers of the SBSA UART. A
// full PL011 has them all.
func checkSBSA(f *probes.Facts) Finding {
	var others []string
	for _, t := range f.Console.Terminals {
		if strings.HasPrefix(t.UART, "PL011") || strings.HasPrefix(t.UART, "SBSA") {
			return pass(fmt.Sprintf("%s is the %s %s", t.Name, t.UART, t.Device))
		}
		if strings.HasPrefix(t.Name, "tty") {
			others = append(others, t.Name+" is "+strings.TrimSpace(t.UART+" "+t.Device))
		}
	}
	if f.Console.Hidden != "" {
		return unknown(f.Console.Hidden, others...)
	}
	return fail("there is neither an SBSA UART nor a PL011", others...)
}
