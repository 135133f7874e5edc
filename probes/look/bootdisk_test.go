package look

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"unicode/utf16"
	"unsafe"

	"github.com/stretchr/testify/require"

	"vmspec/probes/disk"
	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
	"vmspec/probes/note"
)

// directImage is an image as a disk that is opened past the cache: it refuses
// what is not aligned.
type directImage struct {
	*imagetest.Image
	reads, bytes int
	open         int
}

func (d *directImage) ReadAt(b []byte, at int64) (int, error) {
	if at%512 != 0 || len(b)%512 != 0 || uintptr(unsafe.Pointer(&b[0]))%512 != 0 {
		return 0, syscall.EINVAL
	}
	d.reads++
	d.bytes += len(b)
	return d.Image.ReadAt(b, at)
}

func (d *directImage) Close() error { d.open--; return nil }

// attachImages makes a guest's disks of images, vda and so on.
func attachImages(images ...*directImage) (disks []disk.Disk, open func(string) (BlockReader, error)) {
	for n, i := range images {
		disks = append(disks, disk.Disk{Name: "vd" + string(rune('a'+n)), Size: uint64(i.Size), Block: uint64(i.Sector)})
	}
	return disks, func(name string) (BlockReader, error) {
		d := images[name[2]-'a']
		d.open++
		return d, nil
	}
}

// text is a variable that holds a text.
func text(s string) *fstest.MapFile {
	b := []byte{6, 0, 0, 0}
	for _, u := range append(utf16.Encode([]rune(s)), 0) {
		b = append(b, byte(u), byte(u>>8))
	}
	return &fstest.MapFile{Data: b}
}

// loadOption is Boot0001, and that it was booted.
func loadOption(path ...byte) fstest.MapFS {
	path = append(path, 0x7f, 0xff, 4, 0)
	data := append([]byte{7, 0, 0, 0, 1, 0, 0, 0, byte(len(path)), 0, 'x', 0, 0, 0}, path...)
	return fstest.MapFS{bootCurrent: {Data: []byte{6, 0, 0, 0, 1, 0}}, fmt.Sprintf(bootOption, 1): {Data: data}}
}

// hardDriveNode names a partition by its GUID.
func hardDriveNode(guid string) []byte {
	return append(append(append([]byte{4, 1, 42, 0}, make([]byte, 20)...), imagetest.GUID(guid)...), 2, 2)
}

// mbrNode names a partition by its disk's signature and its first LBA.
func mbrNode(signature uint32, first uint64) []byte {
	n := append([]byte{4, 1, 42, 0}, make([]byte, 38)...)
	binary.LittleEndian.PutUint64(n[8:], first)
	binary.LittleEndian.PutUint32(n[24:], signature)
	n[40], n[41] = 1, 1
	return n
}

// at says of disks at which PCI function they are, of none where that is 0.
func at(root fstest.MapFS, functions ...byte) fstest.MapFS {
	for n, f := range functions {
		if f != 0 {
			root["sys/block/vd"+string(rune('a'+n))] = &fstest.MapFile{Mode: fs.ModeSymlink,
				Data: fmt.Appendf(nil, "../devices/pci0000:00/0000:00:%02x.0/virtio%d/block/vda", f, n)}
		}
	}
	return root
}

// nvmeNode names a namespace of an NVMe controller.
var nvmeNode = []byte{3, 23, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

func TestBootDisk(t *testing.T) {
	const first = "AAAAAAAA-BBBB-CCCC-DDDD-000000000001"
	const other = "AAAAAAAA-BBBB-CCCC-DDDD-000000000009"
	good := func() *directImage { return &directImage{Image: imagetest.New(imagetest.Good())} }
	data := func() *directImage {
		s := imagetest.Spec{Sector: 512, Parts: []imagetest.Part{{Type: imagetest.Linux, Sectors: 8}}}
		i := imagetest.New(s)
		i.Both(0, 16, imagetest.GUID("00000000-BBBB-CCCC-DDDD-000000000001")...)
		return &directImage{Image: i}
	}
	empty := func() *directImage {
		s := imagetest.Good()
		s.Parts[0].FAT.Files = nil
		return &directImage{Image: imagetest.New(s)}
	}
	fourK := func() *directImage {
		s := imagetest.Good()
		s.Sector = 4096
		return &directImage{Image: imagetest.New(s)}
	}
	// A disk without a GPT: a file system, or one in an MBR's partition 0xEF.
	bare := func(mbr bool) *directImage {
		whole := imagetest.New(imagetest.Good())
		base := int64(0)
		if mbr {
			base = 4096
		}
		i := imagetest.New(imagetest.Spec{Sector: 512})
		i.Put(0, make([]byte, 64<<10)...)
		i.Size = base + 40<<20
		i.Put(base, whole.Get(whole.First[0], 40<<20-34*512)...)
		if mbr {
			i.Put32(440, 0x12345678)
			i.Put(450, 0xef)
			i.Put32(454, 8)
			i.Put32(458, uint32(i.Size/512-8))
			i.Put(510, 0x55, 0xaa)
		}
		return &directImage{Image: i}
	}
	zeroes := func() *directImage {
		i := imagetest.New(imagetest.Spec{Sector: 512})
		i.Put(0, make([]byte, 64<<10)...)
		return &directImage{Image: i}
	}
	tests := map[string]struct {
		root  fstest.MapFS
		disks []*directImage
		want  string // the lines before the blocks
		err   string
	}{
		"a partition that no disk has": {fstest.MapFS{loaderPartition: text(other)}, []*directImage{good(), data()}, "",
			"booted from a disk that this kernel shows no driver for: none has the partition " + other},
		"a partition, and no disk":              {fstest.MapFS{loaderPartition: text(other)}, nil, "", "shows no driver for: none has the partition " + other},
		"an option's partition, and no disk":    {loadOption(hardDriveNode(other)...), nil, "", "shows no driver for: none has the partition " + other},
		"an NVMe disk that is not shown":        {loadOption(nvmeNode...), []*directImage{good()}, "", "booted from a disk that this kernel shows no driver for: by NVMe"},
		"a SCSI disk that is not shown":         {loadOption(3, 2, 8, 0, 0, 0, 0, 0), nil, "", "shows no driver for: by SCSI"},
		"a USB disk that is not shown":          {loadOption(3, 5, 6, 0, 0, 0), nil, "", "shows no driver for: by USB"},
		"a disk on PCI that is not shown":       {loadOption(1, 1, 6, 0, 0, 2), nil, "", "shows no driver for: by PCI"},
		"a file of the firmware's, and no disk": {loadOption(4, 6, 20, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), nil, "none no-disk\n", ""},
		"a network card, and no disk":           {loadOption(1, 1, 6, 0, 0, 2, 3, 11, 4, 0), nil, "none no-disk\n", ""},
		"no option, and no disk":                {nil, nil, "none no-disk\n", ""},
		"a partition that two have":             {fstest.MapFS{loaderPartition: text(first)}, []*directImage{good(), good()}, "", "2 disks have the partition"},
		"two disks with an ESP":                 {nil, []*directImage{good(), good()}, "none no-boot-disk\n", ""},
		"an ESP without a program":              {nil, []*directImage{empty()}, "none no-boot-disk\n", ""},
		"no ESP":                                {nil, []*directImage{data()}, "none no-boot-disk\n", ""},
		"booted over a network":                 {loadOption(3, 11, 4, 0), []*directImage{good()}, "none no-boot-disk\n", ""},
		"by the stub's variable": {fstest.MapFS{loaderPartition: text(strings.ToLower(first)), loaderImage: text(`\EFI\BOOT\BOOTAA64.EFI`)},
			[]*directImage{data(), good()}, "disk vdb %d 512 LoaderDevicePartUUID\npartition " + first + "\nloader \"\\\\EFI\\\\BOOT\\\\BOOTAA64.EFI\"\n", ""},
		"by the option that was booted": {loadOption(hardDriveNode(first)...), []*directImage{data(), good()}, "disk vdb %d 512 BootCurrent\npartition " + first + "\n", ""},
		"by an option of a device":      {loadOption(1, 1, 6, 0, 0, 2), []*directImage{good(), data()}, "disk vda %d 512 only-esp\n", ""},
		"by an option of the only disk, on virtio-mmio": {loadOption(1, 4, 20, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
			[]*directImage{good()}, "disk vda %d 512 BootCurrent\n", ""},
		"by an option of the only disk":             {loadOption(1, 1, 6, 0, 0, 2), []*directImage{good()}, "disk vda %d 512 BootCurrent\n", ""},
		"by an option that is none":                 {fstest.MapFS{bootCurrent: {Data: []byte{6, 0, 0, 0, 1, 0}}, fmt.Sprintf(bootOption, 1): {Data: []byte("x")}}, []*directImage{good()}, "disk vda %d 512 only-esp\n", ""},
		"a partition of an MBR":                     {loadOption(mbrNode(0x12345678, 8)...), []*directImage{good(), bare(true)}, "disk vdb %d 512 BootCurrent\n", ""},
		"a partition of an MBR on the only disk":    {loadOption(append([]byte{1, 1, 6, 0, 0, 2}, mbrNode(0x12345678, 8)...)...), []*directImage{bare(true)}, "disk vda %d 512 BootCurrent\n", ""},
		"a partition of an MBR that no disk has":    {loadOption(mbrNode(0x12345678, 9)...), []*directImage{bare(true)}, "", "none has the partition at LBA 9 of the disk with the MBR signature 12345678"},
		"a partition of another MBR":                {loadOption(mbrNode(1, 8)...), []*directImage{bare(true)}, "", "none has the partition at LBA 8"},
		"a partition of an MBR that two have":       {loadOption(mbrNode(0x12345678, 8)...), []*directImage{bare(true), bare(true)}, "", "2 disks have the partition at LBA 8"},
		"the only disk, with an MBR":                {loadOption(1, 1, 6, 0, 0, 2), []*directImage{bare(true)}, "disk vda %d 512 BootCurrent\n", ""},
		"the only disk, a file system":              {loadOption(1, 1, 6, 0, 0, 2), []*directImage{bare(false)}, "disk vda %d 512 BootCurrent\n", ""},
		"a CD's boot image on the only disk":        {loadOption(1, 1, 6, 0, 0, 2, 4, 2, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), []*directImage{bare(false)}, "disk vda %d 512 BootCurrent\n", ""},
		"the only disk, and UEFI does not start it": {loadOption(1, 1, 6, 0, 0, 2), []*directImage{zeroes()}, "", "booted from a disk, by PCI, and vda is none that UEFI starts"},
		"the only disk at that function":            {at(loadOption(1, 1, 6, 0, 0, 2), 2), []*directImage{zeroes()}, "disk vda %d 512 BootCurrent\n", ""},
		"one of several at its function":            {at(loadOption(1, 1, 6, 0, 0, 3), 2, 3), []*directImage{good(), bare(false)}, "disk vdb %d 512 BootCurrent\n", ""},
		"no disk at that function":                  {at(loadOption(1, 1, 6, 0, 0, 4), 2), []*directImage{good()}, "", "shows no driver for: by PCI"},
		"one of several":                            {loadOption(1, 1, 6, 0, 0, 2), []*directImage{good(), bare(true)}, "", "booted from one of 2 disks, by PCI, and nothing says from which"},
		"a guess without a GPT":                     {nil, []*directImage{bare(true), data()}, "disk vda %d 512 only-esp\n", ""},
		"no guess":                                  {nil, []*directImage{zeroes()}, "none no-boot-disk\n", ""},
		"sectors of 4096 bytes":                     {fstest.MapFS{loaderPartition: text(first)}, []*directImage{fourK()}, "disk vda %d 4096 LoaderDevicePartUUID\npartition " + first + "\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			disks, open := attachImages(test.disks...)
			var n image.Note
			err := bootDisk(test.root, "arm64", disks, open, &n)
			for _, d := range test.disks {
				require.Zero(t, d.open, "closed")
				require.LessOrEqual(t, d.bytes, 128<<10, "little is read")
				require.LessOrEqual(t, d.reads, 20)
			}
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			head, blocks, _ := strings.Cut(string(note.Text(&n)), "block ")
			if strings.Contains(test.want, "%d") {
				var size int64
				for n, d := range test.disks {
					if strings.HasPrefix(test.want, "disk vd"+string(rune('a'+n))) {
						size = d.Size
					}
				}
				require.NotEmpty(t, blocks)
				require.Equal(t, fmt.Sprintf(test.want, size), head)
				return
			}
			require.Equal(t, test.want, head)
		})
	}
}

// What was recorded says what the disk says.
func TestRecordedImage(t *testing.T) {
	i := &directImage{Image: imagetest.New(imagetest.Good())}
	disks, open := attachImages(i)
	root := fstest.MapFS{loaderPartition: text("AAAAAAAA-BBBB-CCCC-DDDD-000000000001")}
	var n image.Note
	require.NoError(t, bootDisk(root, "arm64", disks, open, &n))
	text := note.Text(&n)
	require.Less(t, len(text), 16<<10)
	got, err := image.Read(fstest.MapFS{"vmspec/image": {Data: text}, "vmspec/arch": {Data: []byte("arm64\n")}})
	require.NoError(t, err)
	require.Equal(t, &image.Facts{Name: "vda", By: image.ByLoader, Partition: "AAAAAAAA-BBBB-CCCC-DDDD-000000000001", Arch: "arm64",
		Disk: image.Inspect(i.Image, i.Size, image.Options{})}, got)
}

// A block that cannot be read is recorded as such.
func TestRecordUnreadable(t *testing.T) {
	i := &directImage{Image: imagetest.New(imagetest.Good())}
	bad := i.FS[0].Place(i.FS[0].At[`\EFI\BOOT\BOOTAA64.EFI`])
	i.Bad = func(at int64, n int) error {
		if at <= bad && bad < at+int64(n) {
			return syscall.EIO
		}
		return nil
	}
	disks, open := attachImages(i)
	root := fstest.MapFS{loaderPartition: text("AAAAAAAA-BBBB-CCCC-DDDD-000000000001")}
	var n image.Note
	require.NoError(t, bootDisk(root, "arm64", disks, open, &n))
	require.Contains(t, string(note.Text(&n)), fmt.Sprintf("unread %d 64 EIO ", bad))
	got, err := image.Read(fstest.MapFS{"vmspec/image": {Data: note.Text(&n)}})
	require.NoError(t, err)
	require.Contains(t, got.Disk.ESPs[0].Program("arm64").Header.Unread, "EIO")
}

func TestBootDiskOpens(t *testing.T) {
	disks, _ := attachImages(&directImage{Image: imagetest.New(imagetest.Good())})
	err := bootDisk(fstest.MapFS{}, "arm64", disks, func(string) (BlockReader, error) { return nil, syscall.EACCES }, &image.Note{})
	require.ErrorIs(t, err, syscall.EACCES)
	disks = append(disks, disk.Disk{Name: "sr0", Block: 2048, Size: 1 << 20}, disk.Disk{Name: "none", Block: 512})
	err = bootDisk(fstest.MapFS{loaderPartition: text("x")}, "arm64", disks[1:], func(string) (BlockReader, error) { return nil, errors.New("opened") }, &image.Note{})
	require.ErrorContains(t, err, "none has the partition X")
	require.NotContains(t, err.Error(), "opened")
	err = bootDisk(fstest.MapFS{loaderPartition: text("x")}, "arm64", disks[:1], func(string) (BlockReader, error) { return nil, syscall.EACCES }, &image.Note{})
	require.ErrorIs(t, err, syscall.EACCES, "another disk may be the one")
	require.NotContains(t, err.Error(), "driver")
}

// A medium that is no hard disk is shown, if only by its name.
func TestBootDiskOfCD(t *testing.T) {
	var n image.Note
	cd := []disk.Disk{{Name: "sr0", Block: 2048, Size: 1 << 20}}
	require.NoError(t, bootDisk(loadOption(3, 2, 8, 0, 0, 0, 0, 0), "arm64", cd, nil, &n))
	require.Equal(t, "none no-boot-disk\n", string(note.Text(&n)))
}

// Of several disks those count that may be the one which was booted.
func TestBootDiskOfNVMe(t *testing.T) {
	i := &directImage{Image: imagetest.New(imagetest.Good())}
	disks, _ := attachImages(i, i)
	disks[1].Name = "nvme0n1"
	var n image.Note
	require.NoError(t, bootDisk(loadOption(nvmeNode...), "arm64", disks, func(name string) (BlockReader, error) {
		require.Equal(t, "nvme0n1", name)
		i.open++
		return i, nil
	}, &n))
	require.Contains(t, string(note.Text(&n)), "disk nvme0n1 ")
	require.Contains(t, string(note.Text(&n)), " 512 BootCurrent\n")
	require.Zero(t, i.open)
}
