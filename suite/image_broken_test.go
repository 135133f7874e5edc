package suite

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"vmspec/probes/guest"
	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
	"vmspec/suite/mutants/mutantstest"
)

// A brokenImage is a disk image that is wrong, or odd, in one known way.
type brokenImage struct {
	name    string
	make    func() *imagetest.Image
	deep    bool               // seen only by who follows each program's clusters
	want    map[string]Verdict // of those that differ from a good image
	problem map[string]string
	found   map[string]string
	fix     map[string]string
	own     bool // may have been made by the firmware of a guest that was booted from it
}

// damaged is a good image that is then changed.
func damaged(change func(i *imagetest.Image)) func() *imagetest.Image {
	return func() *imagetest.Image {
		i := imagetest.New(imagetest.Good())
		change(i)
		return i
	}
}

// planned is an image by another plan than the good one's.
func planned(change func(s *imagetest.Spec)) func() *imagetest.Image {
	return func() *imagetest.Image {
		s := imagetest.Good()
		change(&s)
		return imagetest.New(s)
	}
}

// holding is an image whose ESP has other files.
func holding(files ...imagetest.File) func() *imagetest.Image {
	return planned(func(s *imagetest.Spec) { s.Parts[0].FAT.Files = files })
}

// beside is an image whose ESP has files beside the boot programs.
func beside(files ...imagetest.File) func() *imagetest.Image {
	return planned(func(s *imagetest.Spec) { s.Parts[0].FAT.Files = append(s.Parts[0].FAT.Files, files...) })
}

const (
	aa64 = `\EFI\BOOT\BOOTAA64.EFI`
	arm  = `\EFI\BOOT\BOOTARM.EFI`
	ffs2 = "8C8CE578-8A3D-4F1C-9935-896185C32DD3"
	nvFV = "FFF12B8D-7696-4C8B-A985-2747075B4F50"
)

// mbrOnly takes a GPT away, and puts its ESP into an MBR.
func mbrOnly(i *imagetest.Image) {
	i.Put(i.Header(false), make([]byte, 512)...)
	i.Put(i.Header(true), make([]byte, 512)...)
	i.Put(450, image.TypeESP)
	i.Put32(454, 2048)
	i.Put32(458, uint32(i.FS[0].Sectors))
}

// sbat is a program for AArch64 that says what it is, as all that Secure Boot may
// start do; shim is that one.
func sbat(name string) []byte {
	return imagetest.UKI(image.MachineAArch64, imagetest.Section{Name: ".sbat",
		Data: []byte("sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md\n" + name + ",4,x,x,1,x\n")})
}

var shim = sbat("shim")

// program is an image whose program for AArch64 has other bytes. They are a
// good one's unless they are changed.
func program(change func(b []byte) []byte) func() *imagetest.Image {
	return holding(imagetest.File{Path: aa64, Data: change(imagetest.PE(image.MachineAArch64))},
		imagetest.File{Path: arm, Data: imagetest.PE(image.MachineARM)})
}

// field changes a number in the program, at an offset from the PE header.
func field(at int, value uint32, bytes int) func() *imagetest.Image {
	return program(func(b []byte) []byte {
		for n := range bytes {
			b[0x40+at+n] = byte(value >> (8 * n))
		}
		return b
	})
}

// formatted is an image whose ESP has that many clusters.
func formatted(bits int, clusters uint32) func() *imagetest.Image {
	return planned(func(s *imagetest.Spec) { s.Parts[0].FAT.Bits, s.Parts[0].FAT.Clusters = bits, clusters })
}

// header changes the primary or the backup header and makes its checksum right.
func header(backup bool, offset int64, b ...byte) func() *imagetest.Image {
	return damaged(func(i *imagetest.Image) {
		i.Put(i.Header(backup)+offset, b...)
		i.SealHeader(backup)
	})
}

// bpb changes the ESP's boot sector.
func bpb(offset int64, b ...byte) func() *imagetest.Image {
	return damaged(func(i *imagetest.Image) { i.Put(i.FS[0].Boot+offset, b...) })
}

// cutAt is an image that ends too soon.
func cutAt(at func(i *imagetest.Image) int64) func() *imagetest.Image {
	return damaged(func(i *imagetest.Image) { i.Size = at(i) })
}

// second is a second partition.
func second(p imagetest.Part) func(s *imagetest.Spec) {
	return func(s *imagetest.Spec) { s.Parts = append(s.Parts, p) }
}

var linuxPart = imagetest.Part{Type: imagetest.Linux, Sectors: 2048}

// Verdicts that follow if something else in the image is missing.
var (
	noFAT   = map[string]Verdict{"IMG-BOOT-PATH": Skip, "IMG-EFI-APP": Skip, "IMG-NO-VARIABLES": Skip, "IMG-NO-FIRMWARE": Skip}
	noESPs  = with(noFAT, map[string]Verdict{"IMG-ESP-FAT32": Skip})
	noTable = with(noESPs, map[string]Verdict{"IMG-ESP-TYPE": Skip})
	hidden  = map[string]Verdict{"IMG-NO-VARIABLES": Skip, "IMG-NO-FIRMWARE": Skip}
	cut     = map[string]Verdict{"IMG-GPT": Fail, "IMG-GPT-BACKUP": Skip}
	// A program that is not there, and one that is not right.
	noPath    = map[string]Verdict{"IMG-BOOT-PATH": Fail, "IMG-EFI-APP": Skip}
	notEFI    = fails("IMG-EFI-APP")
	notFAT32  = fails("IMG-ESP-FAT32")
	brokenFAT = with(noFAT, notFAT32)
)

var brokenImages = []brokenImage{
	{name: "good", make: damaged(func(*imagetest.Image) {})},

	// The master boot record.
	{name: "an MBR only", make: damaged(func(i *imagetest.Image) {
		i.Put(i.Header(false), make([]byte, 512)...)
		i.Put(i.Header(true), make([]byte, 512)...)
		i.Put(450, 0x83)
	}), want: with(noTable, map[string]Verdict{"IMG-GPT": Fail, "IMG-GPT-BACKUP": Skip, "IMG-MBR-PROTECTIVE": Fail}),
		problem: map[string]string{"IMG-GPT": "no header at LBA 1", "IMG-MBR-PROTECTIVE": "is of type 0xEE, but of [0x83]"}},
	{name: "an MBR with an ESP", make: damaged(mbrOnly), want: with(noTable, map[string]Verdict{"IMG-GPT": Fail, "IMG-GPT-BACKUP": Skip, "IMG-MBR-PROTECTIVE": Fail}),
		found: map[string]string{"IMG-GPT": `\EFI\BOOT\BOOTAA64.EFI is in partition 1, of type 0xEF, of the MBR`}},
	{name: "a file system and no table", make: func() *imagetest.Image {
		i := imagetest.New(imagetest.Good())
		i.Put(0, i.Get(i.First[0], 2<<20)...)
		i.Put(i.Header(true), make([]byte, 512)...)
		return i
	}, want: with(noTable, map[string]Verdict{"IMG-GPT": Fail, "IMG-GPT-BACKUP": Skip, "IMG-MBR-PROTECTIVE": Fail}),
		found: map[string]string{"IMG-GPT": `\EFI\BOOT\BOOTAA64.EFI is in the disk, which is one file system`},
		fix:   map[string]string{"IMG-GPT": "copy this file system into that"}},
	{name: "no MBR", make: damaged(func(i *imagetest.Image) { i.Put(0, make([]byte, 512)...) }),
		want: fails("IMG-MBR-PROTECTIVE"), problem: map[string]string{"IMG-MBR-PROTECTIVE": "ends in 00 00"}},
	{name: "an MBR without a partition", make: damaged(func(i *imagetest.Image) { i.Put(446, make([]byte, 64)...) }), want: fails("IMG-MBR-PROTECTIVE")},
	{name: "an MBR that protects itself", make: damaged(func(i *imagetest.Image) { i.Put32(454, 0) }), want: fails("IMG-MBR-PROTECTIVE"),
		problem: map[string]string{"IMG-MBR-PROTECTIVE": "begins at LBA 0, not at 1"}},
	{name: "an MBR of a smaller disk", make: damaged(func(i *imagetest.Image) { i.Put32(458, 1000) }), want: fails("IMG-MBR-PROTECTIVE"),
		problem: map[string]string{"IMG-MBR-PROTECTIVE": "has 1000 sectors"}},
	{name: "an MBR that protects twice", make: damaged(func(i *imagetest.Image) { i.Put(466, 0xee) }), want: fails("IMG-MBR-PROTECTIVE")},

	// The partition table.
	{name: "a primary header with a wrong CRC", make: damaged(func(i *imagetest.Image) { i.Put(i.Header(false)+16, 0, 0, 0, 0) }),
		want: fails("IMG-GPT"), problem: map[string]string{"IMG-GPT": "the header's CRC is"}},
	{name: "no primary header", make: damaged(func(i *imagetest.Image) { i.Put(i.Header(false), make([]byte, 512)...) }), want: fails("IMG-GPT")},
	{name: "primary entries with a wrong CRC", make: damaged(func(i *imagetest.Image) { i.Put(i.Entry(false, 0)+56, 'X') }),
		want: fails("IMG-GPT"), problem: map[string]string{"IMG-GPT": "the entries' CRC is"}},
	{name: "a backup header with a wrong CRC", make: damaged(func(i *imagetest.Image) { i.Put(i.Header(true)+16, 0, 0, 0, 0) }), want: fails("IMG-GPT-BACKUP")},
	{name: "no backup header", make: damaged(func(i *imagetest.Image) { i.Put(i.Header(true), make([]byte, 512)...) }), want: fails("IMG-GPT-BACKUP")},
	{name: "backup entries with a wrong CRC", make: damaged(func(i *imagetest.Image) { i.Put(i.Entry(true, 0)+56, 'X') }), want: fails("IMG-GPT-BACKUP")},
	{name: "both headers with a wrong CRC", make: damaged(func(i *imagetest.Image) {
		i.Put(i.Header(false)+16, 0, 0, 0, 0)
		i.Put(i.Header(true)+16, 0, 0, 0, 0)
	}), want: with(noTable, fails("IMG-GPT", "IMG-GPT-BACKUP"))},
	{name: "a header that is elsewhere", make: header(false, 24, 2), want: fails("IMG-GPT"), problem: map[string]string{"IMG-GPT": "says that it is at 2"}},
	{name: "a header of 4 GiB", make: header(false, 12, 0xff, 0xff, 0xff, 0xff), want: fails("IMG-GPT"), problem: map[string]string{"IMG-GPT": "size is 4294967295"}},
	{name: "a header of version 2", make: header(false, 10, 2), want: fails("IMG-GPT")},
	{name: "entries without end", make: header(false, 80, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80), want: fails("IMG-GPT"),
		problem: map[string]string{"IMG-GPT": "4294967295 entries of 2147483648 bytes"}},
	{name: "entries of 100 bytes", make: header(false, 84, 100), want: fails("IMG-GPT")},
	{name: "entries far away", make: header(false, 72, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), want: fails("IMG-GPT")},
	{name: "no room for entries", make: damaged(func(i *imagetest.Image) {
		for _, backup := range []bool{false, true} {
			i.Put64(i.Header(backup)+40, 33)
		}
		i.Seal()
	}), want: fails("IMG-GPT"), problem: map[string]string{"IMG-GPT": "usable LBAs, from 33 on"}},
	{name: "copies of which one was changed", make: damaged(func(i *imagetest.Image) {
		i.Put(i.Entry(true, 0)+56, 'X')
		i.Seal()
	}), want: fails("IMG-GPT-BACKUP"), problem: map[string]string{"IMG-GPT-BACKUP": "do not agree in the entries' CRC"}},
	{name: "copies of two disks", make: header(true, 56, 9), want: fails("IMG-GPT-BACKUP"), problem: map[string]string{"IMG-GPT-BACKUP": "the disk's GUID"}},
	{name: "a backup that knows another primary", make: header(true, 32, 9), want: fails("IMG-GPT-BACKUP")},
	{name: "a primary header with a wrong CRC, and what to do", make: damaged(func(i *imagetest.Image) { i.Put(i.Header(false)+16, 0, 0, 0, 0) }),
		want: fails("IMG-GPT"), found: map[string]string{"IMG-GPT": "the backup at LBA"},
		fix: map[string]string{"IMG-GPT": "Restore the primary copy from the backup, which is whole: sgdisk -e FILE."}},
	{name: "a primary header with a wrong CRC, of 4096", make: func() *imagetest.Image {
		i := planned(func(s *imagetest.Spec) { s.Sector = 4096 })()
		i.Put(i.Header(false)+16, 0, 0, 0, 0)
		return i
	}, want: fails("IMG-GPT"), fix: map[string]string{"IMG-GPT": "sgdisk -e, on the disk as losetup --sector-size 4096 attaches it."}},
	{name: "both copies broken, and what to do", make: damaged(func(i *imagetest.Image) {
		i.Put(i.Header(false)+16, 0, 0, 0, 0)
		i.Put(i.Header(true)+16, 0, 0, 0, 0)
	}), want: with(noTable, fails("IMG-GPT", "IMG-GPT-BACKUP")), fix: map[string]string{"IMG-GPT": "If the disk holds data, look for its partitions"}},
	{name: "no backup header, and what to do", make: damaged(func(i *imagetest.Image) { i.Put(i.Header(true), make([]byte, 512)...) }),
		want: fails("IMG-GPT-BACKUP"), fix: map[string]string{"IMG-GPT-BACKUP": "from the primary copy: sgdisk -e FILE."}},
	{name: "an image that was made larger", make: damaged(func(i *imagetest.Image) { i.Size += 1 << 20 }),
		found: map[string]string{"IMG-GPT-BACKUP": "the disk grew by 1048576 bytes since", "IMG-MBR-PROTECTIVE": "it ends where the table does"}},
	{name: "an image that was made larger, without its backup", make: damaged(func(i *imagetest.Image) {
		i.Put(i.Header(true), make([]byte, 512)...)
		i.Size += 1 << 20
	}), want: fails("IMG-GPT-BACKUP", "IMG-MBR-PROTECTIVE")},
	{name: "100 bytes more than whole sectors", make: damaged(func(i *imagetest.Image) { i.Size += 100 }),
		found: map[string]string{"IMG-GPT": "100 bytes are behind the last whole sector: some VMMs round such a size up, others down"}},
	{name: "an ESP that firmware ignores", make: damaged(func(i *imagetest.Image) { i.Both(0, 48, image.Ignored) }), want: fails("IMG-ESP-TYPE"),
		problem: map[string]string{"IMG-ESP-TYPE": "partition 1 has the attribute bit 1, by which EFI firmware ignores it"},
		fix:     map[string]string{"IMG-ESP-TYPE": "sgdisk -A 1:clear:1 FILE."}},
	{name: "an ESP that firmware ignores beside one that it takes", make: func() *imagetest.Image {
		i := planned(func(s *imagetest.Spec) {
			s.Parts = append([]imagetest.Part{{Type: imagetest.ESP, Sectors: 128}}, s.Parts...)
		})()
		i.Both(0, 48, image.Ignored)
		return i
	}},
	{name: "other attributes", make: damaged(func(i *imagetest.Image) { i.Both(0, 48, 1|4, 0, 0, 0, 0, 0, 0, 0xf0) })},
	{name: "a file system of larger sectors than the disk's", make: planned(func(s *imagetest.Spec) {
		s.Parts[0].FAT.PerCluster, s.Parts[0].FAT.Large = 8, true
	}), want: notFAT32, problem: map[string]string{"IMG-ESP-FAT32": "its sectors have 4096 bytes, the disk's 512: U-Boot refuses it (FAT sector size mismatch), EDK2 does not"},
		fix: map[string]string{"IMG-ESP-FAT32": "mkfs.fat -F 32 -S 512"}},
	{name: "overlapping partitions", make: func() *imagetest.Image {
		i := planned(second(linuxPart))()
		i.Both(1, 32, i.Get(i.Entry(false, 0)+32, 8)...)
		return i
	}, want: fails("IMG-GPT"), problem: map[string]string{"IMG-GPT": "partitions 1 and 2 overlap"}},
	{name: "a partition behind the usable LBAs", make: func() *imagetest.Image {
		i := planned(second(linuxPart))()
		i.Both(1, 40, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
		return i
	}, want: fails("IMG-GPT"), problem: map[string]string{"IMG-GPT": "partition 2, LBA"}},
	{name: "a partition that ends before it begins", make: func() *imagetest.Image {
		i := planned(second(linuxPart))()
		i.Both(1, 40, 1, 0, 0, 0, 0, 0, 0, 0)
		return i
	}, want: fails("IMG-GPT")},
	{name: "partitions of one GUID", make: func() *imagetest.Image {
		i := planned(second(linuxPart))()
		i.Both(1, 16, i.Get(i.Entry(false, 0)+16, 16)...)
		return i
	}, want: fails("IMG-GPT"), problem: map[string]string{"IMG-GPT": "have one unique GUID"}},

	// Images that end too soon.
	{name: "empty", make: cutAt(func(*imagetest.Image) int64 { return 0 }),
		want: with(noTable, map[string]Verdict{"IMG-GPT": Fail, "IMG-GPT-BACKUP": Skip, "IMG-MBR-PROTECTIVE": Fail})},
	{name: "cut behind the MBR", make: cutAt(func(*imagetest.Image) int64 { return 512 }),
		want: with(noTable, map[string]Verdict{"IMG-GPT": Fail, "IMG-GPT-BACKUP": Skip, "IMG-MBR-PROTECTIVE": Fail})},
	{name: "cut in the entries", make: cutAt(func(i *imagetest.Image) int64 { return 4096 }),
		want: with(noTable, cut), problem: map[string]string{"IMG-GPT": "the disk has 4096 bytes, "}},
	{name: "cut before the ESP", make: cutAt(func(i *imagetest.Image) int64 { return i.First[0] }),
		want: with(noFAT, with(cut, map[string]Verdict{"IMG-ESP-FAT32": Skip}))},
	{name: "cut in the file allocation table", make: cutAt(func(i *imagetest.Image) int64 { return i.FS[0].Table + 512 }),
		want: with(noFAT, with(cut, map[string]Verdict{"IMG-ESP-FAT32": Skip}))},
	{name: "cut in a boot program", make: cutAt(func(i *imagetest.Image) int64 { return i.FS[0].Place(i.FS[0].At[aa64]) }),
		want: with(cut, map[string]Verdict{"IMG-EFI-APP": Skip})},
	{name: "cut behind its files", make: cutAt(func(i *imagetest.Image) int64 { return i.FS[0].Place(1000) }), want: cut},
	{name: "cut behind the partitions", make: cutAt(func(i *imagetest.Image) int64 { return i.Size - 1<<19 }),
		want: cut, problem: map[string]string{"IMG-GPT": "524288 fewer than its table says: it was cut"},
		fix: map[string]string{"IMG-GPT": "Get the whole file again"}},
	{name: "100 bytes fewer than whole sectors", make: cutAt(func(i *imagetest.Image) int64 { return i.Size - 100 }),
		want: cut, problem: map[string]string{"IMG-GPT": "100 fewer than its table says"}, found: map[string]string{"IMG-GPT": "412 bytes are behind the last whole sector"}},

	// The ESP and its file system.
	{name: "another type GUID", make: planned(func(s *imagetest.Spec) { s.Parts[0].Type = imagetest.Linux }),
		want: with(noESPs, fails("IMG-ESP-TYPE"))},
	{name: "no partition", make: planned(func(s *imagetest.Spec) { s.Parts = nil }), want: with(noESPs, fails("IMG-ESP-TYPE"))},
	{name: "FAT12", make: formatted(12, 4084), want: notFAT32, problem: map[string]string{"IMG-ESP-FAT32": "makes it FAT12"}},
	{name: "FAT16", make: formatted(16, 65524), want: notFAT32, problem: map[string]string{"IMG-ESP-FAT32": "its number of clusters makes it FAT16; FAT32 has at least 65525"}},
	{name: "FAT32 of too few clusters", make: formatted(32, 65524), want: notFAT32},
	{name: "FAT16 of too many clusters", make: formatted(16, 65525), want: brokenFAT},
	{name: "ext4 in the ESP", make: damaged(func(i *imagetest.Image) {
		i.Put(i.First[0], make([]byte, 4096)...)
		i.Put(i.First[0]+1024+56, 0x53, 0xef)
	}), want: brokenFAT},
	{name: "nothing in the ESP", make: damaged(func(i *imagetest.Image) { i.Put(i.First[0], make([]byte, 4096)...) }), want: brokenFAT},
	{name: "clusters of three sectors", make: bpb(13, 3), want: brokenFAT},
	{name: "sectors of 513 bytes", make: bpb(11, 1), want: brokenFAT},
	{name: "no table", make: bpb(16, 0), want: brokenFAT},
	{name: "tables of 2 TiB", make: bpb(36, 0xff, 0xff, 0xff, 0xff), want: brokenFAT},
	{name: "a file system of 2 TiB", make: bpb(32, 0xff, 0xff, 0xff, 0xff), want: brokenFAT},
	{name: "a file system larger than its partition", make: bpb(33, 5), want: notFAT32, problem: map[string]string{"IMG-ESP-FAT32": "and its partition 34097664"}},
	{name: "a root directory nowhere", make: bpb(44, 0xff, 0xff, 0xff, 0x0f), want: brokenFAT},
	{name: "FAT32 of a later version", make: bpb(42, 1), want: notFAT32},
	{name: "a root directory in a circle", make: damaged(func(i *imagetest.Image) {
		l := i.FS[0]
		for n := int64(2); n < 16; n++ { // behind the label and EFI
			i.Put(l.Place(2)+32*n, 0xe5)
		}
		l.Link(2, 2)
	}), want: with(hidden, notFAT32), problem: map[string]string{"IMG-ESP-FAT32": "goes in a circle, at cluster 2"}},
	{name: "a directory that goes on in no cluster", make: damaged(func(i *imagetest.Image) {
		l := i.FS[0]
		for n := int64(3); n < 16; n++ {
			i.Put(l.Place(l.At[`\EFI`])+32*n, 0xe5)
		}
		l.Link(l.At[`\EFI`], 0x0ffffff0)
	}), want: with(hidden, notFAT32)},

	// The boot programs.
	{name: "no directory for the boot programs", make: holding(imagetest.File{Path: `\EFI\debian\grubaa64.efi`, Data: imagetest.PE(image.MachineAArch64)}),
		want: noPath, problem: map[string]string{"IMG-BOOT-PATH": `there is no \EFI\BOOT`}},
	{name: "shim elsewhere", make: holding(imagetest.File{Path: `\EFI\debian\shimaa64.efi`, Data: shim}),
		want: noPath, problem: map[string]string{"IMG-BOOT-PATH": `no firmware looks by itself for the programs that are there: \EFI\debian\shimaa64.efi`},
		fix: map[string]string{"IMG-BOOT-PATH": "grub-install --removable"}},
	{name: "shim alone", make: holding(imagetest.File{Path: aa64, Data: shim}, imagetest.File{Path: `\EFI\BOOT\mmaa64.efi`, Data: shim}, imagetest.File{Path: `\EFI\debian\grubaa64.efi`, Data: shim}),
		want: fails("IMG-BOOT-PATH"), problem: map[string]string{"IMG-BOOT-PATH": aa64 + " is shim, and no second stage is beside it, such as grubaa64.efi"}},
	{name: "shim with GRUB", make: holding(imagetest.File{Path: aa64, Data: shim}, imagetest.File{Path: `\EFI\BOOT\grubaa64.efi`, Data: shim})},
	{name: "shim with its fallback", make: holding(imagetest.File{Path: aa64, Data: shim}, imagetest.File{Path: `\EFI\BOOT\fbaa64.efi`, Data: shim})},
	{name: "shim with GRUB by another name", make: holding(imagetest.File{Path: aa64, Data: shim}, imagetest.File{Path: `\EFI\BOOT\grub.efi`, Data: shim})},
	{name: "GRUB alone, which has a .sbat too", make: holding(imagetest.File{Path: aa64, Data: sbat("grub")})},
	{name: "no boot program", make: holding(imagetest.File{Path: `\EFI\BOOT\grubaa64.efi`, Data: imagetest.PE(image.MachineAArch64)}), want: noPath},
	{name: "no file", make: holding(), want: noPath},
	{name: "a file for a directory", make: holding(imagetest.File{Path: `\EFI`, Data: []byte("x")}), want: noPath},
	{name: "a boot program for x86", make: holding(imagetest.File{Path: `\EFI\Boot\bootx64.efi`, Data: imagetest.PE(0x8664)}), want: noPath,
		problem: map[string]string{"IMG-BOOT-PATH": `\EFI\Boot\bootx64.efi is there: an image for x86-64`}, fix: map[string]string{"IMG-BOOT-PATH": "this one is for x86-64"}},
	{name: "a directory for a boot program", make: holding(imagetest.File{Path: aa64, Dir: true}), want: noPath,
		problem: map[string]string{"IMG-BOOT-PATH": "is a directory"}},
	{name: "text for a boot program", make: program(func([]byte) []byte { return bytes.Repeat([]byte("set root\n"), 99) }), want: notEFI,
		problem: map[string]string{"IMG-EFI-APP": `it begins with "set root"`}},
	{name: "a boot program of no bytes", make: program(func([]byte) []byte { return nil }), want: notEFI, problem: map[string]string{"IMG-EFI-APP": "0 bytes are no PE file"}},
	{name: "zeroes for a boot program", make: program(func([]byte) []byte { return make([]byte, 4096) }), want: notEFI},
	{name: "x86 under the name of AArch64", make: program(func([]byte) []byte { return imagetest.PE(0x8664) }), want: notEFI,
		problem: map[string]string{"IMG-EFI-APP": "for machine 0x8664, not 0xaa64"}},
	{name: "ARM under the name of AArch64", make: program(func([]byte) []byte { return imagetest.PE(image.MachineARM) }), want: notEFI},
	{name: "a driver for a boot program", make: field(24+68, 11, 2), want: notEFI, problem: map[string]string{"IMG-EFI-APP": "subsystem 11"}},
	{name: "PE32 for AArch64", make: field(24, image.PE32, 2), want: notEFI, problem: map[string]string{"IMG-EFI-APP": "magic is 0x10b, not 0x20b"}},
	{name: "a PE header far away", make: program(func(b []byte) []byte {
		return append(b[:0x3c:0x3c], append([]byte{0xf0, 0xff, 0xff, 0xff}, b[0x40:]...)...)
	}), want: notEFI},
	{name: "no PE header", make: field(0, 0, 4), want: notEFI},
	{name: "no optional header", make: field(20, 0, 2), want: notEFI},
	{name: "an entry point outside", make: field(24+16, 0x2000, 4), want: notEFI, problem: map[string]string{"IMG-EFI-APP": "entry point 0x2000"}},
	{name: "headers of 4 GiB", make: field(24+60, 1<<32-1, 4), want: notEFI},
	{name: "no sections", make: field(6, 0, 2), want: notEFI},
	{name: "65535 sections", make: field(6, 1<<16-1, 2), want: notEFI},
	{name: "a section behind the file's end", make: field(24+240+16, 1<<32-1, 4), want: notEFI, problem: map[string]string{"IMG-EFI-APP": "section 1 ends at byte 4294967807"}},
	{name: "a section behind the image's end", make: field(24+240+8, 1<<32-1, 4), want: notEFI},
	{name: "a boot program in a circle", deep: true, make: damaged(func(i *imagetest.Image) { i.FS[0].Link(i.FS[0].At[aa64]+1, i.FS[0].At[aa64]) }),
		want: notEFI, problem: map[string]string{"IMG-EFI-APP": "too long, or a circle"}},
	{name: "a boot program that breaks off", deep: true, make: damaged(func(i *imagetest.Image) { i.FS[0].Link(i.FS[0].At[aa64], 0x0fffffff) }),
		want: notEFI, problem: map[string]string{"IMG-EFI-APP": "too short for 1024 bytes by 1"}},
	{name: "a boot program nowhere", make: damaged(func(i *imagetest.Image) { i.Put16(i.FS[0].Entries[aa64]+26, 0) }), want: notEFI},
	{name: "a boot program of 4 GiB", make: damaged(func(i *imagetest.Image) { i.Put32(i.FS[0].Entries[aa64]+28, 1<<32-1) }), want: notEFI,
		problem: map[string]string{"IMG-EFI-APP": "it claims 4294967295 bytes"}},

	// What an image should not hold.
	{name: "a file of EDK2's variables", own: true, make: edk2Store, want: fails("IMG-NO-VARIABLES")},
	{name: "a file of U-Boot's variables", make: uBootStore, want: fails("IMG-NO-VARIABLES"),
		problem: map[string]string{"IMG-NO-VARIABLES": `UEFI variables in \ubootefi.var of partition 1`}},
	{name: "U-Boot's variables by another name", make: beside(imagetest.File{Path: `\a\b`, Data: append([]byte("\x00\x00\x00\x00\x00\x00\x00\x00UbEfiVa\x01"), make([]byte, 99)...)}),
		want: fails("IMG-NO-VARIABLES")},
	{name: "a variable store as a file", own: true, make: beside(imagetest.File{Path: `\vars.fd`, Data: imagetest.Volume(nvFV)}), want: fails("IMG-NO-VARIABLES")},
	{name: "a variable store as a partition", own: true, make: planned(second(imagetest.Part{Type: imagetest.Linux, Sectors: 128, Data: imagetest.Volume(nvFV)})), want: fails("IMG-NO-VARIABLES")},
	{name: "firmware as a file", make: beside(imagetest.File{Path: `\fw\QEMU_EFI.fd`, Data: imagetest.Volume(ffs2)}), want: fails("IMG-NO-FIRMWARE"),
		problem: map[string]string{"IMG-NO-FIRMWARE": `a firmware volume (FFS2) in \fw\QEMU_EFI.fd of partition 1`}},
	{name: "firmware as a partition", make: planned(second(imagetest.Part{Type: imagetest.Linux, Sectors: 128, Data: imagetest.Volume(ffs2)})), want: fails("IMG-NO-FIRMWARE"),
		problem: map[string]string{"IMG-NO-FIRMWARE": "a firmware volume (FFS2) in the beginning of partition 2"}},
	{name: "firmware of AArch64 as it lies in flash", make: beside(imagetest.File{Path: `\AAVMF_CODE.fd`, Data: imagetest.Flash(0x14000400)}), want: fails("IMG-NO-FIRMWARE"),
		problem: map[string]string{"IMG-NO-FIRMWARE": `a firmware volume (FFS2) in \AAVMF_CODE.fd of partition 1`}},
	{name: "firmware of AArch32 as it lies in flash", make: beside(imagetest.File{Path: `\QEMU_EFI.fd`, Data: imagetest.Flash(0xea0003fe)}), want: fails("IMG-NO-FIRMWARE")},
	{name: "firmware's flash as a partition", make: planned(second(imagetest.Part{Type: imagetest.Linux, Sectors: 128, Data: imagetest.Flash(0x14000400)})), want: fails("IMG-NO-FIRMWARE")},
	{name: "code that goes back, and far away", make: beside(imagetest.File{Path: `\a`, Data: imagetest.Flash(0x17ffffff)}, imagetest.File{Path: `\b`, Data: imagetest.Flash(0xea7fffff)})},
	{name: "code that goes beyond its file", make: beside(imagetest.File{Path: `\a`, Data: imagetest.Flash(0x14000400)[:4096]})},
	{name: "firmware in a gap", make: damaged(func(i *imagetest.Image) { i.Put(34*512, imagetest.Volume(ffs2)...) }), want: fails("IMG-NO-FIRMWARE"),
		problem: map[string]string{"IMG-NO-FIRMWARE": "in the beginning of the gap before the partitions"}},

	// Odd, but right.
	{name: "an ESP that is not first", make: planned(func(s *imagetest.Spec) { s.Parts = []imagetest.Part{linuxPart, s.Parts[0]} })},
	{name: "a second ESP", make: planned(func(s *imagetest.Spec) {
		s.Parts = append([]imagetest.Part{{Type: imagetest.ESP, Sectors: 128}}, s.Parts...)
	})},
	{name: "a hybrid MBR", make: damaged(func(i *imagetest.Image) {
		i.Put(462, i.Get(446, 16)...)
		i.Put(466, 0xef)
		i.Put32(470, 2048)
	})},
	{name: "a boot indicator in the MBR", make: damaged(func(i *imagetest.Image) { i.Put(446, 0x80) })},
	{name: "an MBR of the largest size", make: damaged(func(i *imagetest.Image) { i.Put32(458, 1<<32-1) })},
	{name: "names in small letters", make: holding(imagetest.File{Path: `\efi\Boot\bootaa64.efi`, Data: imagetest.PE(image.MachineAArch64)})},
	{name: "long names beside", make: beside(imagetest.File{Path: `\EFI\BOOT\A long name of a file, and more.efi`, Data: []byte("x")},
		imagetest.File{Path: `\EFI\BOOT\BOOTAA64 the second.EFI`, Data: []byte("x")})},
	{name: "sectors of 4096 bytes", make: planned(func(s *imagetest.Spec) { s.Sector = 4096 })},
	{name: "clusters of 8 sectors", make: planned(func(s *imagetest.Spec) { s.Parts[0].FAT.PerCluster = 8 })},
	{name: "a program for AArch64 alone", make: holding(imagetest.File{Path: aa64, Data: imagetest.PE(image.MachineAArch64)})},
	{name: "a directory of many clusters", make: planned(func(s *imagetest.Spec) {
		for n := range 99 {
			s.Parts[0].FAT.Files = slices.Insert(s.Parts[0].FAT.Files, 0, imagetest.File{Path: fmt.Sprintf(`\EFI\BOOT\a long name of file %d`, n)})
		}
	})},
	{name: "a directory in itself", make: damaged(func(i *imagetest.Image) { i.Put16(i.FS[0].Entries[`\EFI\BOOT`]+26, 2) }), want: noPath},
	{name: "an image for AArch32", make: holding(imagetest.File{Path: arm, Data: imagetest.PE(image.MachineARM)}), deep: true},
}

// imageMutants are guests that were booted from a broken image.
func imageMutants() []mutant {
	var out []mutant
	for _, b := range brokenImages {
		if b.deep {
			continue
		}
		want := with(imageVerdicts(Pass), b.want)
		if b.own { // AAVMF is EDK2
			want["IMG-NO-VARIABLES"] = Skip
		}
		maps.DeleteFunc(want, func(_ string, v Verdict) bool { return v == Skip }) // as in a guest without a disk
		out = append(out, mutant{name: "booted from an image: " + b.name, guest: uefiGuest, change: bootedFrom(b.make), want: want, problem: b.problem})
	}
	return append(out, bootMutants...)
}

func bootedFrom(make func() *imagetest.Image) change {
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		return files.With(map[string][]byte{"vmspec/image": []byte(mutantstest.Record(make()))})
	}
}

// Files of variables, and images with one of them.
var (
	edk2Variables  = imagetest.File{Path: `\NvVars`, Data: []byte("x")}
	uBootVariables = imagetest.File{Path: `\ubootefi.var`, Data: []byte("x")}
	edk2Store      = beside(edk2Variables)
	uBootStore     = beside(uBootVariables)
)

// imageVerdicts are of all requirements of an image.
func imageVerdicts(v Verdict) map[string]Verdict {
	out := map[string]Verdict{}
	for _, r := range images {
		out[r.ID] = v
	}
	return out
}

// imagePasses are the verdicts on a good image, but for its boot program: it is
// not at the removable media path.
func imagePasses() map[string]Verdict {
	out := imageVerdicts(Pass)
	delete(out, "IMG-EFI-APP") // skipped
	return out
}

// grubAlone has a boot program where no firmware looks by itself.
var grubAlone = holding(imagetest.File{Path: `\EFI\debian\grubaa64.efi`, Data: imagetest.PE(image.MachineAArch64)})

// bootOption is the change to a guest that was booted by an option of its
// firmware.
func bootOption(file string) change {
	const dir, global = "sys/firmware/efi/efivars/", "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	return func(_ testing.TB, files *guest.FS) *guest.FS {
		return files.With(map[string][]byte{
			dir + "BootCurrent" + global: {6, 0, 0, 0, 0x77, 0},
			dir + "Boot0077" + global:    option(file),
		})
	}
}

// The variables of a firmware that did not boot the guest are the image's.
var bootMutants = []mutant{
	{
		name: "booted by U-Boot from an image with its variables", guest: uBootGuest, change: bootedFrom(uBootStore),
		want:    map[string]Verdict{"IMG-NO-VARIABLES": Skip},
		problem: map[string]string{"IMG-NO-VARIABLES": ReasonHost},
	},
	{
		name: "booted by U-Boot from an image with EDK2's variables", guest: uBootGuest, change: bootedFrom(edk2Store),
		want:    fails("IMG-NO-VARIABLES"),
		problem: map[string]string{"IMG-NO-VARIABLES": `UEFI variables in \NvVars of partition 1`},
	},
	{
		name: "booted by U-Boot from an image with both", guest: uBootGuest, change: bootedFrom(beside(uBootVariables, edk2Variables)),
		want:    fails("IMG-NO-VARIABLES"),
		problem: map[string]string{"IMG-NO-VARIABLES": `UEFI variables in \NvVars of partition 1`},
	},
	{
		name: "booted by a firmware without a name from an image with variables", guest: uBootGuest,
		change:  all(bootedFrom(edk2Store), edit("vmspec/efi", `vendor "Das U-Boot"`, `vendor ""`)),
		want:    map[string]Verdict{"IMG-NO-VARIABLES": Skip},
		problem: map[string]string{"IMG-NO-VARIABLES": ReasonHost},
	},
	{
		name: "booted from an image by a configured path alone", guest: uefiGuest, change: all(bootedFrom(grubAlone), bootOption(`\EFI\debian\grubaa64.efi`)),
		want:    with(imagePasses(), map[string]Verdict{"IMG-BOOT-PATH": Fail, "IMG-REMOVABLE": Fail}),
		problem: map[string]string{"IMG-REMOVABLE": `by Boot0077 from \EFI\debian\grubaa64.efi, and has no \EFI\BOOT\BOOTAA64.EFI`},
	},
}
