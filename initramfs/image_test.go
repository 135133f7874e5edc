package initramfs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// big is a file that no directory entry, table sector or zeroed place fits by
// chance.
var big = bytes.Repeat([]byte("0123456789abcde"), 100_001)

func files() []File {
	return []File{
		{"EFI/BOOT/BOOTAA64.EFI", big},
		{"EFI/BOOT/BOOTARM.EFI", []byte("x")},
		{"VMSPEC/ARM/LINUX", bytes.Repeat([]byte("y"), 512)},
		{"VMSPEC/ARM/INITRD", bytes.Repeat([]byte("z"), 513)},
		{"README.TXT", []byte("read me\n")},
	}
}

func build(t *testing.T, d Disk) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk.img")
	size, err := d.WriteFile(name)
	require.NoError(t, err)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.EqualValues(t, size, info.Size())
	return name
}

// tool runs a program that must find nothing wrong.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil { // not everybody's PATH has those for root
		program, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	if err != nil && os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("make test-tools installs it: " + err.Error())
	}
	require.NoError(t, err)
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

// partition copies the ESP out of an image.
func partition(t *testing.T, image string) string {
	t.Helper()
	data, err := os.ReadFile(image)
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "esp.img")
	require.NoError(t, os.WriteFile(name, data[diskAlign:len(data)-diskAlign], 0o644))
	return name
}

func TestImageByOthersTools(t *testing.T) {
	many := make([]File, 0, 300)
	for i := range 300 {
		many = append(many, File{"MANY/F" + strconv.Itoa(i), []byte{byte(i)}})
	}
	for name, content := range map[string][]File{"a suite's": files(), "nothing": nil, "a directory of several clusters": many} {
		t.Run(name, func(t *testing.T) {
			image := build(t, Disk{SectorSize: 512, Files: content})
			out := tool(t, "sgdisk", "--verify", "--print", image)
			require.Contains(t, out, "No problems found")
			require.Contains(t, out, "EF00  EFI system partition")
			require.NotContains(t, strings.ToLower(out), "warning")
			requireSound(t, partition(t, image), content)
		})
	}
}

// What make image built.
func TestImageThatIsBuilt(t *testing.T) {
	image := filepath.Join("..", "build", "vmspec.img")
	if _, err := os.Stat(image); err != nil && os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("make image builds it")
	}
	require.Contains(t, tool(t, "sgdisk", "--verify", image), "No problems found")
	esp := partition(t, image)
	requireSound(t, esp, nil)
	names := strings.Fields(tool(t, "mdir", "-/", "-b", "-i", esp, "::"))
	for _, name := range []string{"::/EFI/BOOT/BOOTAA64.EFI", "::/EFI/BOOT/BOOTARM.EFI"} {
		require.Contains(t, names, name)
	}
}

// gdisk goes by the sector size of a device, and takes a file's to be 512; the
// file system is read by whoever reads its boot sector.
func TestImageOfLargeSectors(t *testing.T) {
	image := build(t, Disk{SectorSize: 4096, Files: files()})
	requireSound(t, partition(t, image), files())
	data, err := os.ReadFile(image)
	require.NoError(t, err)
	require.Equal(t, "EFI PART", string(data[4096:4104]))
	require.Equal(t, "EFI PART", string(data[len(data)-4096:][:8]))
}

// requireSound lets dosfstools and mtools read a file system.
func requireSound(t *testing.T, esp string, content []File) {
	t.Helper()
	out := tool(t, "fsck.vfat", "-n", esp)
	require.Len(t, strings.Split(strings.TrimSpace(out), "\n"), 2, "more than its version and a count: %s", out)
	require.Contains(t, tool(t, "minfo", "-i", esp, "::"), `disk type="FAT32   "`)
	for _, f := range content[:min(5, len(content))] {
		copied := filepath.Join(t.TempDir(), "file")
		tool(t, "mcopy", "-i", esp, "::"+f.Name, copied)
		got, err := os.ReadFile(copied)
		require.NoError(t, err)
		require.True(t, bytes.Equal(f.Data, got), f.Name)
		require.Contains(t, tool(t, "mdir", "-i", esp, "::"+f.Name), "1980-01-01")
	}
}

func TestImageIsReproducible(t *testing.T) {
	read := func(d Disk) []byte {
		data, err := os.ReadFile(build(t, d))
		require.NoError(t, err)
		return data
	}
	one := read(Disk{512, files()})
	require.True(t, bytes.Equal(one, read(Disk{512, files()})))
	// The order of files may show in GUIDs, never in what they are; another content is another disk.
	other := files()
	other[4].Data = []byte("read me?")
	require.NotEqual(t, Disk{512, files()}.guid("disk"), Disk{512, other}.guid("disk"))
	require.NotEqual(t, Disk{512, files()}.guid("disk"), Disk{4096, files()}.guid("disk"))
	require.NotEqual(t, Disk{512, files()}.guid("disk"), Disk{512, files()}.guid("partition"))
	// Names and contents do not run into each other.
	require.NotEqual(t, Disk{512, []File{{"A", []byte("1")}}}.guid("disk"), Disk{512, []File{{"A1", []byte("")}}}.guid("disk"))
}

func TestImageIsSparse(t *testing.T) {
	size, pieces, err := Disk{SectorSize: 4096, Files: files()}.layout()
	require.NoError(t, err)
	require.Greater(t, size, 256<<20)
	written := 0
	for _, p := range pieces {
		require.LessOrEqual(t, p.at+len(p.data), size)
		written += len(p.data)
	}
	require.Less(t, written, 3<<20)
}

func TestImageSize(t *testing.T) {
	size, _, err := Disk{SectorSize: 512, Files: files()}.layout()
	require.NoError(t, err)
	require.Less(t, size, 40<<20)
	_, _, err = Disk{SectorSize: 512, Files: []File{{"A", make([]byte, 118<<20)}}}.layout()
	require.ErrorContains(t, err, "at most 120000000")
	// Whatever the content, the tables are long enough and a mebibyte is free.
	for _, n := range []int{1, 33 << 20, 34<<20 + 511, 64 << 20, 100<<20 + 1} {
		v, err := newFAT([]File{{"A", make([]byte, n)}}, 512, 4096, 2048)
		require.NoError(t, err)
		require.LessOrEqual(t, 4*(v.clusters()+2), v.table*512)
		require.GreaterOrEqual(t, v.clusters(), fatMinClusters)
		require.GreaterOrEqual(t, v.clusters()-v.used, 2048)
		require.Zero(t, v.sectors%2048)
	}
}

func TestImageRefuses(t *testing.T) {
	for _, c := range []struct {
		name, want string
		disk       Disk
	}{
		{"no sector size", "sectors of 0 bytes: 512 or 4096", Disk{0, nil}},
		{"sectors of 1024 bytes", "sectors of 1024 bytes", Disk{1024, nil}},
		{"no name", `"" is no short name`, Disk{512, []File{{"", []byte("x")}}}},
		{"empty file", `file "A": empty`, Disk{512, []File{{"A", nil}}}},
		{"small letters", `"boot" is no short name`, Disk{512, []File{{"EFI/boot/A", []byte("x")}}}},
		{"long name", `"BOOTAARCH64.EFI" is no short name`, Disk{512, []File{{"BOOTAARCH64.EFI", []byte("x")}}}},
		{"long extension", `"A.EFIX" is no short name`, Disk{512, []File{{"A.EFIX", []byte("x")}}}},
		{"nothing behind the dot", `"A." is no short name`, Disk{512, []File{{"A.", []byte("x")}}}},
		{"two dots", `"A.B.C" is no short name`, Disk{512, []File{{"A.B.C", []byte("x")}}}},
		{"absolute path", `"" is no short name`, Disk{512, []File{{"/A", []byte("x")}}}},
		{"parent directory", `".." is no short name`, Disk{512, []File{{"../A", []byte("x")}}}},
		{"backslash", `is no short name`, Disk{512, []File{{`EFI\A`, []byte("x")}}}},
		{"a file twice", `file "A": there already`, Disk{512, []File{{"A", []byte("x")}, {"A", []byte("y")}}}},
		{"a file for a directory", `file "A/B": A is a file`, Disk{512, []File{{"A", []byte("x")}, {"A/B", []byte("y")}}}},
		{"a directory for a file", `file "A": there already`, Disk{512, []File{{"A/B", []byte("x")}, {"A", []byte("y")}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "disk.img")
			_, err := c.disk.WriteFile(name)
			require.ErrorContains(t, err, "build image: ")
			require.ErrorContains(t, err, c.want)
			require.NoFileExists(t, name)
		})
	}
	_, err := Disk{512, files()}.WriteFile(filepath.Join(t.TempDir(), "none", "disk.img"))
	require.ErrorIs(t, err, os.ErrNotExist)
	// A device would be neither cut to size nor left there.
	_, err = Disk{512, files()}.WriteFile(os.DevNull)
	require.EqualError(t, err, "build image: "+os.DevNull+" is no regular file")
	require.FileExists(t, os.DevNull)
}
