package osimage

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
	"vmspec/probes/kernel"
)

const (
	release = "6.1.0-test"
	tree    = "lib/modules/" + release + "/"
	aa64    = `\EFI\BOOT\BOOTAA64.EFI`
	thumb   = `\EFI\BOOT\BOOTARM.EFI`
)

func file(path, data string) imagetest.File { return imagetest.File{Path: path, Data: []byte(data)} }

// packed packs data in a form.
func packed(t testing.TB, data []byte, open func(w io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	return packed(t, data, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

// forms pack as makers of initial ramdisks do.
var forms = map[string]func(w io.Writer) (io.WriteCloser, error){
	"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	"lz4":  func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil },
	"LZ4, legacy": func(w io.Writer) (io.WriteCloser, error) {
		z := lz4.NewWriter(w)
		return z, z.Apply(lz4.LegacyOption(true))
	},
	"xz":            func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	"xz, CRC-32":    func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{CheckSum: xz.CRC32}.NewWriter(w) },
	"xz, no check":  func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{NoCheckSum: true}.NewWriter(w) },
	"xz, of blocks": func(w io.Writer) (io.WriteCloser, error) { return xz.WriterConfig{BlockSize: 1 << 10}.NewWriter(w) },
	"not packed":    func(w io.Writer) (io.WriteCloser, error) { return unchanged{w}, nil },
	"padded by 1 KB": func(w io.Writer) (io.WriteCloser, error) {
		_, err := w.Write(make([]byte, 1024))
		return unchanged{w}, err
	},
}

type unchanged struct{ io.Writer }

func (unchanged) Close() error { return nil }

func ramdisk() []byte {
	return imagetest.Newc(
		imagetest.File{Path: "usr/lib/modules", Dir: true},
		file("init", "#!/bin/sh\n"),
		file("usr/"+tree+"config", "CONFIG_XEN_BLKDEV_FRONTEND=m\nCONFIG_ARM_GIC=y\n"+string(make([]byte, 5000))),
		file("./"+tree+"kernel/drivers/block/xen-blkfront.ko.xz", "a module"),
		file("etc/passwd", "root"),
		imagetest.File{Path: tree + "kernel", Dir: true},
		file("/"+tree+"modules.builtin", "kernel/rtc-efi.ko\n"),
	)
}

func TestArchive(t *testing.T) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			var a archive
			require.NoError(t, a.read(bytes.NewReader(packed(t, ramdisk(), form))))
			require.Contains(t, a.kept[tree+"config"], "CONFIG_XEN_BLKDEV_FRONTEND=m\n")
			require.Equal(t, "kernel/rtc-efi.ko\n", a.kept[tree+"modules.builtin"])
			require.Len(t, a.kept, 2)
			require.Equal(t, release, a.release())
			require.Equal(t, "#\nkernel/drivers/block/xen-blkfront.ko.xz:\n", a.modulesDep("lib/modules/"+release))
			require.Empty(t, a.modulesDep("lib/modules/other"))
		})
	}
}

// Microcode comes first and is not packed; others add to it.
func TestArchivesBehindEachOther(t *testing.T) {
	first := imagetest.Newc(file("kernel/firmware/acpi/x.aml", "xy"))
	for name, form := range forms {
		var a archive
		all := append(append([]byte{}, first...), make([]byte, 512)...)
		all = append(all, packed(t, imagetest.Newc(file(tree+"a.ko", "1")), forms["gzip"])...)
		all = append(all, packed(t, imagetest.Newc(file(tree+"b.ko", "1")), forms["xz, of blocks"])...)
		all = append(append(all, 0, 0, 0), packed(t, ramdisk(), form)...)
		require.NoError(t, a.read(bytes.NewReader(all)), name)
		require.Len(t, a.modules, 3, name)
	}
}

func TestArchiveFaults(t *testing.T) {
	good := ramdisk()
	changed := func(at int, with string) []byte {
		b := bytes.Clone(good)
		copy(b[at:], with)
		return b
	}
	hugeXZ := packed(t, good, forms["xz"])
	hugeXZ[12+4] = 40 // the dictionary's size in the first block's header: 4 GiB
	hugeZstd := packed(t, good, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })
	hugeZstd[4], hugeZstd[5] = 0, 0xf0 // no single segment, a window of 1 TiB
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"text":                    {[]byte("no archive"), `archive 1: neither an archive nor packed in a known way: it begins with "no archi"`},
		"cut in a header":         {good[:50], "archive 1: entry 1: unexpected EOF"},
		"cut in a name":           {good[:112], "archive 1: entry 1: unexpected EOF"},
		"cut in a file":           {good[:len(good)-400], "unexpected EOF"},
		"no end":                  {good[:len(good)-124], "unexpected EOF"},
		"old form":                {changed(0, "070707"), `entry 1: no archive in the form newc: it begins with "070707"`},
		"a mode that is none":     {changed(14, "zz"), "entry 1: field 1 is no number"},
		"a name of no bytes":      {changed(94, "00000000"), "entry 1: a name of 0 bytes"},
		"a huge name":             {changed(94, "FFFFFFFF"), "entry 1: a name of 4294967295 bytes"},
		"a huge file":             {changed(54, "FFFFFFFF"), "entry 1: unexpected EOF"},
		"bytes behind it":         {append(bytes.Clone(good), 'x'), "archive 2: neither"},
		"gzip cut":                {gzipped(t, good)[:60], "unexpected EOF"},
		"LZMA":                    {[]byte("\x5d\x00\x00\x80\x00"), "packed as LZMA, which is not read"},
		"lzop":                    {[]byte("\x89LZO\x00"), "packed by lzop, which is not read"},
		"xz with 4 GiB of memory": {hugeXZ, "xz: it takes more than 32 MiB of memory"},
		"xz cut in its head":      {hugeXZ[:8], "unexpected EOF"},
		"xz cut in a block":       {packed(t, good, forms["xz"])[:100], "unexpected EOF"},
		"zstd with 1 TiB":         {hugeZstd, "window size exceeded"},
		"text within gzip":        {gzipped(t, bytes.Repeat([]byte("no archive, "), 20)), "no archive in the form newc"},
	} {
		var a archive
		require.ErrorContains(t, a.read(bytes.NewReader(test.data)), test.want, name)
	}
}

// What unpacks to more than it should is not unpacked on.
func TestArchiveIsBounded(t *testing.T) {
	for _, form := range []string{"gzip", "zstd", "xz", "lz4"} {
		zeroes := packed(t, make([]byte, 1<<20), forms[form])
		a := archive{left: 3 << 20}
		require.ErrorIs(t, a.read(bytes.NewReader(bytes.Repeat(zeroes, 3))), errLarge, form)
		a = archive{left: 2 << 20}
		require.ErrorIs(t, a.read(bytes.NewReader(packed(t, imagetest.Newc(file("a", string(make([]byte, 3<<20)))), forms[form]))), errLarge, form)
	}
}

func TestXZHeaders(t *testing.T) {
	for name, test := range map[string]struct {
		head []byte
		want string
	}{
		"two filters":            {[]byte{1, 0x21, 1, 0, 0}, "2 filters"},
		"another filter":         {[]byte{0, 7, 0, 0, 0}, "filter 0x7"},
		"cut":                    {[]byte{0, 0x21}, "unexpected EOF"},
		"sizes without an end":   {append([]byte{0x40}, bytes.Repeat([]byte{0x80}, 12)...), "a number without an end"},
		"a dictionary too large": {[]byte{0, 0x21, 1, 41}, "more than 32 MiB"},
	} {
		_, err := lzma2Window(test.head)
		require.ErrorContains(t, err, test.want, name)
	}
	window, err := lzma2Window([]byte{0xc0, 0x80, 1, 5, 0x21, 1, 16, 0})
	require.NoError(t, err)
	require.Equal(t, 1<<20, window)
	_, err = openXZ(bufio.NewReader(strings.NewReader("\xfd7zXZ\x00\x00\x0f0000")))
	require.ErrorContains(t, err, "check 15 is not known")
}

func TestScan(t *testing.T) {
	config := gzipped(t, []byte("CONFIG_ARM_GIC=y\n"))
	at := func(n int, data []byte) []byte { return append(make([]byte, n), data...) }
	zbootKernel := func(kind string) []byte {
		payload := gzipped(t, imagetest.Kernel("6.6.1-zboot"))
		b := make([]byte, 4096)
		copy(b, "MZ\x00\x00zimg")
		binary.LittleEndian.PutUint32(b[8:], 4096)
		binary.LittleEndian.PutUint32(b[12:], uint32(len(payload)))
		return append(b, payload...)
	}
	for name, test := range map[string]struct {
		data            []byte
		release, config string
	}{
		"nothing":                    {at(100, nil), "", ""},
		"a banner":                   {imagetest.Kernel(release), release, ""},
		"a format":                   {at(100, []byte("Linux version %s (x)\x00Linux version 6.1.0/x (\x00Linux version 5 \x00")), "5", ""},
		"a banner that is cut":       {at(100, []byte("Linux version 6.1")), "", ""},
		"a configuration":            {imagetest.Kernel(release, append([]byte(configMark), config...)...), release, "CONFIG_ARM_GIC=y\n"},
		"a configuration, damaged":   {imagetest.Kernel(release, append([]byte(configMark), config[:20]...)...), release, ""},
		"a mark that is none":        {imagetest.Kernel(release, append([]byte(configMark+"xx"+configMark), config...)...), release, "CONFIG_ARM_GIC=y\n"},
		"across a window":            {at(scanWindow-5, imagetest.Kernel(release, append([]byte(configMark), config...)...)), release, "CONFIG_ARM_GIC=y\n"},
		"a mark across a window":     {at(scanWindow-4, append([]byte(configMark), config...)), "", "CONFIG_ARM_GIC=y\n"},
		"a banner across a window":   {at(scanWindow-140, imagetest.Kernel(release)), release, ""},
		"packed":                     {gzipped(t, imagetest.Kernel(release)), release, ""},
		"packed behind its own head": {zbootKernel("gzip"), "6.6.1-zboot", ""},
	} {
		got, config, err := scan(section(test.data))
		require.NoError(t, err, name)
		require.Equal(t, test.release, got, name)
		require.Equal(t, test.config, config, name)
	}
	_, _, err := scan(section([]byte("MZ")))
	require.EqualError(t, err, "2 bytes are no kernel")
	bad := zbootKernel("gzip")
	copy(bad[4096:], "????")
	_, _, err = scan(section(bad))
	require.ErrorContains(t, err, "nor packed in a known way")
}

func section(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}

func TestReadSections(t *testing.T) {
	good := imagetest.UKI(image.MachineAArch64, imagetest.Section{Name: ".linux", Data: []byte("a")}, imagetest.Section{Name: ".linux", Data: []byte("b")})
	sections, arch, err := readSections(section(good))
	require.NoError(t, err)
	require.Equal(t, "arm64", arch)
	require.Len(t, sections, 2)
	require.Equal(t, "a", text(sections[".linux"]), "the first counts")
	for name, b := range map[string][]byte{"empty": nil, "text": []byte("text"), "cut": good[:80], "cut in the table": good[:0x40+24+240+60]} {
		sections, _, err := readSections(section(b))
		require.NoError(t, err, name)
		require.Empty(t, sections, name)
	}
	_, _, err = readSections(section(good[:len(good)-2]))
	require.ErrorContains(t, err, `section ".linux" ends at byte`)
	require.NotEmpty(t, sections)
}

// esp is a disk whose ESP holds files.
func esp(files ...imagetest.File) *imagetest.Image {
	spec := imagetest.Good()
	spec.Parts[0].FAT.Files = files
	return imagetest.New(spec)
}

func openDisk(i *imagetest.Image, arch string) (*kernel.Facts, error) {
	files, err := Open(i, image.Inspect(i, i.Size, image.Options{Follow: true}), arch)
	if err != nil {
		return nil, err
	}
	return kernel.Read(files)
}

func TestOpen(t *testing.T) {
	uki := func(machine uint16, sections ...imagetest.Section) []byte {
		return imagetest.UKI(machine, append([]imagetest.Section{{Name: ".linux", Data: imagetest.Kernel("6.1.0-banner")}}, sections...)...)
	}
	initrd := imagetest.Section{Name: ".initrd", Data: gzipped(t, ramdisk())}
	named := imagetest.Section{Name: ".uname", Data: []byte(release + "\x00")}
	program := imagetest.File{Path: aa64, Data: imagetest.PE(image.MachineAArch64)}
	zImageKernel := make([]byte, 128)
	copy(zImageKernel[0x24:], "\x18\x28\x6f\x01")
	for name, test := range map[string]struct {
		disk          *imagetest.Image
		arch          string
		release, line string
		gic, xen      string // what Offers has
	}{
		"a unified kernel image": {esp(imagetest.File{Path: aa64, Data: uki(image.MachineAArch64, named, initrd, imagetest.Section{Name: ".cmdline", Data: []byte("quiet root=/dev/vda\x00")})}),
			"", release, "quiet root=/dev/vda", "ARM_GIC=y", "XEN_BLKDEV_FRONTEND=m"},
		"by the banner":         {esp(imagetest.File{Path: aa64, Data: uki(image.MachineAArch64, initrd)}), "arm64", "6.1.0-banner", "", "", ""},
		"for both, for AArch32": {esp(imagetest.File{Path: aa64, Data: uki(image.MachineAArch64)}, imagetest.File{Path: thumb, Data: uki(image.MachineARM, named, initrd)}), "arm", release, "", "ARM_GIC=y", "XEN_BLKDEV_FRONTEND=m"},
		"where systemd-boot looks": {esp(program, imagetest.File{Path: `\vmlinuz`, Data: imagetest.Kernel("7.0")}, imagetest.File{Path: `\EFI\Linux\a.efi`, Data: uki(image.MachineAArch64, named)}),
			"", release, "", "", ""},
		"the kernel itself": {esp(imagetest.File{Path: aa64, Data: imagetest.Kernel("6.1.0-own")}), "", "6.1.0-own", "", "", ""},
		"files beside GRUB": {esp(program,
			imagetest.File{Path: `\boot\vmlinuz-6.1.0-test`, Data: imagetest.Kernel(release)},
			imagetest.File{Path: `\boot\initrd.img-6.1.0-old`, Data: []byte("another's")},
			imagetest.File{Path: `\boot\initrd.img-6.1.0-test`, Data: ramdisk()},
			imagetest.File{Path: `\initrd.img-6.1.0-test`, Data: []byte("in another directory")},
			file(`\boot\config-6.1.0-old`, "CONFIG_ARM_GIC=n\n"),
			file(`\boot\config-6.1.0-test`, "CONFIG_ARM_GIC=y\nCONFIG_XEN_BLKDEV_FRONTEND=y\n")), "", release, "", "ARM_GIC=y", "XEN_BLKDEV_FRONTEND=y"},
		"an AArch32 kernel": {esp(program, imagetest.File{Path: `\LINUX32`, Data: zImageKernel}, imagetest.File{Path: `\INITRD32`, Data: ramdisk()}), "arm", release, "", "ARM_GIC=y", "XEN_BLKDEV_FRONTEND=m"},
		"a packed kernel":   {esp(program, imagetest.File{Path: `\Image.gz`, Data: gzipped(t, imagetest.Kernel(release))}), "", release, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := openDisk(test.disk, test.arch)
			require.NoError(t, err)
			require.Equal(t, test.release, f.Release)
			require.Equal(t, test.line, f.CommandLine)
			require.Equal(t, "image", f.Context)
			gic, _, _ := f.Offers("CONFIG_ARM_GIC")
			require.Equal(t, test.gic, gic)
			xen, _, _ := f.Offers("CONFIG_XEN_BLKDEV_FRONTEND")
			require.Equal(t, test.xen, xen)
		})
	}
}

// What is not in the ESP may be in another file system, which is not read.
func TestOpenPartly(t *testing.T) {
	uki := imagetest.UKI(image.MachineAArch64, imagetest.Section{Name: ".linux", Data: imagetest.Kernel(release, append([]byte(configMark), gzipped(t, []byte("CONFIG_VIRTIO_BLK=m\n"))...)...)},
		imagetest.Section{Name: ".initrd", Data: ramdisk()})
	spec := imagetest.Good()
	spec.Parts[0].FAT.Files = []imagetest.File{{Path: aa64, Data: uki}}
	f, err := openDisk(imagetest.New(spec), "")
	require.NoError(t, err)
	_, lacks, _ := f.Offers("CONFIG_VIRTIO_BLK")
	require.Equal(t, "CONFIG_VIRTIO_BLK is a module, which is not at hand", lacks)
	spec.Parts = append(spec.Parts, imagetest.Part{Type: imagetest.Linux, Sectors: 100})
	f, err = openDisk(imagetest.New(spec), "")
	require.NoError(t, err)
	_, _, unknown := f.Offers("CONFIG_VIRTIO_BLK")
	require.Contains(t, unknown, "other file systems are not read")
}

func TestOpenFaults(t *testing.T) {
	cutUKI := imagetest.UKI(image.MachineAArch64, imagetest.Section{Name: ".linux", Data: make([]byte, 100)})
	damaged := imagetest.UKI(image.MachineAArch64, imagetest.Section{Name: ".linux", Data: imagetest.Kernel(release)}, imagetest.Section{Name: ".initrd", Data: []byte("junk")})
	noFAT := imagetest.Spec{Sector: 512, Parts: []imagetest.Part{{Type: imagetest.ESP, Sectors: 100}}}
	for name, test := range map[string]struct {
		disk *imagetest.Image
		want string
	}{
		"no ESP":             {imagetest.New(imagetest.Spec{Sector: 512}), "no ESP"},
		"no file system":     {imagetest.New(noFAT), "the partition holds no FAT file system"},
		"no kernel":          {imagetest.New(imagetest.Good()), ErrNoKernel.Error()},
		"no file":            {esp(), ErrNoKernel.Error()},
		"a section cut":      {esp(imagetest.File{Path: aa64, Data: cutUKI[:len(cutUKI)-10]}), aa64 + `: section ".linux" ends at byte`},
		"a damaged ramdisk":  {esp(imagetest.File{Path: aa64, Data: damaged}), "initial ramdisk: archive 1: neither"},
		"a kernel of nought": {esp(imagetest.File{Path: aa64, Data: imagetest.UKI(image.MachineAArch64, imagetest.Section{Name: ".linux"})}), "kernel: 0 bytes are no kernel"},
	} {
		_, err := openDisk(test.disk, "")
		require.ErrorContains(t, err, test.want, name)
	}
	_, err := openDisk(esp(imagetest.File{Path: aa64, Data: imagetest.Kernel(release)}), "arm")
	require.ErrorIs(t, err, ErrNoKernel)
}

// What is shown holds nothing else.
func TestFiles(t *testing.T) {
	f := files{"a": "b"}
	_, err := f.ReadFile("x")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = f.Open("a")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func FuzzArchive(f *testing.F) {
	for _, form := range forms {
		f.Add(packed(f, ramdisk(), form))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a archive
		_ = a.read(bytes.NewReader(data))
		require.LessOrEqual(t, len(a.kept), 16)
		require.LessOrEqual(t, a.names, maxNames)
		for name, text := range a.kept {
			require.LessOrEqual(t, len(text), maxConfig, name)
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add(imagetest.UKI(image.MachineAArch64, imagetest.Section{Name: ".linux", Data: imagetest.Kernel(release)}, imagetest.Section{Name: ".initrd", Data: ramdisk()}))
	f.Add(imagetest.Kernel(release))
	f.Add(gzipped(f, imagetest.Kernel(release)))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := open(section(data))
		if err != nil || g == nil {
			return
		}
		if shown, err := g.files(false); err == nil {
			_, err = kernel.Read(shown)
			require.NoError(t, err)
		}
	})
}
