package look

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"vmspec/probes/efi"
	"vmspec/probes/fdt"
	"vmspec/probes/image"
	"vmspec/probes/memory"
)

// Offsets in EFI_SYSTEM_TABLE on a 64-bit machine: UEFI Specification 2.10,
// section 4.3.1; the header is that of section 4.2.1.
const (
	systabSignature  = "IBI SYST"
	systabSize       = 120
	systabHeaderSize = 12
	systabRevision   = 8
	systabVendor     = 24
	systabEntries    = 104
	systabTables     = 112
	configEntrySize  = 24
	maxConfigTables  = 128
	maxVendor        = 64
)

// SystemTable reads the UEFI system table out of physical memory, at the address
// that the EFI stub left in the device tree.
//
// Pointers in the table are physical, unless the stub gave the firmware a virtual
// map. So a pointer is followed only into memory that the kernel has reserved: at
// any other address could be a device.
func SystemTable(root fs.FS, n *efi.TableNote) error {
	address, err := systemTableAddress(root)
	if err != nil {
		return err
	}
	reserved, err := memory.Reserved(root)
	if err != nil {
		return err
	}
	read := func(address uint64, size int) ([]byte, error) {
		if !reserved.Covers(address, uint64(size)) {
			return nil, fmt.Errorf("%#x is not in memory reserved by the kernel", address)
		}
		return physical(address, size)
	}
	n.Address = address
	return readSystemTable(read, address, n)
}

// systemTableAddress returns what drivers/firmware/efi/libstub/fdt.c left.
func systemTableAddress(root fs.FS) (uint64, error) {
	tree, err := fdt.Load(root)
	if err != nil {
		return 0, err
	}
	chosen := tree.Root.Child("chosen")
	switch {
	case chosen == nil && tree.Broken != "":
		return 0, fmt.Errorf("no /chosen in what could be read of the device tree: %s", tree.Broken)
	case chosen == nil:
		return 0, errors.New("no /chosen in the device tree")
	}
	cells, ok := chosen.Cells("linux,uefi-system-table")
	if !ok || len(cells) != 2 {
		return 0, errors.New("no /chosen/linux,uefi-system-table in the device tree")
	}
	return uint64(cells[0])<<32 | uint64(cells[1]), nil
}

func readSystemTable(read func(uint64, int) ([]byte, error), address uint64, n *efi.TableNote) error {
	table, err := read(address, systabSize)
	if err != nil {
		return fmt.Errorf("system table: %w", err)
	}
	if got := string(table[:8]); got != systabSignature {
		return fmt.Errorf("system table: signature %q, want %q", got, systabSignature)
	}
	// The 32-bit table is shorter and has its pointers elsewhere.
	if got := binary.LittleEndian.Uint32(table[systabHeaderSize:]); got != systabSize {
		return fmt.Errorf("system table: %d bytes, want %d", got, systabSize)
	}
	revision := binary.LittleEndian.Uint32(table[systabRevision:])
	n.Revision = &revision
	if vendor, err := read(binary.LittleEndian.Uint64(table[systabVendor:]), 2*maxVendor); err == nil {
		n.Vendor = image.Text(vendor)
	}
	count := binary.LittleEndian.Uint64(table[systabEntries:])
	if count == 0 {
		return nil
	}
	if count > maxConfigTables {
		return fmt.Errorf("system table: %d configuration tables", count)
	}
	entries, err := read(binary.LittleEndian.Uint64(table[systabTables:]), int(count)*configEntrySize)
	if err != nil {
		return fmt.Errorf("configuration table: %w", err)
	}
	for ; len(entries) > 0; entries = entries[configEntrySize:] {
		n.Tables = append(n.Tables, efi.Table{GUID: strings.ToLower(image.GUID(entries)),
			Address: fmt.Sprintf("%#x", binary.LittleEndian.Uint64(entries[16:]))})
	}
	return nil
}
