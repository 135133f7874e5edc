package image_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
	"vmspec/probes/note"
)

// noteOf is the note of a guest that was booted from an image.
func noteOf(t testing.TB, i *imagetest.Image) string {
	r := image.NewRecorder(i)
	image.Inspect(r, i.Size, image.Options{Sector: i.Sector})
	n := image.Note{Boot: &image.Boot{Name: "vda", Size: uint64(i.Size), Sector: uint64(i.Sector), By: image.ByOnlyESP}}
	r.Fill(&n)
	return string(note.Text(&n))
}

func read(note string) (*image.Facts, error) {
	return image.Read(fstest.MapFS{"vmspec/image": {Data: []byte(note)}})
}

func TestReadFaults(t *testing.T) {
	for name, c := range map[string]struct{ note, want string }{
		"no disk":                  {"loader \"x\"\n", "a disk of 0 bytes and sectors of 0"},
		"sectors of one byte":      {"disk vda 512 1 x\n", "sectors of 1"},
		"a disk of 2^63 bytes":     {"disk vda 9223372036854775808 512 x\n", "a disk of 9223372036854775808 bytes"},
		"a size that is no number": {"disk vda x 512 x\n", `disk: SIZE: "x" is not a number`},
		"a loader without quotes":  {"loader x\n", "is not a quoted text"},
		"a block of 2^40 bytes":    {"block 0 1099511627776\n", "1099511627776 bytes at byte 0"},
		"a block at 2^63":          {"block 9223372036854775808 512\n", "at byte 9223372036854775808"},
		"a block that is no text":  {"block 0 512 ???\n", `"???" is not base64`},
		"a block larger than said": {"block 0 1 AAAA\n", "3 bytes were read"},
		"pieces without end":       {strings.Repeat("block 0 1\n", 1<<14), "more than 8192 pieces"},
		"one that broke off":       {"disk vda 512 512 x\nerror hung for 15s\n", "hung for 15s"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := read(c.note)
			require.NoError(t, err)
			require.Contains(t, f.Err, "vmspec/image: ")
			require.Contains(t, f.Err, c.want)
			require.Nil(t, f.Disk)
		})
	}
}

// What a reader of before did not read is not known, and no fault.
func TestReadNotRecorded(t *testing.T) {
	f, err := read("disk vda 1048576 512 x\n")
	require.NoError(t, err)
	require.Empty(t, f.Err)
	require.Contains(t, f.Disk.Primary.Unread, "not captured")
	require.Empty(t, f.Disk.Primary.Wrong)
	require.Contains(t, f.Disk.MBR.Unread, "not captured")
}

func TestReadWithoutNote(t *testing.T) {
	uefi := &fstest.MapFile{Data: []byte("64\n")}
	const size = "sys/firmware/efi/fw_platform_size"
	disk := fstest.MapFS{size: uefi, "sys/block/vda/device/driver": {Data: []byte("virtio_blk"), Mode: fs.ModeSymlink}}
	for _, name := range []string{"size", "ro", "removable", "queue/logical_block_size"} {
		disk["sys/block/vda/"+name] = &fstest.MapFile{Data: []byte("512\n")}
	}
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  image.Facts
	}{
		"no UEFI": {fstest.MapFS{}, image.Facts{None: image.NoUEFI}},
		"no disk": {fstest.MapFS{size: uefi}, image.Facts{None: image.NoDisk}},
		"a disk":  {disk, image.Facts{Err: "open vmspec/image: file does not exist"}},
		"none":    {fstest.MapFS{"vmspec/image": {Data: []byte("none no-boot-disk\n")}}, image.Facts{None: image.NoneKnown}},
	} {
		got, err := image.Read(c.files)
		require.NoError(t, err, name)
		require.Equal(t, &c.want, got, name)
	}
}

// A disk and what was recorded of it give the same facts, with a sector that
// cannot be read too.
func TestRecorder(t *testing.T) {
	for name, bad := range map[string]int64{"whole": -1, "a bad sector": 1 << 20} {
		i := imagetest.New(imagetest.Good())
		i.Bad = func(at int64, n int) error {
			if at <= bad && bad < at+int64(n) {
				return errors.New("input/output error")
			}
			return nil
		}
		want := image.Inspect(i, i.Size, image.Options{Sector: 512})
		note := noteOf(t, i)
		require.Less(t, len(note), 16<<10, name)
		got, err := read(note)
		require.NoError(t, err)
		require.Equal(t, want, got.Disk, name)
	}
}

// A long piece is several lines, and zeroes at the end of a line take no room.
func TestRecorderLines(t *testing.T) {
	disk := append(bytes.Repeat([]byte("a"), 3<<10), make([]byte, 3<<10)...)
	disk = append(disk, "b"...)
	r := image.NewRecorder(bytes.NewReader(disk))
	for range 2 { // what is read again is written once
		b := make([]byte, len(disk))
		_, err := r.ReadAt(b, 0)
		require.NoError(t, err)
		require.Equal(t, disk, b)
	}
	_, err := r.ReadAt(make([]byte, 10), int64(len(disk)))
	require.ErrorIs(t, err, io.EOF)
	var n image.Note
	r.Fill(&n)
	require.Equal(t, "block 0 3072 "+strings.Repeat("YWFh", 1024)+"\nblock 3072 3072 \nblock 6144 1 Yg==\nunread 6145 10 EOF\n", string(note.Text(&n)))
}

// FuzzRead alters a note: nothing panics, and what was read is the same again.
func FuzzRead(f *testing.F) {
	f.Add(noteOf(f, imagetest.New(imagetest.Good())))
	f.Add("none no-disk\n")
	f.Add("disk vda 1048576 4096 x\nunread 0 512 EIO\nblock 4096 4096 RUZJIFBBUlQ=\n")
	f.Fuzz(func(t *testing.T, note string) {
		one, err := read(note)
		require.NoError(t, err)
		two, _ := read(note)
		require.Equal(t, one, two)
		if one.Disk != nil {
			sound(t, one.Disk)
		}
	})
}
