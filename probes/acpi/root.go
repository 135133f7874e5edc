package acpi

import (
	"io/fs"
	"strconv"
	"strings"

	"vmspec/probes/kernel"
)

// Root is where the tables begin: the RSDP and the table that lists the others.
// Linux shows neither as a file, but logs both.
type Root struct {
	Revision int    // of the RSDP; 0 is ACPI 1.0's, or unknown if Table is empty
	Table    string // "XSDT" or "RSDT"; empty if the log does not say
}

// read reads the messages of drivers/acpi/acpica/tbprint.c,
// acpi_tb_print_table_header:
//
//	ACPI: RSDP 0x000000005C430018 000024 (v02 BOCHS )
//	ACPI: XSDT 0x000000005C43FE98 000064 (v01 BOCHS  BXPC     00000001      01000013)
func (r *Root) read(fsys fs.FS) {
	log, err := kernel.Log(fsys)
	if err != nil {
		return // whoever judges asks for a log
	}
	for _, line := range log {
		name, rest, _ := strings.Cut(strings.TrimPrefix(kernel.Message(line), "ACPI: "), " 0x")
		switch name {
		case "RSDP":
			_, version, _ := strings.Cut(rest, "(v")
			number, _, _ := strings.Cut(version, " ")
			r.Revision, _ = strconv.Atoi(number)
		case "XSDT", "RSDT":
			if r.Table == "" {
				r.Table = name
			}
		}
	}
}
