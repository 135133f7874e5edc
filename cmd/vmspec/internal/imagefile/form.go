package imagefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"vmspec/probes/image"
)

// A form is what a file may be that is no raw disk image.
type form struct {
	at      int64 // of the magic, from the file's end where it is negative
	magic   string
	is      string
	how     string // what to do with it; %[1]s is the file, %[2]s a raw image
	read    reader // nil: not read here
	holds   lister // of an archive, and the command that takes a file out of it
	extract string
	check   func(b *peeker) bool // where the magic is not enough
	disk    bool                 // it holds a disk, or is one for other media
	program string               // that unpacks it to its standard output
}

// Ways from a form to a raw image.
const (
	convert  = "check what this makes of it: qemu-img convert -f %s -O raw %%[1]s %%[2]s"
	decrypt  = "it is encrypted: "
	takeOut  = "take the disk image out of it"
	notADisk = "check a disk image"
)

// by is the form of a container that qemu-img reads by a format's name.
func by(format string, at int64, magic, is string) form {
	return form{at: at, magic: magic, is: is, how: fmt.Sprintf(convert, format), read: qemuImg(format), disk: true}
}

// packed is the form of a file that a program unpacks to its standard output.
func packed(magic, by, program string, read reader, check func(*peeker) bool) form {
	return form{magic: magic, is: "compressed by " + by, how: "check what this makes of it: " + program + " %[1]s > %[2]s", read: read, check: check, program: program}
}

// footers end a file whose beginning may be that of a raw disk.
var footers = []form{
	{at: -512, magic: "conectix", is: "a VHD image of fixed size", how: "check what this makes of it: head -c -512 %[1]s > %[2]s", read: withoutFooter, check: isFixed, disk: true},
	by("vpc", -512, "conectix", "a VHD image"),
	by("dmg", -512, "koly", "an Apple disk image (DMG)"),
}

// forms begin a file, or nearly so. The first one that fits is it.
var forms = []form{
	{magic: "QFI\xfb\x00\x00\x00\x01", is: "a qcow image of version 1", how: fmt.Sprintf(convert, "qcow"), read: qemuImg("qcow"), disk: true},
	{magic: "QFI\xfb", is: "a qcow2 image that rests on another file", how: fmt.Sprintf(convert, "qcow2"), check: isOverlay, disk: true},
	by("qcow2", 0, "QFI\xfb", "a qcow2 image"),
	by("qed", 0, "QED\x00", "a QED image"),
	by("vhdx", 0, "vhdxfile", "a VHDX image"),
	by("vpc", 0, "conectix", "a VHD image"),
	by("vmdk", 0, "KDMV", "a VMDK image"),
	by("vmdk", 0, "COWD", "a VMDK image"),
	by("vmdk", 0, "# Disk DescriptorFile", "the descriptor of a VMDK image"),
	by("vdi", 64, "\x7f\x10\xda\xbe", "a VDI image"),
	by("parallels", 0, "WithoutFreeSpace", "a Parallels image"),
	by("parallels", 0, "WithouFreSpacExt", "a Parallels image"),
	by("bochs", 0, "Bochs Virtual HD Image", "a Bochs image"),
	{magic: "\x3a\xff\x26\xed", is: "an Android sparse image", how: "check what this makes of it: simg2img %[1]s %[2]s"},
	{magic: "EVF\x09\x0d\x0a\xff\x00", is: "an EnCase image", how: "check what this makes of it: ewfexport -f raw -t %[2]s %[1]s"},
	{magic: "partclone-image", is: "a Partclone image", how: "it holds one partition: check the whole disk"},
	{magic: "MSWIM\x00\x00\x00", is: "a WIM archive", how: "it holds files: check the disk onto which they are installed"},

	{magic: "LUKS\xba\xbe", is: "a LUKS volume", how: decrypt + "cryptsetup open --readonly %[1]s NAME, and check /dev/mapper/NAME"},
	{at: 3, magic: "-FVE-FS-", is: "a BitLocker volume", how: decrypt + "cryptsetup open --type bitlk --readonly %[1]s NAME, and check /dev/mapper/NAME"},
	{magic: "Salted__", is: "encrypted by openssl", how: "check what this makes of it: openssl enc -d, with the cipher and the password, -in %[1]s -out %[2]s"},
	{magic: "age-encryption.org/", is: "encrypted by age", how: "check what this makes of it: age -d -o %[2]s %[1]s"},

	packed("\x1f\x8b\x08", "gzip", "gunzip -c", unpacking(openGzip), nil),
	packed("\xfd7zXZ\x00", "xz", "xz -dc", unpacking(openXZ), nil),
	packed(zstdMagic, "zstd", "zstd -dc", unpacking(openZstd), nil),
	packed(lz4Magic, "lz4", "lz4 -dc", unpacking(openLZ4), nil),
	packed("\x02\x21\x4c\x18", "lz4", "lz4 -dc", unpacking(openLZ4), nil),
	packed("BZh", "bzip2", "bzip2 -dc", unpacking(openBzip2), isBzip2),
	packed("\x5d\x00\x00", "lzma", "xz --format=lzma -dc", unpacking(openLZMA), isLZMA),
	packed("LZIP", "lzip", "lzip -dc", nil, nil),
	packed("\x89LZO\x00", "lzop", "lzop -dc", nil, nil),
	packed("\x1f\x9d", "compress", "uncompress -c", nil, nil),

	{magic: "PK\x03\x04", is: "a zip archive", how: takeOut, holds: inZip, extract: "unzip", program: "unzip -p"},
	{magic: "PK\x05\x06", is: "an empty zip archive", how: notADisk},
	{at: 257, magic: "ustar", is: "a tar archive", how: takeOut, holds: inTar, extract: "tar -xf"},
	{magic: "7z\xbc\xaf\x27\x1c", is: "a 7z archive", how: takeOut + ": 7z x %[1]s", program: "7z x -so"},
	{magic: "Rar!\x1a\x07", is: "a RAR archive", how: takeOut + ": unrar x %[1]s"},
	{magic: "!<arch>\n", is: "an ar archive, as Debian's packages are", how: takeOut + ": ar x %[1]s"},
	{magic: "\xed\xab\xee\xdb", is: "an RPM package", how: takeOut + ": rpm2cpio %[1]s | cpio -idm"},
	{magic: "070701", is: "a cpio archive, as initial ramdisks are", how: notADisk},

	{magic: "\x7fELF", is: "an ELF file", how: notADisk},
	{at: 56, magic: "ARM\x64", is: "an arm64 kernel", how: "check the disk image that holds it"},
	{magic: "MZ", is: "a PE file", how: "check the disk image that holds it", check: isPE},
	{magic: "\x27\x05\x19\x56", is: "a U-Boot image", how: notADisk},
	{magic: "\xd0\x0d\xfe\xed", is: "a device tree", how: notADisk},
	{at: 40, magic: "_FVH", is: "UEFI firmware", how: "check the disk image that it boots"},
	{magic: "\x89PNG", is: "a picture", how: notADisk},
	{magic: "\xff\xd8\xff", is: "a picture", how: notADisk},
	{magic: "%PDF-", is: "a PDF file", how: notADisk},
	{magic: "SQLite format 3", is: "a database", how: notADisk},
	{magic: "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", is: "an image of a CD with its raw sectors", how: disks},
}

// disks is what to check in place of optical media: ECMA-119, section 8.4, and
// ECMA-167, section 9.1. A hybrid one has a partition table for disks.
const disks = "it is for optical media: check the disk onto which it is installed"

var optical = []form{
	{at: 32769, magic: "CD001", is: "an ISO 9660 image", how: disks, disk: true},
	{at: 32769, magic: "BEA01", is: "a UDF image", how: disks, disk: true},
}

// identify says what a file is; nil for a raw disk image. A file of no form may
// be one, if it begins like one.
func identify(r io.ReaderAt, size int64) (*form, error) {
	b := &peeker{r: r, size: size}
	f := b.of(footers)
	if f == nil && !b.has(512, tableMagic) && !b.has(4096, tableMagic) {
		if f = b.of(forms); f == nil {
			f = b.skippable()
		}
		if f == nil && !b.partitioned() {
			f = b.of(optical)
		}
		if f == nil && !b.isDisk() {
			f = b.unlike()
		}
	}
	if b.err != nil {
		return nil, b.err
	}
	return f, nil
}

const (
	tableMagic = "EFI PART"
	zstdMagic  = "\x28\xb5\x2f\xfd"
	lz4Magic   = "\x04\x22\x4d\x18"
)

// A peeker reads parts of a file. It keeps the first error that is not the file's
// end.
type peeker struct {
	r    io.ReaderAt
	size int64
	err  error
}

// at returns n bytes, or fewer where the file ends.
func (b *peeker) at(at int64, n int) []byte {
	if at < 0 {
		at += b.size
	}
	if at < 0 || at >= b.size {
		return nil
	}
	out := make([]byte, min(int64(n), b.size-at))
	got, err := b.r.ReadAt(out, at)
	if err != nil && !errors.Is(err, io.EOF) && b.err == nil {
		b.err = err
	}
	return out[:got]
}

func (b *peeker) has(at int64, magic string) bool { return string(b.at(at, len(magic))) == magic }

// of returns the first form that fits.
func (b *peeker) of(forms []form) *form {
	for i := range forms {
		if f := &forms[i]; b.has(f.at, f.magic) && (f.check == nil || f.check(b)) {
			return f
		}
	}
	return nil
}

// Further marks of forms with a short magic.
func isBzip2(b *peeker) bool { return b.has(4, "1AY&SY") }
func isFixed(b *peeker) bool { return b.has(-512+60, "\x00\x00\x00\x02") }

// isOverlay tells whether a qcow2 names a backing file or a data file, which
// could be any: header's bytes 8 and 72 (QEMU, docs/interop/qcow2.txt).
func isOverlay(b *peeker) bool {
	h := b.at(0, 80)
	return len(h) == 80 && (binary.BigEndian.Uint64(h[8:]) != 0 || h[7] >= 3 && h[79]&4 != 0)
}

func isPE(b *peeker) bool {
	h := b.at(60, 4)
	return len(h) == 4 && b.has(int64(binary.LittleEndian.Uint32(h)), "PE\x00\x00")
}

// isLZMA looks at the size behind: unknown, or less than a TiB.
func isLZMA(b *peeker) bool {
	h := b.at(5, 8)
	return len(h) == 8 && (h[5]|h[6]|h[7] == 0 || bytes.Equal(h, bytes.Repeat([]byte{0xff}, 8)))
}

// maxSkippable is how many frames are passed over.
const maxSkippable = 64

// skippable looks behind skippable frames, which both zstd and lz4 have: RFC 8878,
// section 3.1.2.
func (b *peeker) skippable() *form {
	at := int64(0)
	for range maxSkippable {
		head := b.at(at, 8)
		if len(head) < 8 || head[0]&0xf0 != 0x50 || string(head[1:4]) != "\x2a\x4d\x18" {
			break
		}
		at += 8 + int64(binary.LittleEndian.Uint32(head[4:]))
	}
	if at == 0 {
		return nil
	}
	for i := range forms {
		if f := &forms[i]; (f.magic == zstdMagic || f.magic == lz4Magic) && b.has(at, f.magic) {
			return f
		}
	}
	return nil
}

// partitioned tells whether there is a master boot record with a partition in it.
func (b *peeker) partitioned() bool {
	head := b.at(0, 512)
	if len(head) < 512 || string(head[510:]) != "\x55\xaa" {
		return false
	}
	return head[446+4]|head[462+4]|head[478+4]|head[494+4] != 0
}

// isDisk tells whether a file begins or ends like a disk, has a file system in
// place of a partition table, or is blank.
func (b *peeker) isDisk() bool {
	if b.has(510, "\x55\xaa") {
		return true
	}
	for _, sector := range []int64{512, 4096} {
		if end := b.size / sector * sector; end >= 2*sector && b.has(end-sector, tableMagic) {
			return true
		}
	}
	return b.size >= smallest && slices.Contains(bare, image.Recognise(b.at(0, image.BeginningSize)))
}

// bare is what a disk may begin with in place of a partition table.
var bare = []string{"zeroes", "an XFS file system", "an NTFS file system", "an exFAT file system", "a squashfs",
	"an ext2, ext3 or ext4 file system", "an F2FS file system", "an EROFS file system", "an LVM volume"}

// smallest is how many bytes a disk with a GPT has at least: the two headers, the
// room for entries twice, the MBR and a sector for use.
const smallest = 512 * (1 + 2*(1+32) + 1)

// unlike is the form of what is recognised as no disk.
func (b *peeker) unlike() *form {
	switch head := b.at(0, 4096); {
	case b.size == 0:
		return &form{is: "an empty file", how: notADisk}
	case isText(head) && bytes.Contains(b.at(0, 1<<20), []byte("TAP version 13")):
		return &form{is: "the log of a guest", how: "vmspec report %[1]s reads it"}
	case isText(head):
		return &form{is: "text", how: "vmspec report reads logs, and image check disk images"}
	case b.size < smallest:
		return &form{is: fmt.Sprintf("a file of %d bytes", b.size), how: fmt.Sprintf("a disk with a partition table has at least %d", smallest)}
	default:
		return &form{is: "nothing that is known", how: fmt.Sprintf("it has no partition table and no file system, and begins with % x", head[:min(8, len(head))])}
	}
}

// isText tells whether bytes are text, as logs are; the last character may be
// cut.
func isText(b []byte) bool {
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		if c == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax
		}
		if unicode.IsControl(c) && !strings.ContainsRune("\n\r\t\b\x1b\a\f", c) {
			return false
		}
		b = b[n:]
	}
	return true
}

// refusal is the error for a file that is not the disk as a VM sees it.
func (f *form) refusal(i *Image, name string) error {
	return fmt.Errorf("%s: is %s, and no raw disk image: %s", name, f.is, f.todo(i, name))
}
