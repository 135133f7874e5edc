package look

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/u-root/u-root/pkg/smbios"
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

// SMBIOS writes what the firmware's tables hold, and none of the serial
// numbers and UUIDs in them:
//
//	version MAJOR.MINOR.REVISION
//	entry BITS             of the entry point: 32 or 64
//	structures TYPE COUNT  for each type there is
func SMBIOS(root fs.FS, out io.Writer) error {
	info, err := loadSMBIOS(root)
	if err != nil || info == nil {
		return err
	}
	fmt.Fprintf(out, "version %d.%d.%d\n", info.MajorVersion(), info.MinorVersion(), info.DocRev())
	bits := 32
	if info.Entry64 != nil {
		bits = 64
	}
	fmt.Fprintf(out, "entry %d\n", bits)
	counts := map[smbios.TableType]int{}
	for _, t := range info.Tables {
		counts[t.Type]++
	}
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(out, "structures %d %d\n", kind, counts[kind])
	}
	return nil
}

// Parameters writes the suite's parameters from SMBIOS OEM strings, which a
// VMM can set where the command line is sealed.
func Parameters(root fs.FS, out io.Writer) error {
	info, err := loadSMBIOS(root)
	if err != nil || info == nil {
		return err
	}
	for _, t := range info.GetTablesByType(oemStrings) {
		raw, err := t.MarshalBinary()
		if err != nil {
			return err
		}
		writeOwn(out, string(raw[min(t.Len(), len(raw)):]))
	}
	return nil
}

// writeOwn writes those strings that are the suite's: in a table they follow
// the structure, a NUL behind each.
func writeOwn(out io.Writer, texts string) {
	for text := range strings.SplitSeq(texts, "\x00") {
		if strings.HasPrefix(text, "vmspec.") && len(strings.Fields(text)) == 1 {
			fmt.Fprintln(out, text)
		}
	}
}
