package image

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image/imagetest"
)

// espOf is the ESP of a good disk with those files.
func espOf(t *testing.T, files ...imagetest.File) *ESP {
	t.Helper()
	spec := imagetest.Good()
	spec.Parts[0].FAT.Files = files
	i := imagetest.New(spec)
	d := Inspect(i, i.Size, Options{})
	require.Len(t, d.ESPs, 1)
	return &d.ESPs[0]
}

func TestProgram(t *testing.T) {
	const aa64 = `\EFI\BOOT\BOOTAA64.EFI`
	program := imagetest.PE(MachineAArch64)
	for name, c := range map[string]struct {
		files []imagetest.File
		want  Program
	}{
		"no directory":             {nil, Program{Lacks: `\EFI`}},
		"half of the path":         {[]imagetest.File{{Path: `\EFI\debian\grubaa64.efi`, Data: program}}, Program{Lacks: `\EFI\BOOT`}},
		"no file":                  {[]imagetest.File{{Path: `\EFI\BOOT\BOOTX64.EFI`, Data: program}}, Program{Lacks: aa64}},
		"a file for a directory":   {[]imagetest.File{{Path: `\EFI`, Data: program}}, Program{Lacks: `\EFI`}},
		"a directory for the file": {[]imagetest.File{{Path: aa64, Dir: true}}, Program{Is: Directory}},
		"a file":                   {[]imagetest.File{{Path: aa64, Data: program}}, Program{Is: File, Size: 1024}},
		"a file of nothing":        {[]imagetest.File{{Path: aa64}}, Program{Is: File}},
		"in small letters":         {[]imagetest.File{{Path: `\efi\boot\bootaa64.efi`, Data: program}}, Program{Is: File, Size: 1024}},
	} {
		t.Run(name, func(t *testing.T) {
			got := espOf(t, c.files...).Program("arm64")
			require.Equal(t, c.want.Is == File, got.Header != nil)
			c.want.Arch, c.want.Path, c.want.Header = "arm64", aa64, got.Header
			require.Equal(t, &c.want, got)
		})
	}
	require.Nil(t, (&ESP{}).Program("arm64"), "a file system that could not be read")
	require.Equal(t, `\EFI\BOOT\BOOTARM.EFI`, RemovablePath("arm"))
	require.Empty(t, RemovablePath("amd64"))
}

func TestBoots(t *testing.T) {
	program := func(arch string) []Program { return []Program{{Arch: arch, Is: File}} }
	readable := FileSystem{Kind: "FAT32"}
	esps := []ESP{
		{Partition: Partition{Number: 1, Unique: "A"}},
		{Partition: Partition{Number: 2, Unique: "B"}, FS: readable},
		{Partition: Partition{Number: 3, Unique: "C"}, FS: readable, Programs: program("arm")},
		{Partition: Partition{Number: 4, Unique: "D"}, FS: readable, Programs: program("arm64")},
		{Partition: Partition{Number: 5, Unique: "E"}, FS: readable, Programs: program("arm64")},
	}
	for _, c := range []struct {
		why             string
		of              []ESP
		partition, arch string
		want            int
	}{
		{"the partition", esps, "A", "arm64", 1},
		{"a program for the architecture, the first", esps, "", "arm64", 4},
		{"another architecture's", esps[:3], "", "arm64", 3},
		{"any", esps, "", "", 3},
		{"a file system", esps[:2], "X", "arm64", 2},
		{"the first", esps[:1], "", "arm64", 1},
	} {
		require.Equal(t, c.want, (&Disk{ESPs: c.of}).Boots(c.partition, c.arch).Number, c.why)
	}
	require.Nil(t, (&Disk{}).Boots("", "arm64"))
}

// A file system is looked through as far as the bounds go.
func TestWalkIsBounded(t *testing.T) {
	deep := ""
	for n := range maxDepth {
		deep += fmt.Sprintf(`\D%d`, n)
	}
	var files, directories []imagetest.File
	for n := range maxFiles + 1 {
		files = append(files, imagetest.File{Path: fmt.Sprintf(`\F%d`, n), Data: []byte("x")})
	}
	for n := range maxDirectories + 1 {
		directories = append(directories, imagetest.File{Path: fmt.Sprintf(`\D%d\X`, n), Data: []byte("x")})
	}
	for name, c := range map[string]struct {
		files []imagetest.File
		seen  int
		more  bool
	}{
		"none":                {nil, 0, false},
		"as deep as can be":   {[]imagetest.File{{Path: deep + `\X`, Data: []byte("x")}}, 1, false},
		"deeper":              {[]imagetest.File{{Path: deep + `\DD\X`, Data: []byte("x")}}, 0, true},
		"as many files":       {files[:maxFiles], maxFiles, false},
		"more files":          {files, maxFiles, true},
		"as many directories": {directories[:maxDirectories], maxDirectories, false},
		"more directories":    {directories, maxDirectories, true},
	} {
		e := espOf(t, c.files...)
		require.Equal(t, c.seen, e.Files, name)
		require.Equal(t, c.more, e.More, name)
		require.True(t, e.Tree.Sound(), name)
	}
}

const (
	ffs2 = "8C8CE578-8A3D-4F1C-9935-896185C32DD3"
	nvFV = "FFF12B8D-7696-4C8B-A985-2747075B4F50"
)

func TestVolume(t *testing.T) {
	good := imagetest.Volume(ffs2)
	for name, c := range map[string]struct {
		b           []byte
		what, store string
	}{
		"FFS2":                         {good, "a firmware volume (FFS2)", ""},
		"variables":                    {imagetest.Volume(nvFV), "a variable store of EDK2", EDK2},
		"U-Boot's variables":           {with(make([]byte, volumeHeader), 8, []byte(uBootVariables)...), "UEFI variables of U-Boot", UBoot},
		"a file system of another":     {imagetest.Volume(ESPType), "", ""},
		"no signature":                 {with(good, 40, 0), "", ""},
		"a header that is too short":   {with(good, 48, volumeHeader-17), "", ""},
		"a volume within its header":   {with(good, 32, 71, 0, 0), "", ""},
		"a volume of its header alone": {with(good, 32, 72, 0, 0), "a firmware volume (FFS2)", ""},
	} {
		what, store := volume(c.b)
		require.Equal(t, c.what, what, name)
		require.Equal(t, c.store, store, name)
	}
}

func TestBranch(t *testing.T) {
	for name, c := range map[string]struct {
		code []byte
		want uint64
	}{
		"no branch":             {[]byte{0, 0, 0, 0}, 0},
		"A64, a page":           {[]byte{0x00, 0x04, 0x00, 0x14}, 4096},
		"A64, as far as can be": {[]byte{0x00, 0x40, 0x00, 0x14}, maxBranch},
		"A64, farther":          {[]byte{0x01, 0x40, 0x00, 0x14}, 0},
		"A64, back":             {[]byte{0xff, 0xff, 0xff, 0x17}, 0},
		"A64 with a link":       {[]byte{0x00, 0x04, 0x00, 0x94}, 0},
		"A32, a page":           {[]byte{0xfe, 0x03, 0x00, 0xea}, 4096},
		"A32, back":             {[]byte{0xfe, 0xff, 0xff, 0xea}, 0},
		"A32, on a condition":   {[]byte{0xfe, 0x03, 0x00, 0x0a}, 0},
	} {
		require.Equal(t, c.want, branch(c.code), name)
	}
}

// Firmware is found at the beginning of files, of partitions and of gaps.
func TestHeld(t *testing.T) {
	spec := imagetest.Good()
	fs := spec.Parts[0].FAT
	fs.Files = append(fs.Files,
		imagetest.File{Path: `\NvVars`, Data: imagetest.Volume(nvFV)},
		imagetest.File{Path: `\dir\code.fd`, Data: imagetest.Flash(0x14000400)},
		imagetest.File{Path: `\short`, Data: imagetest.Volume(ffs2)[:volumeHeader-1]})
	spec.Parts = append(spec.Parts, imagetest.Part{Type: imagetest.Linux, Sectors: 64, Data: imagetest.Volume(ffs2), Gap: 2048})
	i := imagetest.New(spec)
	i.Put(i.First[0]+int64(i.FS[0].Sectors)*512, imagetest.Volume(nvFV)...)
	i.Put(34*512, imagetest.Volume(ffs2)...)
	d := Inspect(i, i.Size, Options{})
	require.Equal(t, []Finding{
		{`\NvVars of partition 1`, "UEFI variables", EDK2},
		{`\dir\code.fd of partition 1`, "a firmware volume (FFS2)", ""},
		{"the beginning of the gap before the partitions", "a firmware volume (FFS2)", ""},
		{"the beginning of the gap behind partition 1", "a variable store of EDK2", EDK2},
		{"the beginning of partition 2", "a firmware volume (FFS2)", ""},
	}, d.Held())
	require.Empty(t, d.RawErr)
}

func TestPlaces(t *testing.T) {
	whole := Table{Whole: true, FirstUsable: 34, LastUsable: 200}
	size := int64(300 * 512)
	for name, c := range map[string]struct {
		d    Disk
		want []place
	}{
		"no table":             {Disk{}, []place{{0, "the disk"}, {512, "LBA 1"}}},
		"no partition":         {Disk{Primary: whole}, []place{{34 * 512, "the gap before the partitions"}}},
		"by the backup":        {Disk{Backup: whole}, []place{{34 * 512, "the gap before the partitions"}}},
		"one without gaps":     {Disk{Primary: whole, Partitions: []Partition{{Number: 1, First: 34, Last: 200}}}, []place{{34 * 512, "partition 1"}}},
		"two without a gap":    {Disk{Primary: whole, Partitions: []Partition{{Number: 1, First: 34, Last: 99}, {Number: 2, First: 100, Last: 200}}}, []place{{34 * 512, "partition 1"}, {100 * 512, "partition 2"}}},
		"one before a gap":     {Disk{Primary: whole, Partitions: []Partition{{Number: 1, First: 34, Last: 99}}}, []place{{34 * 512, "partition 1"}, {100 * 512, "the gap behind partition 1"}}},
		"one behind the disk":  {Disk{Primary: whole, Partitions: []Partition{{Number: 1, First: 300, Last: 400}}}, []place{{34 * 512, "the gap before the partitions"}}},
		"a table that is none": {Disk{Primary: Table{FirstUsable: 34}}, []place{{0, "the disk"}, {512, "LBA 1"}}},
	} {
		c.d.Size, c.d.Sector = size, 512
		require.Equal(t, c.want, c.d.places(), name)
	}
}

// A partition that cannot be read is no fault of the disk.
func TestScanUnread(t *testing.T) {
	i := imagetest.New(imagetest.Good())
	i.Bad = func(at int64, n int) error {
		if at == 34*512 {
			return errors.New("EIO")
		}
		return nil
	}
	d := Inspect(i, i.Size, Options{})
	require.Equal(t, "the gap before the partitions: read 72 bytes at byte 17408: EIO", d.RawErr)
	require.Empty(t, d.Raw)
}

// Where no partition is an ESP, each says what it begins with.
func TestHint(t *testing.T) {
	ext4 := append(make([]byte, 1024+56), 0x53, 0xef)
	i := imagetest.New(imagetest.Spec{Sector: 512, Parts: []imagetest.Part{
		{Type: imagetest.Linux, Sectors: 64, Data: ext4}, {Type: imagetest.Linux, Sectors: 64, Data: bytes.Repeat([]byte("text\n"), 999)}}})
	d := Inspect(i, i.Size, Options{})
	require.Empty(t, d.ESPs)
	require.Equal(t, "an ext2, ext3 or ext4 file system", d.Partitions[0].Begins)
	require.Equal(t, "text", d.Partitions[1].Begins)
}

// No more ESPs are looked at than are bounded.
func TestESPsAreBounded(t *testing.T) {
	spec := imagetest.Spec{Sector: 512}
	for range maxESPs + 1 {
		spec.Parts = append(spec.Parts, imagetest.Part{Type: imagetest.ESP, Sectors: 8})
	}
	i := imagetest.New(spec)
	d := Inspect(i, i.Size, Options{})
	require.Len(t, d.Partitions, maxESPs+1)
	require.Len(t, d.ESPs, maxESPs)
	require.Equal(t, []string{"the partition holds no FAT file system"}, d.ESPs[0].FS.Wrong)
	require.Equal(t, "zeroes", d.ESPs[0].FS.Holds)
}
