package look

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/u-root/u-root/pkg/smbios"

	"vmspec/probes/note"
	probed "vmspec/probes/smbios"
)

// oemStrings is the SMBIOS structure type 11: SMBIOS 3.6, section 7.12.
const oemStrings = 11

// maxTables bounds the tables, as a capture bounds each of its files.
const maxTables = 4 << 20

// loadSMBIOS reads the firmware's SMBIOS tables, nil where there are none.
func loadSMBIOS(root fs.FS) (*smbios.Info, error) {
	const dir = "sys/firmware/dmi/tables/"
	entry, err := fs.ReadFile(root, dir+"smbios_entry_point")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tables, err := fs.ReadFile(root, dir+"DMI")
	if err != nil {
		return nil, err
	}
	if len(tables) > maxTables {
		return nil, errors.New("larger than 4 MiB")
	}
	return smbios.ParseInfo(entry, tables)
}

// SMBIOS counts what the firmware's tables hold.
func SMBIOS(root fs.FS, n *probed.Note) error {
	info, err := loadSMBIOS(root)
	if err != nil || info == nil {
		return err
	}
	n.Version = fmt.Sprintf("%d.%d.%d", info.MajorVersion(), info.MinorVersion(), info.DocRev())
	n.Entry = 32
	if info.Entry64 != nil {
		n.Entry = 64
	}
	counts := map[smbios.TableType]uint64{}
	for _, t := range info.Tables {
		counts[t.Type]++
	}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		n.Structures = append(n.Structures, probed.Structures{Type: uint8(kind), Count: counts[kind]})
	}
	return nil
}

// Parameters notes the suite's parameters from SMBIOS OEM strings, which a
// VMM can set where the command line is sealed.
func Parameters(root fs.FS, n *note.FreeText) error {
	info, err := loadSMBIOS(root)
	if err != nil || info == nil {
		return err
	}
	for _, t := range info.GetTablesByType(oemStrings) {
		raw, err := t.MarshalBinary()
		if err != nil {
			return err
		}
		n.Text += parameters(string(raw[min(t.Len(), len(raw)):]))
	}
	return nil
}

// parameters picks those strings that are the suite's, one a line. In a table the
// strings follow the structure, a NUL behind each.
func parameters(texts string) (lines string) {
	for text := range strings.SplitSeq(texts, "\x00") {
		if strings.HasPrefix(text, "vmspec.") && len(strings.Fields(text)) == 1 {
			lines += text + "\n"
		}
	}
	return lines
}
