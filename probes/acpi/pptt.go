package acpi

import "cmp"

// PPTT is the Processor Properties Topology Table: ACPI 6.5, section 5.2.30.
type PPTT struct {
	CPUs     int // leaves of the hierarchy
	Packages int
	Caches   int
}

// Types of topology structures, and flags of a processor node: sections
// 5.2.30.1 and 5.2.30.2.
const (
	typeProcessor = 0
	typeCache     = 1

	physicalPackage = 1 << 0
	leafNode        = 1 << 3
)

// ParsePPTT reads a PPTT with its header.
func ParsePPTT(table []byte) (*PPTT, error) {
	h, r, err := parse(table, "PPTT")
	if r == nil {
		return nil, err
	}
	var p PPTT
	inner := map[uint32]bool{} // offsets of nodes that are somebody's parent
	type cpu struct{ offset, flags uint32 }
	var cpus []cpu
	at := uint32(headerSize)
	size := len(r.data)
	for kind, e := range r.structures(1) {
		here := at
		at = headerSize + uint32(size-len(r.data))
		switch kind {
		case typeProcessor:
			e.take(2)
			flags, parent := e.u32(), e.u32()
			e.take(8) // processor ID, number of resources
			inner[parent] = true
			cpus = append(cpus, cpu{here, flags})
		case typeCache:
			e.take(22)
			p.Caches++
		}
	}
	for _, c := range cpus {
		// Revision 1 tables have no flag for leaves.
		if c.flags&leafNode != 0 || h.Revision < 2 && !inner[c.offset] {
			p.CPUs++
		}
		if c.flags&physicalPackage != 0 {
			p.Packages++
		}
	}
	return &p, cmp.Or(err, r.err)
}
