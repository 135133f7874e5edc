package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/fdt"
	"vmspec/probes/memory"
)

// checkMemory compares in both directions: what Linux has must be described, and
// what is described must be there, unless it is reserved.
func checkMemory(f *probes.Facts) Finding {
	m := f.Memory
	if m.RAMErr != "" {
		return unreadable(m.RAMErr)
	}
	ram := fmt.Sprintf("%d MiB of RAM", m.RAM.Total()>>20)
	switch {
	case len(m.RAM) == 0:
		return unknown("/proc/iomem shows no System RAM")
	case m.DescribedErr != "":
		return unreadable(m.DescribedErr)
	case f.ACPI.Present && f.EFI.Booted && len(m.Described) == 0:
		return checkMemoryMap(m, ram, unusedMemory(f)...)
	case len(m.Described) == 0:
		return failSince("HW-FDT-BOOT", "no memory node in the device tree", ram)
	}
	found := fmt.Sprintf("%s, %d MiB described by fdt", ram, m.Described.Total()>>20)
	for _, piece := range m.RAM {
		switch {
		case m.Described.Covers(piece.Start, piece.Size):
		case f.FDT.Broken != "":
			return failSince("HW-FDT-BOOT", fmt.Sprintf("RAM at %s is not in what could be read of the device tree", piece), ram)
		default:
			return fail(fmt.Sprintf("RAM at %s is not described", piece), ram)
		}
	}
	missing := slices.DeleteFunc(slices.Clone(m.Missing), func(r fdt.Range) bool { return f.Kernel.Arch == "arm" && isKeptOnARM(f, r) })
	switch {
	case len(missing) > 0 && m.Limited != "":
		return unknown(m.Limited, found)
	case len(missing) > 0:
		return fail(fmt.Sprintf("%d MiB at %s are described and not reserved, but Linux does not have them", missing.Total()>>20, missing[0]), found)
	}
	return pass(found)
}

// checkMemoryMap judges memory that no device tree describes. Linux forgets all
// memory but that of UEFI's map (drivers/firmware/efi/efi-init.c, reserve_regions),
// so what it began with came from there. What it has beside that was added by ACPI
// or by a driver: a bus enumerates it.
func checkMemoryMap(m *memory.Facts, ram string, unused ...string) Finding {
	switch later := m.RAM.Without(m.AtBoot); {
	case m.Limited != "":
		return unknown(m.Limited, ram)
	case len(m.AtBoot) == 0:
		return unknown("cannot tell whether UEFI's memory map has this RAM: needs a kernel log that still has its beginning", ram)
	case len(later) > 0:
		return pass(ram+", by UEFI's memory map and from what was added later", fmt.Sprintf("%d MiB added, the first at %s", later.Total()>>20, later[0]))
	}
	return pass(append([]string{ram + ", all of it by UEFI's memory map"}, unused...)...)
}

// unusedMemory names ACPI's memory devices, if this kernel uses none of them, however
// much memory they have.
func unusedMemory(f *probes.Facts) (found []string) {
	const option = "CONFIG_ACPI_HOTPLUG_MEMORY"
	if f.Kernel == nil || len(f.Memory.Slots) == 0 || !f.Kernel.Without(option) {
		return nil
	}
	return []string{strings.Join(f.Memory.Slots, " ") + " may have more: this kernel lacks " + option}
}

// sectionARM: a 32-bit kernel gives up memory before the first boundary of 2 MiB
// (arch/arm/mm/mmu.c, adjust_lowmem_bounds).
const sectionARM = 2 << 20

// isKeptOnARM reports whether a 32-bit kernel leaves memory out of /proc/iomem that
// is there: a small piece, or what UEFI's map keeps for the firmware. That it logs
// among what it began with (arch/arm/kernel/setup.c, request_standard_resources).
func isKeptOnARM(f *probes.Facts, r fdt.Range) bool {
	return r.Size < sectionARM || f.EFI.Booted && f.Memory.AtBoot.Covers(r.Start, r.Size)
}
