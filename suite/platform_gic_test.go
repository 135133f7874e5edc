package suite

import (
	"encoding/binary"
)

// madt is a MADT with one distributor of that version and no CPU.
func madt(version byte) []byte {
	const header, gicd = 44, 24
	table := make([]byte, header+gicd)
	copy(table, "APIC")
	binary.LittleEndian.PutUint32(table[4:], uint32(len(table)))
	table[header], table[header+1], table[header+20] = 0x0c, gicd, version
	var sum byte
	for _, b := range table {
		sum += b
	}
	table[9] = -sum
	return table
}

var gicMutants = []mutant{
	{
		name: "a GICv4 that Linux drives as a GICv3", guest: uefiGuest,
		change: replace("sys/firmware/acpi/tables/APIC", string(madt(4))),
		want:   map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-FDT-COMPLETE": Skip, "HW-ACPI-BOOT": Fail, "HW-FDT-ALONE": Skip, "HW-STDOUT": Fail, "PLAT-CPU-ENUM": Fail},
	},
}
