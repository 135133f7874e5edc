package acpi

import (
	"cmp"
	"fmt"
)

// GTDT is the Generic Timer Description Table: ACPI 6.5, section 5.2.25.
// Interrupts are GSIVs: a PPI n is 16+n.
type GTDT struct {
	Secure, Physical, Virtual, Hypervisor uint32 // GSIV of each EL's timer
	AlwaysOn                              bool   // the virtual timer wakes a CPU from every state
	Watchdogs, MemoryTimers               int    // platform timers by kind
}

// Types of platform timer structures: section 5.2.25.1.
const (
	typeGTBlock  = 0
	typeWatchdog = 1
)

// alwaysOn is a flag of each timer: table 5.118.
const alwaysOn = 1 << 2

// ParseGTDT reads a GTDT with its header.
func ParseGTDT(table []byte) (*GTDT, error) {
	_, r, err := parse(table, "GTDT")
	if r == nil {
		return nil, err
	}
	all := *r
	r.take(48 - headerSize) // counter control base, reserved
	var g GTDT
	var flags [4]uint32
	for i, gsiv := range []*uint32{&g.Secure, &g.Physical, &g.Virtual, &g.Hypervisor} {
		*gsiv, flags[i] = r.u32(), r.u32()
	}
	g.AlwaysOn = flags[2]&alwaysOn != 0
	r.take(8) // counter read base
	count, offset := r.u32(), r.u32()
	switch {
	case r.err != nil:
		return nil, r.err
	case count == 0:
		return &g, err
	case offset < headerSize:
		return &g, cmp.Or(err, fmt.Errorf("platform timers at %d, inside the header", offset))
	}
	all.take(int(min(uint64(offset)-headerSize, uint64(len(table)))))
	found := 0
	for kind := range all.structures(2) {
		found++
		switch kind {
		case typeGTBlock:
			g.MemoryTimers++
		case typeWatchdog:
			g.Watchdogs++
		}
	}
	switch {
	case err != nil:
	case all.err != nil:
		err = fmt.Errorf("platform timers: %w", all.err)
	case uint64(found) != uint64(count):
		err = fmt.Errorf("%d platform timers, but there are %d", count, found)
	}
	return &g, err
}
