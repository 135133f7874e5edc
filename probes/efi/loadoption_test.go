package efi_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"vmspec/probes/efi"
)

// option lays out a Boot#### variable: attributes of the variable, then of the
// option, the path's length, the description, the path.
func option(attributes uint32, description string, path ...byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte{7, 0, 0, 0}, attributes)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(path)))
	for _, u := range append(utf16.Encode([]rune(description)), 0) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return append(out, path...)
}

func TestParseLoadOption(t *testing.T) {
	end := []byte{0x7f, 0xff, 4, 0}
	tests := map[string]struct {
		variable []byte
		want     *efi.LoadOption
		err      string
	}{
		"empty":                  {nil, nil, "0 bytes, want at least 10"},
		"cut before its path":    {option(1, "")[:9], nil, "9 bytes"},
		"too large":              {make([]byte, 1<<17), nil, "131072 bytes, at most 65536"},
		"description without":    {option(1, "UEFI")[:14], nil, "description: no end"},
		"path over the end":      {append(option(1, "")[:8], 9, 0, 0, 0), nil, "device path of 9 bytes, but 0 are left"},
		"node of three bytes":    {option(1, "", 1, 1, 4), nil, "device path: node 0: 3 bytes"},
		"node of no length":      {option(1, "", 1, 1, 0, 0), nil, "device path: node 0: length 0"},
		"node over the end":      {option(1, "", append(end, 1, 1, 9, 0)...), nil, "device path: node 1: length 9"},
		"inactive, no path":      {option(0, "Ä"), &efi.LoadOption{Description: "Ä"}, ""},
		"a node and its end":     {option(1, "disk", append([]byte{4, 1, 6, 0, 8, 9}, end...)...), &efi.LoadOption{Active: true, Description: "disk", Path: []efi.PathNode{{4, 1, []byte{8, 9}}}}, ""},
		"optional data behind":   {append(option(1, "x"), 1, 2, 3), &efi.LoadOption{Active: true, Description: "x"}, ""},
		"half a surrogate is no": {option(1, "\ufffd"), &efi.LoadOption{Active: true, Description: "\ufffd"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := efi.ParseLoadOption(test.variable)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

const global = "-8be4df61-93ca-11d2-aa0d-00e098032b8c"

func TestReadBoot(t *testing.T) {
	const dir = "sys/firmware/efi/efivars/"
	f := booted(t, map[string]string{
		dir + "Boot001A" + global:          string(option(1, "disk")),
		dir + "BootOrder" + global:         "\x07\x00\x00\x00\x1a\x00\x01\x00",
		dir + "BootCurrent" + global:       "\x06\x00\x00\x00\x1a\x00",
		dir + "BootOptionSupport" + global: "junk",
		dir + "Boot12345" + global:         "junk",
		dir + "Boot0000-another":           "junk",
	})
	require.Empty(t, f.BootErr)
	require.Equal(t, []efi.LoadOption{{Number: 0x1a, Active: true, Description: "disk"}}, f.Boot)
	require.Equal(t, []int{0x1a, 1}, f.BootOrder)
	require.Equal(t, 0x1a, *f.BootCurrent)

	for name, text := range map[string]string{"Boot0000": "x", "BootOrder": "\x07\x00\x00", "BootCurrent": "\x07\x00\x00\x00"} {
		f := booted(t, map[string]string{dir + name + global: text})
		require.Contains(t, f.BootErr, name+": ", "a hostile variable is an error, and costs no other fact")
		require.True(t, f.Booted)
	}
}

func FuzzParseLoadOption(f *testing.F) {
	f.Add(option(1, "disk", 4, 1, 6, 0, 8, 9, 0x7f, 0xff, 4, 0))
	f.Add(option(0, ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := efi.ParseLoadOption(data)
		if err != nil {
			return
		}
		size := 0
		for _, n := range got.Path {
			require.True(t, bytes.Contains(data, n.Data))
			size += 4 + len(n.Data)
		}
		require.LessOrEqual(t, size+10, len(data))
		require.LessOrEqual(t, len(utf16.Encode([]rune(got.Description)))*2, len(data))
		require.LessOrEqual(t, 2*len(utf16.Encode([]rune(got.File()))), len(data))
		require.Contains(t, []int{0, 16}, len(got.Partition()))
	})
}

func TestLoadOptionPath(t *testing.T) {
	end := []byte{0x7f, 0xff, 4, 0}
	drive := append([]byte{4, 1, 42, 0}, make([]byte, 38)...)
	copy(drive[24:], "0123456789abcdef")
	byMBR := bytes.Clone(drive)
	drive[41], byMBR[41] = 2, 1
	file := []byte{4, 4, 10, 0, '\\', 0, 'x', 0, 0, 0}
	for name, c := range map[string]struct {
		path      []byte
		file      string
		partition string
	}{
		"nothing":            {nil, "", ""},
		"another drive":      {byMBR, "", ""},
		"a drive cut short":  {[]byte{4, 1, 4, 0}, "", ""},
		"a drive":            {drive, "", "0123456789abcdef"},
		"a drive and a file": {append(bytes.Clone(drive), file...), `\x`, "0123456789abcdef"},
		"a file without end": {[]byte{4, 4, 6, 0, 'x', 0}, "", ""},
	} {
		o, err := efi.ParseLoadOption(option(1, "x", append(bytes.Clone(c.path), end...)...))
		require.NoError(t, err, name)
		require.Equal(t, c.file, o.File(), name)
		require.Equal(t, c.partition, string(o.Partition()), name)
	}
}

// An option names a partition of an MBR, the device that it is on, and the PCI
// functions on the way.
func TestMBR(t *testing.T) {
	drive := append([]byte{4, 1, 42, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 26)...)
	copy(drive[24:], []byte{0x78, 0x56, 0x34, 0x12})
	drive[40], drive[41] = 1, 1
	path := append([]byte{2, 1, 12, 0, 0xd0, 0x41, 3, 10, 0, 0, 0, 0, 1, 1, 6, 0, 3, 0x12, 1, 1, 6, 0, 0, 0}, drive...)
	nodes, err := efi.ParsePath(path)
	require.NoError(t, err)
	o := efi.LoadOption{Path: nodes}
	require.Equal(t, &efi.MBRPartition{Signature: 0x12345678, First: 8}, o.MBR())
	require.Nil(t, o.Partition())
	require.Equal(t, []string{"12.3", "00.0"}, o.PCI())
	require.Equal(t, nodes[:3], o.Device())
	drive[41] = 2
	nodes, err = efi.ParsePath(drive[:42])
	require.NoError(t, err)
	o = efi.LoadOption{Path: nodes}
	require.Nil(t, o.MBR())
	require.Empty(t, o.Device())
	require.Empty(t, o.PCI())
}
