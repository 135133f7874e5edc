package suite

import (
	"fmt"
	"slices"
)

// by has the numbers of the readings on which one text's clause rests: up to two,
// and 0 for none.
type by [2]int8

// Readings are the readings on which a requirement rests, by profile. They are
// numbers and no texts, so that PID 1 does not link the texts.
type Readings struct{ RFCv2, V10, V20 by }

// everyText is for a requirement that rests on the same readings in all texts.
func everyText(b by) Readings { return Readings{RFCv2: b, V10: b, V20: b} }

// By returns the numbers of the readings on which a profile's clause rests.
func (r Readings) By(p Profile) (numbers []int) {
	var readings by
	switch p {
	case RFCv2:
		readings = r.RFCv2
	case V10:
		readings = r.V10
	case V20:
		readings = r.V20
	}
	for _, n := range readings {
		if n > 0 {
			numbers = append(numbers, int(n))
		}
	}
	return numbers
}

// All returns the numbers of all these readings, in order.
func (r Readings) All() []int {
	var all []int
	for _, p := range Profiles() {
		all = append(all, r.By(p)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ClauseBy says where a profile asks the requirement, and by which readings:
// "Virtual Firmware 1, by reading 6". It is empty for what no sentence asks.
func (r Requirement) ClauseBy(p Profile) string {
	clause, _ := r.Clauses.By(p)
	text := clause.String()
	if text == "" {
		return ""
	}
	switch n := r.Readings.By(p); len(n) {
	case 1:
		text += fmt.Sprintf(", by reading %d", n[0])
	case 2:
		text += fmt.Sprintf(", by readings %d and %d", n[0], n[1])
	}
	return text
}

// Reading returns the text of a reading: how the suite takes a sentence that is
// loose. Its number never changes.
func Reading(number int) string { return readings[number-1] }

// ReadingCount is the number of the last reading.
func ReadingCount() int { return len(readings) }

var readings = [...]string{
	// 1: PLAT-CONSOLE, PLAT-TIMER
	"A heading that says must holds for all items of its list, also for those that say should. So the console and the timer are musts; v2.0 says so itself.",
	// 2: FW-UEFI-VERSION
	"UEFI 2.4 and 2.4A report the same revision, 2.40, so at least that is asked. That the firmware is UEFI at all is asked apart from its version.",
	// 3: FW-VAR-INSTANCE
	"That variables persist is only recommended. Where their store may be is a must all the same: with its VM, and never in a portable image.",
	// 4: what an image owes, or a guest OS
	"A sentence binds one of three parties: the platform, the image or the guest OS. None is blamed for another. What a guest can do only with the platform's help, the platform owes.",
	// 5: HW-FDT-UEFI and HW-ACPI-UEFI
	"By v2.0 ACPI tables and a device tree are asked together, which EBBR 2 forbids. That conflict is stated and not resolved.",
	// 6: FW-RTC
	"UEFI makes its clock mandatory, so firmware that must be UEFI compliant must have one. v1.0 and v2.0 say so in a sentence of their own.",
	// 7: FW-UEFI-SYSTAB, PLAT-GIC-CPUS
	"What a text states as a fact is asked: that the system table leads to the description, and that a GICv2 has 8 CPUs at most.",
	// 8: PLAT-GIC
	"A VM has one GIC, so it cannot show that its hypervisor supports both GICv2 and GICv3. The one that it has is judged; of boots that are merged, one with each is asked.",
	// 9: PLAT-CPU-ENUM, PLAT-MEM-ENUM, PLAT-DEV-ENUM
	"What ACPI or UEFI's memory map enumerates counts as enumerated, also where the text names the device tree only. A tree that lacks it fails the requirements on the tree.",
	// 10: IMG-GPT-BACKUP, IMG-MBR-PROTECTIVE
	"A GUID partition table is what UEFI defines: two copies of it, and a protective master boot record before the first.",
	// 11: IMG-BOOT-PATH
	"An image boots in the execution state that it is made for. It need not hold a program for each.",
	// 12: HW-FDT-COMPLETE, HW-ACPI-COMPLETE
	"A description leaves nothing out if it has all that no bus enumerates: devices on PCI or on the Xen PV bus need no entry.",
	// 13: OS-GICV3
	"The newer GICs that the older texts ask an OS to support are GICv3, and GICv4, which is driven as a GICv3. Later ones are not asked.",
	// 14: HW-ACPI-UEFI
	"The entry for ACPI is ACPI_20_TABLE_GUID, since tables of ACPI 1.0 cannot describe an Arm machine.",
	// 15: OS-NO-ASSUMPTIONS
	"Cannot means must not, where a text says what an OS cannot assume.",
	// 16: what SBSA and SBBR ask
	"To suggest strongly is to recommend strongly. Of SBSA and SBBR those rules are asked that a guest can see, and that no sentence of the text itself asks.",
	// 17: FW-EL1
	"What is expected should be so. At which level firmware was booted shows by the level at which it starts the kernel.",
	// 18: HW-FDT-UEFI
	"A boot loader between firmware and kernel can put the device tree into the configuration table. What the kernel finds there counts, and a loader that shows is named.",
}
