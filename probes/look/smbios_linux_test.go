package look

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/note"
	"vmspec/probes/smbios"
)

// structure lays out an SMBIOS structure and its strings.
func structure(kind byte, formatted []byte, texts ...string) []byte {
	out := append([]byte{kind, byte(4 + len(formatted)), 0, 0}, formatted...)
	return append(out, strings.Join(texts, "\x00")+"\x00\x00"...)
}

// entryPoint is a 64-bit entry point of SMBIOS 3.0.
func entryPoint(tables int) []byte {
	out := append([]byte("_SM3_\x00\x18\x03\x00\x00\x01\x00"), make([]byte, 12)...)
	binary.LittleEndian.PutUint32(out[12:], uint32(tables))
	var sum byte
	for _, b := range out {
		sum += b
	}
	out[5] = -sum
	return out
}

func smbiosOf(structures ...[]byte) fstest.MapFS {
	tables := append(bytes.Join(structures, nil), structure(127, nil)...)
	return fstest.MapFS{
		"sys/firmware/dmi/tables/smbios_entry_point": {Data: entryPoint(len(tables))},
		"sys/firmware/dmi/tables/DMI":                {Data: tables},
	}
}

func tables(root fs.FS) string {
	var n smbios.Note
	return string(note.Take(&n, func() error { return SMBIOS(root, &n) }))
}

func parametersOf(root fs.FS) string {
	var n note.FreeText
	return string(note.Take(&n, func() error { return Parameters(root, &n) }))
}

func TestSMBIOS(t *testing.T) {
	whole := smbiosOf(structure(0, make([]byte, 20), "EDK II"), structure(1, make([]byte, 23), "QEMU", "SERIAL-1"), structure(11, []byte{1}, "x"), structure(11, []byte{1}, "y"))
	tests := map[string]struct{ file, data, want string }{
		"no entry point":      {"smbios_entry_point", "", "^error .*entry point"},
		"cut entry point":     {"smbios_entry_point", "_SM3_", "^error .*entry point"},
		"tables too large":    {"DMI", strings.Repeat("x", maxTables+1), "^error larger than 4 MiB"},
		"a cut structure":     {"DMI", "\x01\x1b\x00", "^error "},
		"a length of nothing": {"DMI", "\x01\x00\x00\x00\x00\x00", "^(error|version) "},
		"whole":               {"", "", "^version 3.0.0\nentry 64\nstructures 0 1\nstructures 1 1\nstructures 11 2\nstructures 127 1\n$"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			for file, data := range whole {
				files[file] = data
			}
			if test.file != "" {
				files["sys/firmware/dmi/tables/"+test.file] = &fstest.MapFile{Data: []byte(test.data)}
			}
			got := tables(files)
			require.Regexp(t, test.want, got)
			require.NotContains(t, got, "SERIAL")
		})
	}
	require.Empty(t, tables(fstest.MapFS{}), "none is an answer")
	require.Empty(t, parametersOf(fstest.MapFS{}))
}

func TestParametersBySMBIOS(t *testing.T) {
	files := smbiosOf(structure(11, []byte{2}, "somebody else's", "vmspec.nonce=1"), structure(1, make([]byte, 23), "vmspec.nonce=2"),
		structure(11, []byte{2}, "vmspec.only=A B", "vmspec.readonly"))
	require.Equal(t, "vmspec.nonce=1\nvmspec.readonly\n", parametersOf(files))
}

func FuzzSMBIOS(f *testing.F) {
	whole := smbiosOf(structure(0, make([]byte, 20), "EDK II"), structure(11, []byte{1}, "vmspec.nonce=1"))
	f.Add(whole["sys/firmware/dmi/tables/smbios_entry_point"].Data, whole["sys/firmware/dmi/tables/DMI"].Data)
	f.Fuzz(func(t *testing.T, entry, data []byte) {
		files := fstest.MapFS{
			"sys/firmware/dmi/tables/smbios_entry_point": {Data: entry},
			"sys/firmware/dmi/tables/DMI":                {Data: data},
		}
		total := 0
		for _, line := range strings.Split(tables(files), "\n") {
			require.Regexp(t, `^(|version \d+\.\d+\.\d+|entry (32|64)|structures \d+ \d+|error .*)$`, line)
		}
		for line := range strings.Lines(parametersOf(files)) {
			if !strings.HasPrefix(line, "error ") {
				require.True(t, strings.HasPrefix(line, "vmspec."), line)
				total += len(line)
			}
		}
		require.LessOrEqual(t, total, len(data))
	})
}
