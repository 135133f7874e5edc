package tpm

import (
	"io/fs"
	"strings"

	"vmspec/probes/fdt"
)

// Described is a TPM by its description.
type Described struct {
	By      string   // the device tree's node, or the ACPI table
	Options []string `json:",omitempty"` // of the kernel: drivers of such a TPM; none is known of a node that is only called tpm
}

// drivers are the kernel's options by a node's compatible
// (Documentation/devicetree/bindings/tpm).
var drivers = map[string]string{
	"tcg,tpm-tis-mmio": "CONFIG_TCG_TIS",
	"tcg,tpm_tis-spi":  "CONFIG_TCG_TIS_SPI",
	"tcg,tpm-tis-i2c":  "CONFIG_TCG_TIS_I2C",
	"microsoft,ftpm":   "CONFIG_TCG_FTPM_TEE",
}

// acpiTable describes a TPM 2.0. Which interface it has stands in the table, which is
// not read: both have a driver.
const acpiTable = "TPM2"

var acpiDrivers = []string{"CONFIG_TCG_TIS", "CONFIG_TCG_CRB"}

// described returns the first TPM that a description names.
func described(fsys fs.FS) *Described {
	if _, err := fs.Stat(fsys, "sys/firmware/acpi/tables/"+acpiTable); err == nil {
		return &Described{By: "ACPI's table " + acpiTable, Options: acpiDrivers}
	}
	tree, err := fdt.Load(fsys)
	if err != nil { // what is wrong with the tree, its own subject says
		return nil
	}
	for _, n := range tree.Root.All() {
		if options, is := driversOf(n); is && n.Enabled() {
			return &Described{By: "the device tree's " + n.Path(), Options: options}
		}
	}
	return nil
}

// driversOf tells whether a node is a TPM, and what drives it.
func driversOf(n *fdt.Node) (options []string, is bool) {
	for _, name := range n.Compatible() {
		if option := drivers[name]; option != "" {
			return []string{option}, true
		}
	}
	return nil, strings.HasPrefix(n.Name, "tpm@")
}
