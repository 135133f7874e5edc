package suite

import (
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/console"
	"vmspec/probes/virtio"
	"vmspec/results/report"
)

// seen is what the guest saw of its VM. What a subject could not read, or what this
// kernel cannot see, is left out.
func seen(f *probes.Facts) *report.Seen {
	s := &report.Seen{Numbers: map[string]uint64{}}
	for _, look := range []func(*probes.Facts, *report.Seen){seenCPUs, seenMemory, seenGIC, seenVirtio, seenNICs, seenDisks, seenTPM, seenConsoles} {
		lookSafely(look, f, s)
	}
	return s
}

// lookSafely turns a panic into "could not tell", as for a check.
func lookSafely(look func(*probes.Facts, *report.Seen), f *probes.Facts, s *report.Seen) {
	defer func() { _ = recover() }()
	look(f, s)
}

func seenCPUs(f *probes.Facts, s *report.Seen) {
	if f.CPU == nil || f.CPU.DeclaredErr != "" || isDamaged(f) {
		return
	}
	s.Numbers[report.SeenCPUs] = uint64(f.CPU.Enabled())
	if capable := f.CPU.OnlineCapable(); capable > 0 {
		s.Numbers[report.SeenCapable] = uint64(capable)
	}
}

// seenMemory rounds up to MiB: nobody claims a part of one.
func seenMemory(f *probes.Facts, s *report.Seen) {
	const mib = 1 << 20
	if f.Memory == nil {
		return
	}
	if f.Memory.DescribedErr == "" && len(f.Memory.Described) > 0 {
		s.Numbers[report.SeenMemory] = (f.Memory.Described.Total() + mib - 1) / mib
	}
	if f.Memory.RAMErr == "" && f.Memory.Limited == "" && len(f.Memory.RAM) > 0 && len(unusedMemory(f)) == 0 {
		s.Numbers[report.SeenRAM] = (f.Memory.RAM.Total() + mib - 1) / mib
	}
}

func seenGIC(f *probes.Facts, s *report.Seen) {
	if f.GIC == nil {
		return
	}
	if w := gicWitness(f); w.Version > 0 && !w.OrOlder && witnessesAgree(f) {
		s.Numbers[report.SeenGIC] = uint64(w.Version)
	}
}

func countVirtio(f *probes.Facts, ids ...int) (n int) {
	for _, d := range f.Virtio {
		if slices.Contains(ids, d.ID) {
			n++
		}
	}
	return n
}

func seenVirtio(f *probes.Facts, s *report.Seen) {
	if f.Errors["virtio"] != "" || undrivenVirtio(f) {
		return
	}
	s.Numbers[report.SeenRNG] = uint64(countVirtio(f, virtio.Entropy))
	s.Numbers[report.SeenBalloon] = uint64(countVirtio(f, virtio.Balloon))
}

// Base classes of PCI functions: PCI Code and ID Assignment 1.15, section 1.
const (
	classStorage = 0x01
	classNetwork = 0x02
	classVendor  = 0xff
)

// driverless tells whether a PCI function of a class has no driver: what is behind
// it cannot be seen.
func driverless(f *probes.Facts, class uint64) bool {
	if f.PCI == nil {
		return f.Errors["pci"] != ""
	}
	for _, function := range f.PCI.Functions {
		if function.Driver == "" && function.Class>>16 == class {
			return true
		}
	}
	return false
}

// undrivenVirtio tells whether a virtio device of unknown kind may be on PCI.
func undrivenVirtio(f *probes.Facts) bool { return driverless(f, classVendor) }

func seenNICs(f *probes.Facts, s *report.Seen) {
	if f.Errors["network"] != "" || driverless(f, classNetwork) {
		return
	}
	n := countVirtio(f, virtio.Net)
	for _, i := range f.Network {
		if i.Driver != "virtio_net" {
			n++
		}
	}
	s.Numbers[report.SeenNICs] = uint64(n)
}

// scsi is the device ID of a virtio SCSI host (Virtual I/O Device 1.2, section 5.6).
const scsi = 8

func seenDisks(f *probes.Facts, s *report.Seen) {
	if f.Errors["disk"] != "" || driverless(f, classStorage) {
		return
	}
	for _, d := range f.Virtio {
		if d.Driver == "" && (d.ID == virtio.Block || d.ID == scsi) {
			return
		}
	}
	s.Disks = []report.Disk{}
	for _, d := range f.Disk {
		if d.Size > 0 { // a drive without a medium has none
			s.Disks = append(s.Disks, report.Disk{Name: d.Name, Bytes: d.Size})
		}
	}
}

// seenTPM takes the description's word where the kernel has no driver.
func seenTPM(f *probes.Facts, s *report.Seen) {
	if f.TPM == nil {
		return
	}
	s.Numbers[report.SeenTPM] = 0
	if f.TPM.Present || f.TPM.Unseen != nil {
		s.Numbers[report.SeenTPM] = 1
	}
}

func seenConsoles(f *probes.Facts, s *report.Seen) {
	if f.Console == nil || f.Console.Hidden != "" {
		return
	}
	kinds := []string{}
	hvc := false // Linux creates eight hvc terminals if there is one
	for _, t := range f.Console.Terminals {
		if !strings.HasPrefix(t.Name, "hvc") {
			kinds = append(kinds, terminalKind(t))
			continue
		}
		if hvc {
			continue
		}
		hvc = true
		kind, doubt := hvcKind(f)
		switch {
		case doubt != "":
			return
		case strings.Contains(kind, "Xen"):
			kinds = append(kinds, "xen")
		case kind != "":
			kinds = append(kinds, "virtio")
		}
	}
	slices.Sort(kinds)
	s.Consoles = kinds
}

// terminalKind is what a claim calls a UART.
func terminalKind(t console.Terminal) string {
	switch {
	case uartKind(t) != "":
		return "pl011"
	case strings.HasPrefix(t.UART, "SBSA"):
		return "sbsa"
	case strings.HasPrefix(t.UART, "16550"):
		return "16550"
	}
	return report.OtherConsole
}
