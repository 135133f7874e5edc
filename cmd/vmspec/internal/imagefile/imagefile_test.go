package imagefile

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"vmspec/probes/image/imagetest"
)

// disk is the bytes of a small disk.
func disk() []byte {
	spec := imagetest.Good()
	spec.Parts[0].FAT.Bits, spec.Parts[0].FAT.Clusters = 12, 200
	i := imagetest.New(spec)
	return i.Get(0, int(i.Size))
}

// write writes a file and returns its name.
func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, b, 0o644))
	return name
}

// Each form is told by its marks, at their places, and says what to do.
func TestForms(t *testing.T) {
	for _, f := range append(append(append([]form{}, footers...), forms...), optical...) {
		b := make([]byte, 80<<10)
		at := f.at
		if at < 0 {
			at += int64(len(b))
		}
		copy(b[at:], f.magic)
		switch f.is {
		case "a VHD image of fixed size":
			b[at+63] = 2
		case "a qcow2 image that rests on another file":
			b[15] = 1
		case "compressed by bzip2":
			copy(b[4:], "1AY&SY")
		case "a PE file":
			b[60] = 0x80
			copy(b[0x80:], "PE\x00\x00")
		}
		_, err := Open(write(t, "a b", b))
		require.ErrorContains(t, err, "a b: is "+f.is+", and no raw disk image: ", f.is)
		if strings.Contains(f.how, "%[1]s") {
			require.ErrorContains(t, err, "a b'", f.is)
		}
		require.NotContains(t, err.Error(), "%[")
	}
}

// What begins or ends like a disk is one, whatever else it looks like.
func TestRaw(t *testing.T) {
	good := disk()
	change := func(at int, b ...byte) []byte {
		out := bytes.Clone(good)
		copy(out[at:], b)
		return out
	}
	hybrid := make([]byte, 80<<10)
	copy(hybrid[32769:], "CD001")
	hybrid[510], hybrid[511], hybrid[450] = 0x55, 0xaa, 0xef
	squashed := make([]byte, 80<<10)
	copy(squashed, "hsqs")
	for name, b := range map[string][]byte{
		"good":                      good,
		"boot code like gzip's":     change(0, 0x1f, 0x8b, 8),
		"without an MBR":            change(510, 0, 0),
		"without its beginning":     change(0, bytes.Repeat([]byte{7}, 34*512)...),
		"zeroes":                    make([]byte, 80<<10),
		"an ISO that is a disk too": hybrid,
		"a squashfs":                squashed,
	} {
		i, err := Open(write(t, "disk", b))
		require.NoError(t, err, name)
		require.Equal(t, int64(len(b)), i.Size)
		require.Equal(t, 512, i.SectorSize())
		require.Empty(t, i.In)
		require.NoError(t, i.Close())
	}
}

// What is neither is said to be so.
func TestUnlike(t *testing.T) {
	for name, c := range map[string]struct {
		b    string
		want string
	}{
		"nothing":   {"", "is an empty file, and no raw disk image"},
		"1000":      {strings.Repeat("\x00", 1000), "is a file of 1000 bytes, and no raw disk image: a disk with a partition table has at least 34816"},
		"a text":    {"hello\n", "is text, and no raw disk image"},
		"a log":     {strings.Repeat("[    0.0] \x1b[0m Booting\r\n", 999) + "TAP version 13\r\n", "is the log of a guest, and no raw disk image: vmspec report "},
		"noise":     {strings.Repeat("\x01\x02\x03\xff", 20<<10), "is nothing that is known, and no raw disk image: it has no partition table and no file system, and begins with 01 02 03 ff 01 02 03 ff"},
		"a few":     {"\x1f", "is a file of 1 bytes"},
		"UTF-8 cut": {strings.Repeat("\u00e9", 3000)[:4097], "is text"},
	} {
		_, err := Open(write(t, "x", []byte(c.b)))
		require.ErrorContains(t, err, c.want, name)
	}
}

// through writes bytes through a packer.
func through(t *testing.T, b []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := open(&out)
	require.NoError(t, err)
	_, err = w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

var packers = map[string]func(io.Writer) (io.WriteCloser, error){
	"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	"lzma": func(w io.Writer) (io.WriteCloser, error) { return lzma.NewWriter(w) },
	"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	"lz4":  func(w io.Writer) (io.WriteCloser, error) { return lz4.NewWriter(w), nil },
	"lz4 -l": func(w io.Writer) (io.WriteCloser, error) {
		z := lz4.NewWriter(w)
		return z, z.Apply(lz4.LegacyOption(true))
	},
	"zstd behind a skippable frame": func(w io.Writer) (io.WriteCloser, error) {
		if _, err := io.WriteString(w, "\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"); err != nil {
			return nil, err
		}
		return zstd.NewWriter(w)
	},
	"lz4 behind a skippable frame": func(w io.Writer) (io.WriteCloser, error) {
		_, err := io.WriteString(w, "\x50\x2a\x4d\x18\x00\x00\x00\x00")
		return lz4.NewWriter(w), err
	},
	"xz in two": func(w io.Writer) (io.WriteCloser, error) { return &inTwo{w: w}, nil },
}

// inTwo packs each half for itself.
type inTwo struct {
	w io.Writer
	b bytes.Buffer
}

func (z *inTwo) Write(b []byte) (int, error) { return z.b.Write(b) }

func (z *inTwo) Close() error {
	for _, half := range [][]byte{z.b.Bytes()[:z.b.Len()/2], z.b.Bytes()[z.b.Len()/2:]} {
		x, err := xz.NewWriter(z.w)
		if err != nil {
			return err
		}
		if _, err := x.Write(half); err != nil {
			return err
		}
		if err := x.Close(); err != nil {
			return err
		}
	}
	return nil
}

// What is packed is read as what was packed, and packed twice too; what breaks off
// is refused.
func TestUnpack(t *testing.T) {
	good := disk()
	for name, open := range packers {
		t.Run(name, func(t *testing.T) {
			packed := through(t, good, open)
			i, err := Read(t.Context(), write(t, "x", packed))
			require.NoError(t, err)
			require.Equal(t, int64(len(good)), i.Size)
			got, err := io.ReadAll(io.NewSectionReader(i, 0, i.Size))
			require.NoError(t, err)
			require.True(t, bytes.Equal(good, got))
			is, _, _ := strings.Cut(name, " ")
			require.Equal(t, "compressed by "+is, i.In)
			require.NoError(t, i.Close())

			i, err = Read(t.Context(), write(t, "x", through(t, packed, packers["gzip"])))
			require.NoError(t, err)
			require.Equal(t, "compressed by gzip, in it compressed by "+is, i.In)
			require.NoError(t, i.Close())

			_, err = Read(t.Context(), write(t, "x", packed[:len(packed)*2/3]))
			require.ErrorContains(t, err, "is compressed by "+is+", which cannot be read: ")
			_, err = Open(write(t, "x", packed))
			require.ErrorContains(t, err, "and no raw disk image: check what this makes of it: ")
		})
	}
	deep := good
	for range maxLayers + 1 {
		deep = through(t, deep, packers["gzip"])
	}
	_, err := Read(t.Context(), write(t, "x", deep))
	require.ErrorContains(t, err, "is packed more than 4 times")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Read(ctx, write(t, "x", through(t, good, packers["gzip"])))
	require.ErrorIs(t, err, context.Canceled)
}

// need skips a test for want of a program, but not in make test, which installs it.
func need(t *testing.T, program string) {
	t.Helper()
	_, err := exec.LookPath(program)
	if err != nil && os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("make test-tools installs it: ", err)
	}
	require.NoError(t, err)
}

// The commands that are told make of a packed disk what it was.
func TestCommands(t *testing.T) {
	good := disk()
	for program, pack := range map[string]string{
		"gzip": "gzip -k x", "xz": "xz -k x", "lzma": "xz -k --format=lzma x", "zstd": "zstd -q x", "lz4": "lz4 -q x x.lz4",
		"lz4 -l": "lz4 -q -l x x.lz4", "bzip2": "bzip2 -k x", "zip": "zip -q x.zip x", "tar": "tar -cf x.tar x",
		"qcow2": "qemu-img convert -O qcow2 x x.qcow2", "qcow": "qemu-img convert -O qcow x x.qcow", "vhdx": "qemu-img convert -O vhdx x x.vhdx",
		"vmdk": "qemu-img convert -O vmdk x x.vmdk", "flat": "qemu-img convert -O vmdk -o subformat=monolithicFlat x x.vmdk",
		"streamed": "qemu-img convert -O vmdk -o subformat=streamOptimized x x.vmdk", "vdi": "qemu-img convert -O vdi x x.vdi",
		"qed": "qemu-img convert -O qed x x.qed", "parallels": "qemu-img convert -O parallels x x.hdd",
		"vhd": "qemu-img convert -O vpc -o force_size x x.vhd", "fixed": "qemu-img convert -O vpc -o subformat=fixed,force_size x x.vhd",
	} {
		t.Run(program, func(t *testing.T) {
			need(t, strings.Fields(pack)[0])
			dir := t.TempDir()
			t.Chdir(dir)
			require.NoError(t, os.WriteFile("x", good, 0o644))
			out, err := exec.Command("sh", "-c", pack).CombinedOutput()
			require.NoError(t, err, string(out))
			packed, err := filepath.Glob("x.*")
			require.NoError(t, err)
			name := packed[len(packed)-1]
			if program == "flat" {
				name = "x.vmdk"
			}
			_, err = Open(name)
			require.ErrorContains(t, err, name+": is ")
			_, command, _ := strings.Cut(err.Error(), "no raw disk image: ")
			_, command, _ = strings.Cut(command, ": ")
			require.NoError(t, os.Remove("x"))
			out, err = exec.Command("sh", "-c", command).CombinedOutput()
			require.NoError(t, err, command+"\n"+string(out))
			raw := name + ".raw"
			if program == "tar" || program == "zip" {
				raw = "x"
			}
			got, err := os.ReadFile(raw)
			require.NoError(t, err)
			require.True(t, bytes.Equal(good, got[:len(good)]), "%d bytes", len(got))
			require.Empty(t, bytes.Trim(got[len(good):], "\x00"), "rounded up")
			if raw == "x" {
				return
			}
			i, err := Read(t.Context(), name)
			require.NoError(t, err)
			read, err := io.ReadAll(io.NewSectionReader(i, 0, i.Size))
			require.NoError(t, err)
			require.True(t, bytes.Equal(got, read), "what vmspec reads is what the command makes")
			require.NoError(t, i.Close())
		})
	}
}

// A container within what is packed has no name for qemu-img.
func TestUnpackContainer(t *testing.T) {
	need(t, "qemu-img")
	good, qcow2 := disk(), filepath.Join(t.TempDir(), "x:y.qcow2")
	out, err := exec.Command("qemu-img", "convert", "-f", "raw", "-O", "qcow2", write(t, "x", good), qcow2).CombinedOutput()
	require.NoError(t, err, string(out))
	b, err := os.ReadFile(qcow2)
	require.NoError(t, err)
	i, err := Read(t.Context(), write(t, "x", through(t, b, packers["gzip"])))
	require.NoError(t, err)
	require.Equal(t, "compressed by gzip, in it a qcow2 image", i.In)
	require.Equal(t, int64(len(good)), i.Size)
	require.NoError(t, i.Close())
}

// An archive is told by its files, and how to take the image out.
func TestArchives(t *testing.T) {
	files := func(names ...string) (inTar, inZip []byte) {
		var a, b bytes.Buffer
		tw, zw := tar.NewWriter(&a), zip.NewWriter(&b)
		for _, name := range names {
			require.NoError(t, tw.WriteHeader(&tar.Header{Name: name, Size: 4, Mode: 0o644, Typeflag: tar.TypeReg}))
			_, err := io.WriteString(tw, "disk")
			require.NoError(t, err)
			w, err := zw.Create(name)
			require.NoError(t, err)
			_, err = io.WriteString(w, "disk")
			require.NoError(t, err)
		}
		require.NoError(t, errors.Join(tw.Close(), zw.Close()))
		return a.Bytes(), b.Bytes()
	}
	many := strings.Split(strings.Repeat("a ", 20)+"b", " ")
	for name, c := range map[string]struct {
		names []string
		want  string // behind the name of the archive
	}{
		"an appliance": {[]string{"vm.ovf", "vm-disk1.vmdk", "vm.mf"}, " vm-disk1.vmdk; it holds vm.ovf, vm-disk1.vmdk, vm.mf"},
		"one file":     {[]string{"disk"}, " disk"},
		"a packed one": {[]string{"README", "a b.img.xz"}, " 'a b.img.xz'; it holds README, a b.img.xz"},
		"two":          {[]string{"a.raw", "b.qcow2"}, " a.raw b.qcow2; it holds a.raw, b.qcow2"},
		"escapes":      {[]string{"a\x1b[2J.img", "b"}, `; it holds "a\x1b[2J.img", b`},
	} {
		asTar, asZip := files(c.names...)
		for command, b := range map[string][]byte{"tar -xf x": asTar, "unzip x": asZip} {
			t.Chdir(filepath.Dir(write(t, "x", b)))
			_, err := Open("x")
			require.ErrorContains(t, err, "take the disk image out of it: "+command, name)
			require.ErrorContains(t, err, c.want, name)
			require.NotContains(t, err.Error(), "\x1b")
		}
	}
	asTar, _ := files(many...)
	_, err := Open(write(t, "x", asTar))
	require.ErrorContains(t, err, "take the disk image out of it; it holds a, a, a, a, a, a, a, a, and more")
	_, err = Open(write(t, "x", asTar[:300]))
	require.ErrorContains(t, err, "its files could not be listed")
	asTar, _ = files("disk.raw", "x")
	t.Chdir(filepath.Dir(write(t, "x.tar.gz", through(t, asTar, packers["gzip"]))))
	_, err = Read(t.Context(), "x.tar.gz")
	require.ErrorContains(t, err, "take the disk image out of it: tar -xf x.tar.gz disk.raw; it holds disk.raw, x")
}

func TestQuoted(t *testing.T) {
	for name, want := range map[string]string{"a": "a", "a b": "'a b'", "it's": `'it'\''s'`, "-a": "./-a", "a:b": "./a:b", "a/b:c": "a/b:c"} {
		require.Equal(t, want, quoted(name))
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		dir: "is a directory", "/dev/null": "is neither a file nor a block device", "-": "standard input is none", filepath.Join(dir, "none"): "no such file",
	} {
		_, err := Open(name)
		require.ErrorContains(t, err, want)
	}
	_, err := identify(failing{}, 1<<20)
	require.EqualError(t, err, "input/output error")
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("input/output error") }

// Whatever a file holds, it is a raw disk or said to be something else, and with
// little reading.
func FuzzIdentify(f *testing.F) {
	for _, form := range append(append([]form{}, footers...), forms...) {
		f.Add([]byte(form.magic), uint16(max(form.at, 0)))
	}
	f.Add(binary.LittleEndian.AppendUint32([]byte("\x50\x2a\x4d\x18"), 0xffffffff), uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		b := make([]byte, int(at)+len(data)+600)
		copy(b[at:], data)
		r := bytes.NewReader(b)
		form, err := identify(r, int64(len(b)))
		require.NoError(t, err)
		if form != nil {
			require.NotEmpty(t, form.is)
			require.NotEmpty(t, form.todo(&Image{ReaderAt: r, Size: int64(len(b))}, "x"))
		}
	})
}

// Whoever expects a log is told what else a file is; a text is no other file.
func TestKindOf(t *testing.T) {
	zeroes := make([]byte, 64<<10)
	begins := func(magic string) []byte { return append([]byte(magic), zeroes...) }
	for name, c := range map[string]struct {
		head []byte
		want Kind
	}{
		"nothing":       {nil, Kind{}},
		"zeroes":        {zeroes, Kind{}},
		"a log":         {[]byte("[    0.000000] Booting Linux\nTAP version 13\n"), Kind{}},
		"noise":         {bytes.Repeat([]byte{1, 2, 3, 4}, 16<<10), Kind{}},
		"a disk":        {disk()[:64<<10], Kind{Is: "a disk image", Disk: true}},
		"a qcow2 image": {begins("QFI\xfb\x00\x00\x00\x03"), Kind{Is: "a qcow2 image", Disk: true}},
		"lzop":          {begins("\x89LZO\x00"), Kind{Is: "compressed by lzop", Program: "lzop -dc"}},
		"LUKS":          {begins("LUKS\xba\xbe"), Kind{Is: "a LUKS volume"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, KindOf(c.head)) })
	}
}
