package acpi

// FADT is the Fixed ACPI Description Table: ACPI 6.5, section 5.2.9.
type FADT struct {
	Major, Minor    int  // the version of ACPI that the table follows
	HardwareReduced bool // as every ARM machine is
	PSCI            bool // PSCI is implemented
	HVC             bool // and called by HVC, else by SMC
}

// Bits of the FADT's flags and of its ARM boot architecture flags: sections
// 5.2.9, table 5.10, and 5.2.9.4.
const (
	hardwareReduced = 1 << 20
	psciCompliant   = 1 << 0
	psciUseHVC      = 1 << 1
)

// ParseFADT reads a FADT with its header.
func ParseFADT(table []byte) (*FADT, error) {
	h, r, err := parse(table, "FACP")
	if r == nil {
		return nil, err
	}
	r.take(112 - headerSize)
	flags := r.u32()
	r.take(129 - 116) // reset register and value
	arm := r.u16()
	minor := r.u8()
	if r.err != nil {
		return nil, r.err
	}
	return &FADT{
		Major: h.Revision, Minor: int(minor & 0xf), // the upper half counts errata
		HardwareReduced: flags&hardwareReduced != 0,
		PSCI:            arm&psciCompliant != 0,
		HVC:             arm&psciUseHVC != 0,
	}, err
}
