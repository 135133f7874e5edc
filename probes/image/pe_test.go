package image

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image/imagetest"
)

func section(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}

func TestReadPE(t *testing.T) {
	for machine, magic := range map[uint16]uint16{MachineAArch64: PE32Plus, MachineARM: PE32, 0x8664: PE32Plus} {
		p, sections := ReadPE(section(imagetest.PE(machine)))
		require.Equal(t, &PE{There: true, Machine: machine, Magic: magic, Subsystem: Application}, p)
		require.Equal(t, []Section{{Name: ".text", Address: 0x1000, Size: 0x1000, At: 512, Stored: 512}}, sections)
	}
	_, sections := ReadPE(section(imagetest.UKI(MachineAArch64, imagetest.Section{Name: ".cmdline", Data: []byte("quiet")}, imagetest.Section{Name: ".linux"})))
	require.Equal(t, []Section{
		{Name: ".text", Address: 0x1000, Size: 0x1000, At: 512, Stored: 512},
		{Name: ".cmdline", Address: 0x1000, Size: 5, At: 1024, Stored: 5}, // a name of all eight bytes has no NUL
		{Name: ".linux", Address: 0x1000, At: 1029},
	}, sections)
}

func TestReadPEFaults(t *testing.T) {
	good := imagetest.PE(MachineAArch64)
	field := func(at int, to ...byte) []byte { return with(good, 0x40+at, to...) }
	for fault, c := range map[string]struct {
		file     []byte
		there    bool // a PE header
		sections int
		want     string
	}{
		"empty":                       {nil, false, 0, "0 bytes are no PE file"},
		"half a DOS header":           {good[:63], false, 0, "63 bytes are no PE file"},
		"text":                        {bytes.Repeat([]byte("set root\n"), 9), false, 0, `no PE file: it begins with "set root"`},
		"no PE header":                {field(0, 0), false, 0, "no PE header at byte 64"},
		"a PE header behind the end":  {with(good, 0x3c, 0xff, 0xff, 0xff, 0xff), false, 0, "the PE header at byte 4294967295 is not in the file"},
		"cut in the optional header":  {good[:0x40+24+71], false, 0, "the PE header at byte 64 is not in the file"},
		"a short optional header":     {field(20, 71, 0), true, 0, "the optional header has 71 bytes"},
		"no section":                  {field(6, 0), true, 0, "the PE file has no section"},
		"sections behind the end":     {field(6, 0xff, 0xff), true, 0, "65535 sections' headers at byte 328 are not in the file"},
		"no entry point":              {field(24+16, 0, 0), true, 1, "the entry point 0x0 is not in the image of 8192 bytes"},
		"an entry point behind it":    {field(24+16, 0, 0x20), true, 1, "the entry point 0x2000 is not in the image of 8192 bytes"},
		"headers larger than a file":  {field(24+60, 1, 4), true, 1, "headers of 1025 bytes in a file of 1024"},
		"a section behind the file":   {field(24+240+20, 1, 2), true, 1, "section 1 ends at byte 1025 of a file of 1024"},
		"a section behind the image":  {field(24+240+8, 1, 0x10), true, 1, "section 1 ends at 0x2001 in an image of 8192 bytes"},
		"a section of 4 GiB at 4 GiB": {field(24+240+16, bytes.Repeat([]byte{0xff}, 8)...), true, 1, "section 1 ends at byte 8589934590 of a file of 1024"},
	} {
		t.Run(fault, func(t *testing.T) {
			p, sections := ReadPE(section(c.file))
			require.Equal(t, []string{c.want}, p.Wrong)
			require.Empty(t, p.Unread)
			require.Equal(t, c.there, p.There)
			require.Len(t, sections, c.sections)
		})
	}
}

// Windows loads no more sections, and no more are looked at.
func TestReadPEIsBounded(t *testing.T) {
	p, sections := ReadPE(section(imagetest.UKI(MachineAArch64, make([]imagetest.Section, 10)...)))
	require.True(t, p.Sound(), p.Wrong)
	require.Len(t, sections, 11)
	many := append(with(imagetest.PE(MachineAArch64), 0x40+6, 200), make([]byte, 200*sectionSize)...)
	_, sections = ReadPE(section(many))
	require.Len(t, sections, maxSections)
}

// A disk that fails is no fault of the file.
func TestReadPEUnread(t *testing.T) {
	p, sections := ReadPE(io.NewSectionReader(failing{}, 0, 4096))
	require.Equal(t, &PE{Seen: Seen{Unread: "EIO"}}, p)
	require.Empty(t, sections)
}

func FuzzReadPE(f *testing.F) {
	f.Add(imagetest.PE(MachineAArch64))
	f.Add(imagetest.UKI(MachineARM, imagetest.Section{Name: ".linux", Data: []byte("x")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, sections := ReadPE(section(data))
		require.Empty(t, p.Unread, "it is all there")
		require.LessOrEqual(t, len(sections), maxSections)
		require.True(t, p.There || len(sections) == 0)
		require.True(t, !p.Sound() || len(sections) > 0)
	})
}
