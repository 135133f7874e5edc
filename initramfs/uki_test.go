package initramfs

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// put writes the little-endian value of that many bytes.
func put(data []byte, at, size, value int) {
	for i := range size {
		data[at+i] = byte(value >> (8 * i))
	}
}

// Where stub has its headers.
const (
	testCOFF  = 0x40 + coffHeader
	testOpt   = testCOFF + coffSize
	testTable = testOpt + 240
)

// stub is the smallest one: 512 bytes of headers, one section of 512 bytes and
// five bytes behind it, as a symbol table is.
func stub() []byte {
	data := make([]byte, 1024)
	copy(data, "MZ")
	put(data, peStart, 4, 0x40)
	copy(data[0x40:], "PE\x00\x00")
	for _, f := range []struct{ at, size, value int }{
		{testCOFF, 2, machineARM64},
		{testCOFF + coffSections, 2, 1},
		{testCOFF + coffOptional, 2, 240},
		{testOpt, 2, magicPE32Plus},
		{testOpt + optAlign, 4, 4096},
		{testOpt + optAlign + 4, 4, 512},
		{testOpt + optImageSize, 4, 4096 + 100},
		{testOpt + optHeadersSize, 4, 512},
		{testOpt + optSubsystem, 2, efiApplication},
		{testOpt + optChecksum, 4, 77},
		{testOpt + optDirectories, 4, 16},
		{testTable + 8, 4, 100},
		{testTable + 12, 4, 4096},
		{testTable + 16, 4, 512},
		{testTable + 20, 4, 512},
	} {
		put(data, f.at, f.size, f.value)
	}
	copy(data[testTable:], ".text")
	for at := testTable + sectionSize; at < 512; at += 4 { // as Debian's is
		copy(data[at:], "\x1f\x20\x03\xd5")
	}
	copy(data[512:], "code")
	return append(data, "after"...)
}

func TestUKI(t *testing.T) {
	linux := bytes.Repeat([]byte("kernel"), 1000)
	sections := []Section{{".cmdline", []byte("panic=-1")}, {".linux", linux}, {".initrd", []byte("initramfs")}}
	from := stub()
	got, err := UKI(from, sections)
	require.NoError(t, err)
	require.Equal(t, stub(), from, "the stub was written to")
	again, err := UKI(from, sections)
	require.NoError(t, err)
	require.Equal(t, got, again)
	require.Equal(t, from[512:], got[512:len(from)], "what the stub had is elsewhere")

	file, err := pe.NewFile(bytes.NewReader(got))
	require.NoError(t, err)
	opt := file.OptionalHeader.(*pe.OptionalHeader64)
	require.Zero(t, opt.CheckSum)
	require.EqualValues(t, 512+6144+512, opt.SizeOfInitializedData)
	require.Len(t, file.Sections, 4)
	addr, raw := uint32(4096), uint32(512)
	for i, s := range file.Sections {
		require.Zero(t, s.VirtualAddress%4096)
		require.Zero(t, s.Offset%512)
		require.GreaterOrEqual(t, s.VirtualAddress, addr)
		require.GreaterOrEqual(t, s.Offset, raw)
		addr, raw = s.VirtualAddress+s.VirtualSize, s.Offset+s.Size
		if i == 0 {
			continue
		}
		want := sections[i-1]
		data, err := s.Data()
		require.NoError(t, err)
		require.Equal(t, want.Name, s.Name)
		require.EqualValues(t, len(want.Data), s.VirtualSize)
		require.Equal(t, want.Data, data[:s.VirtualSize])
		require.Zero(t, s.PointerToRelocations+uint32(s.NumberOfRelocations))
		require.EqualValues(t, pe.IMAGE_SCN_CNT_INITIALIZED_DATA|pe.IMAGE_SCN_MEM_READ, s.Characteristics)
	}
	require.Len(t, got, int(raw))
	require.EqualValues(t, roundUp(int(addr), 4096), opt.SizeOfImage)
}

func TestUKIRefuses(t *testing.T) {
	set := func(at, size, value int) func([]byte) []byte {
		return func(b []byte) []byte { put(b, at, size, value); return b }
	}
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"empty", func([]byte) []byte { return nil }, "no DOS header"},
		{"an ELF file", func(b []byte) []byte { copy(b, "\x7fELF"); return b }, "no DOS header"},
		{"no PE signature", set(0x40, 1, 'p'), "no PE signature"},
		{"signature behind the end", set(peStart, 4, 0x7fffffff), "no PE signature"},
		{"cut in the section headers", func(b []byte) []byte { return b[:testTable+39] }, "section headers behind the end of the file"},
		{"short optional header", set(testCOFF+coffOptional, 2, 107), "optional header of 107 bytes"},
		{"no place for a signature", func(b []byte) []byte {
			copy(b[testOpt+112:], b[testTable:testTable+sectionSize])
			put(b, testCOFF+coffOptional, 2, 112)
			return b
		}, "optional header of 112 bytes"},
		{"no sections", set(testCOFF+coffSections, 2, 0), "no sections"},
		{"for x86", set(testCOFF, 2, 0x8664), "machine 0x8664, want AArch64's 0xaa64"},
		{"for 32 bits", set(testOpt, 2, 0x10b), "optional header's magic 0x10b"},
		{"a driver", set(testOpt+optSubsystem, 2, 11), "subsystem 11"},
		{"alignment zero", set(testOpt+optAlign+4, 4, 0), "alignments 4096 in memory and 0 in the file"},
		{"alignment no power of two", set(testOpt+optAlign, 4, 4095), "alignments 4095"},
		{"alignment smaller in memory", set(testOpt+optAlign, 4, 256), "alignments 256"},
		{"huge alignment", set(testOpt+optAlign, 4, 1<<30), "alignments 536870913"},
		{"signed", set(testOpt+optSecurity+4, 4, 8), "signed"},
		{"headers end in the section headers", set(testOpt+optHeadersSize, 4, testTable), "headers of"},
		{"headers overlap a section", set(testOpt+optHeadersSize, 4, 513), "headers of 513 bytes"},
		{"headers behind the end of the file", func(b []byte) []byte {
			put(b, testTable+16, 4, 0)
			put(b, testOpt+optHeadersSize, 4, 2048)
			return b
		}, "headers behind the end of the file"},
		{"section behind the end of the file", set(testTable+16, 4, 4096), "section 1: behind the end of the file"},
		{"section behind the end of the image", set(testTable+8, 4, 101), "section 1: behind the end of the image"},
		{"section's address not aligned", set(testTable+12, 4, 4097), "section 1: address 0x1001 is not aligned"},
		{"two sections of one name", func(b []byte) []byte {
			put(b, testCOFF+coffSections, 2, 2)
			copy(b[testTable+sectionSize:], b[testTable:testTable+sectionSize])
			return b
		}, `section 2: a second ".text"`},
		{"huge image", set(testOpt+optImageSize, 4, 0x7fffffff), "larger than 512 MiB"},
		{"no room", func(b []byte) []byte {
			put(b, testCOFF+coffOptional, 2, 512-(testTable-240)-sectionSize-1)
			copy(b[512-sectionSize-1:], b[testTable:testTable+sectionSize])
			return b
		}, "section .linux: no room for its header"},
		{"room in use by zeros and a byte", func(b []byte) []byte {
			clear(b[testTable+sectionSize : 512])
			b[testTable+2*sectionSize-1] = 1
			return b
		}, "section .linux: the room for its header is in use"},
		{"room in use", set(testTable+sectionSize, 1, 1), "section .linux: the room for its header is in use"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := UKI(c.change(stub()), []Section{{".linux", []byte("x")}})
			require.ErrorContains(t, err, "build UKI: ")
			require.ErrorContains(t, err, c.want)
		})
	}
	for _, c := range []struct {
		name, want string
		section    Section
	}{
		{"no name", "a name has 1 to 8 bytes", Section{"", []byte("x")}},
		{"long name", "a name has 1 to 8 bytes", Section{".command1", []byte("x")}},
		{"name taken", "there already", Section{".text", []byte("x")}},
		{"empty", "empty", Section{".linux", nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := UKI(stub(), []Section{c.section})
			require.ErrorContains(t, err, c.want)
		})
	}
}

// Whatever the stub, what is made of it is read again by another's reader.
func FuzzUKI(f *testing.F) {
	f.Add(stub())
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := UKI(data, []Section{{".linux", []byte("x")}})
		if err != nil {
			return
		}
		p, err := parsePE(got)
		require.NoError(t, err)
		require.True(t, p.names[".linux"])
		require.EqualValues(t, binary.LittleEndian.Uint16(data[p.coff+coffSections:])+1, p.sections)
	})
}

func TestFindLoader(t *testing.T) {
	dir := t.TempDir()
	_, err := FindLoader("riscv64", dir)
	require.EqualError(t, err, "no boot loader is known for riscv64")
	_, err = FindLoader("arm64", dir)
	require.ErrorContains(t, err, "find boot loader for arm64: ")
	want := filepath.Join(dir, "unpacked", "usr", "lib", "systemd", "boot", "efi", "linuxaa64.efi.stub")
	require.NoError(t, os.MkdirAll(filepath.Dir(want), 0o755))
	require.NoError(t, os.WriteFile(want, nil, 0o644))
	got, err := FindLoader("arm64", dir)
	require.NoError(t, err)
	require.Equal(t, want, got)
}
