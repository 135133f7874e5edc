package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/console"
	"vmspec/probes/virtio"
	"vmspec/probes/xen"
)

// platformConsole is what the chapter asks of the console.
var platformConsole = []Requirement{
	{
		ID: "PLAT-CONSOLE", Title: "The console is a PL011, virtio or Xen PV console",
		Asked:    "The VM has a serial console: an emulated PL011, a virtio console or the Xen PV console.",
		Readings: Readings{RFCv2: by{1}, V10: by{1}},
		How: "Passes if a terminal of Linux is a PL011, Xen's console, or a virtio console of which a port is a " +
			"console: a name such as hvc0 says nothing. An SBSA UART, a 16550 or nothing fails. A kernel without a " +
			"driver, or a kind that cannot be told, is an error.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{
			RFCv2: Clause{Must, "VM Platform", 4},
			V10:   Clause{Must, "VM Platform", 4},
		},
		Needs:  []string{"console", "virtio", "xen", "kernel"},
		Kernel: []string{"CONFIG_SERIAL_AMBA_PL011", "CONFIG_VIRTIO_PCI", "CONFIG_VIRTIO_MMIO", "CONFIG_VIRTIO_CONSOLE", "CONFIG_HVC_XEN"},
		Check:  checkConsole,
		Fix:    "Give the VM a PL011, a virtio-console or the Xen PV console; an SBSA UART or a 16550 is none of them.",
	},
	{
		ID: "PLAT-CONSOLE-SBSA", Title: "The console is at least an SBSA UART",
		Asked: "The VM has an emulated UART with at least what an SBSA UART has.",
		How: "Passes if the driver of a serial terminal reports an SBSA UART or a PL011, which has all its registers. Others, " +
			"or none, fail. A kernel without the driver, or a kind that only root can see, is an error.",
		Subject: Platform, Kind: Evidence,
		Clauses: Clauses{V20: Clause{Must, "VM Platform", 4}},
		Needs:   []string{"console"}, Kernel: []string{"CONFIG_SERIAL_AMBA_PL011"},
		Check: checkSBSA,
		Fix:   "Give the VM an SBSA UART or a PL011.",
		Refs:  []string{"B_PER_05"},
	},
}

func checkConsole(f *probes.Facts) Finding {
	var kinds, others, doubt []string
	seen := false // Linux creates eight hvc terminals if there is one
	for _, t := range f.Console.Terminals {
		kind, why := uartKind(t), ""
		if strings.HasPrefix(t.Name, "hvc") {
			if seen {
				continue
			}
			seen = true
			kind, why = hvcKind(f)
		}
		switch {
		case why != "":
			doubt = append(doubt, why)
		case kind != "":
			kinds = append(kinds, t.Name+" is "+kind)
		default:
			others = append(others, t.Name+" is "+strings.TrimSpace(t.UART+" "+t.Device)+otherHVC(f, t))
		}
	}
	switch {
	case len(kinds) > 0:
		return pass(kinds...)
	case len(doubt) > 0:
		return unknown(doubt[0], others...)
	case f.Console.Hidden != "":
		return unknown(f.Console.Hidden, others...)
	case len(refused(f, virtio.Console)) > 0:
		return sinceRefused(refused(f, virtio.Console), others...)
	case len(others) == 0:
		return fail("there is no console device")
	}
	return fail("none of the console devices is a PL011, virtio or Xen PV console", others...)
}

// uartKind names a UART that is a PL011; it is empty for any other terminal.
func uartKind(t console.Terminal) string {
	switch {
	case strings.HasPrefix(t.UART, "PL011"), slices.Contains(t.Node, "arm,pl011"):
		return "the PL011 " + t.Device
	// Under ACPI Linux drives a full PL011 as an SBSA UART. Only the hardware
	// ID tells them apart (drivers/tty/serial/amba-pl011.c).
	case strings.HasPrefix(t.Device, "ARMH0011"):
		return "the PL011 " + t.Device
	}
	return ""
}

// otherHVC says what an hvc terminal may be that is none of the three kinds.
func otherHVC(f *probes.Facts, t console.Terminal) string {
	if !strings.HasPrefix(t.Name, "hvc") {
		return ""
	}
	if d := virtioConsole(f); d != nil {
		return "another driver's: no port of the " + d.String() + " is a console"
	}
	return "another driver's"
}

// virtioConsole returns a virtio console that is driven, nil if there is none.
func virtioConsole(f *probes.Facts) *virtio.Device {
	at := slices.IndexFunc(f.Virtio, func(d virtio.Device) bool { return d.ID == virtio.Console && d.Driver == "virtio_console" })
	if at < 0 {
		return nil
	}
	return &f.Virtio[at]
}

// multiport is VIRTIO_CONSOLE_F_MULTIPORT: without it the one port of a virtio
// console is a console (Virtual I/O Device 1.2, section 5.3.3).
const multiport = 1

// hvcKind names what stands behind the hvc terminals: a Xen PV console, a virtio
// console of which a port is one, or another driver's, for which it is empty. The
// names hvc0 to hvc7 say nothing of that. If it cannot be told, doubt says why.
func hvcKind(f *probes.Facts) (kind, doubt string) {
	// The other driver of an ARM kernel: drivers/tty/hvc/hvc_dcc.c.
	dcc, _ := f.Kernel.Set("CONFIG_HVC_DCC")
	alone := f.Kernel.Config != "" && dcc != "y"
	d := virtioConsole(f)
	if f.Xen.Type == "xen" {
		if xenConsole(f) || d == nil && alone {
			return "a Xen PV console", ""
		}
		doubt = "cannot tell whether hvc0 is Xen's: no event channel of its driver is bound"
	}
	if d == nil {
		return "", doubt
	}
	is, known := f.Console.VirtioConsole()
	switch {
	case is, !d.Has(multiport) && d.Status&driverOK != 0, !known && alone && f.Xen.Type != "xen":
		return "a " + d.String(), ""
	case known:
		return "", doubt
	}
	return "", "cannot tell whether a port of the " + d.String() + " is a console: needs debugfs, or a guest of the suite's own"
}

// xenConsole tells whether the kernel's driver of the Xen PV console has bound its
// event channel (drivers/tty/hvc/hvc_irq.c).
func xenConsole(f *probes.Facts) bool {
	return f.Xen.Events != nil && slices.ContainsFunc(f.Xen.Events.Channels, func(c xen.Channel) bool { return c.User == "hvc_console" })
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
