package acpi

import (
	"cmp"
	"fmt"
)

// A Serial is a serial port, as SPCR and DBG2 number the kinds: Microsoft's
// DBG2 specification, table 3.
type Serial struct {
	Type    string // "PL011", or a number where it is none that ARM machines have
	Address uint64 // in memory
}

// SPCR is the Serial Port Console Redirection table, by Microsoft's
// specification of that name: the port that firmware talked on.
type SPCR struct {
	Serial
	GSIV uint32
}

// DBG2 is the Debug Port Table 2: the ports that a debugger may use.
type DBG2 struct {
	Serial []Serial
	Others int // ports that are not serial
}

var serialTypes = map[uint16]string{
	0x00: "16550", 0x01: "16450 of DBGP", 0x03: "PL011", 0x0d: "SBSA 2.x UART", 0x0e: "SBSA UART", 0x0f: "DCC", 0x12: "16550 with GAS",
}

func serialType(n uint16) string {
	if name, ok := serialTypes[n]; ok {
		return name
	}
	return fmt.Sprintf("type %#x", n)
}

// gas reads a Generic Address Structure: ACPI 6.5, section 5.2.3.2.
func (r *reader) gas() (address uint64) {
	r.take(4)
	return r.u64()
}

// ParseSPCR reads an SPCR with its header.
func ParseSPCR(table []byte) (*SPCR, error) {
	_, r, err := parse(table, "SPCR")
	if r == nil {
		return nil, err
	}
	s := SPCR{Serial: Serial{Type: serialType(uint16(r.u8()))}}
	r.take(3)
	s.Address = r.gas()
	r.take(2) // interrupt type, PC's interrupt
	s.GSIV = r.u32()
	r.take(80 - 58) // line settings, PCI address
	if r.err != nil {
		return nil, r.err
	}
	return &s, err
}

// serialPort is the DBG2 port type of all serial ports.
const serialPort = 0x8000

// maxPorts bounds the debug ports that are read: nobody has as many.
const maxPorts = 256

// ParseDBG2 reads a DBG2 with its header.
func ParseDBG2(table []byte) (*DBG2, error) {
	_, r, err := parse(table, "DBG2")
	if r == nil {
		return nil, err
	}
	all := *r
	offset, count := r.u32(), r.u32()
	switch {
	case r.err != nil:
		return nil, r.err
	case offset < headerSize+8:
		return nil, fmt.Errorf("debug ports at %d, inside the header", offset)
	}
	all.take(int(min(uint64(offset)-headerSize, uint64(len(table)))))
	var d DBG2
	for n := range min(count, maxPorts) {
		if broken := d.add(&all); broken != nil {
			return &d, cmp.Or(err, fmt.Errorf("debug port %d: %w", n, broken))
		}
	}
	return &d, err
}

// add reads the next port off r: table 2 of the specification.
func (d *DBG2) add(r *reader) error {
	whole := *r
	r.take(1) // revision
	length := int(r.u16())
	registers := r.u8()
	r.take(8) // name, OEM data
	kind, sub := r.u16(), r.u16()
	r.take(2)
	base := int(r.u16())
	r.take(2) // address sizes
	if r.err != nil {
		return r.err
	}
	const fixed = 22
	if length < fixed || length > len(whole.data) {
		return fmt.Errorf("length %d", length)
	}
	r.take(length - fixed)
	if kind != serialPort {
		d.Others++
		return r.err
	}
	port := reader{data: whole.data[:length]}
	s := Serial{Type: serialType(sub)}
	if registers > 0 {
		port.take(min(base, length))
		s.Address = port.gas()
	}
	d.Serial = append(d.Serial, s)
	return port.err
}
