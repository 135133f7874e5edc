package initramfs

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"github.com/u-root/u-root/pkg/cpio"
	"github.com/ulikunitz/xz"
)

// module builds the smallest ELF file that has a .modinfo section.
func module(t *testing.T, section, info string) []byte {
	t.Helper()
	names := "\x00" + section + "\x00.shstrtab\x00"
	const header, entry = 64, 64
	text := header + 3*entry
	var out bytes.Buffer
	le := binary.LittleEndian
	out.WriteString("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, v := range []any{uint16(1), uint16(183), uint32(1), uint64(0), uint64(0), uint64(header), uint32(0),
		uint16(header), uint16(0), uint16(0), uint16(entry), uint16(3), uint16(2)} {
		require.NoError(t, binary.Write(&out, le, v))
	}
	for _, s := range []struct {
		name, kind uint32
		off, size  int
	}{{}, {1, 1, text, len(info)}, {uint32(len(section) + 2), 3, text + len(info), len(names)}} {
		for _, v := range []any{s.name, s.kind, uint64(0), uint64(0), uint64(s.off), uint64(s.size), uint32(0), uint32(0), uint64(1), uint64(0)} {
			require.NoError(t, binary.Write(&out, le, v))
		}
	}
	out.WriteString(info + names)
	return out.Bytes()
}

func pack(t *testing.T, suffix string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch suffix {
	case ".xz":
		w, err = xz.NewWriter(&out)
	case ".gz":
		w = gzip.NewWriter(&out)
	case ".zst":
		w, err = zstd.NewWriter(&out)
	case ".lz4":
		packer := lz4.NewWriter(&out)
		w, err = packer, packer.Apply(lz4.LegacyOption(true))
	default:
		return data
	}
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// kernelTree writes a module tree: a needs b and c, b needs c, c and d need
// each other, and each is packed in another way. e is built in.
func kernelTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "lib", "modules", "6.1.0-test")
	for file, depends := range map[string]string{
		"kernel/a-one.ko": "b,c_three,e", "kernel/net/b.ko.xz": "c_three", "kernel/c_three.ko.gz": "d", "kernel/d.ko.zst": "c_three",
	} {
		name := filepath.Join(dir, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		data := module(t, ".modinfo", "name=x\x00depends="+depends+"\x00depends=not,this\x00alias=of:N*T*Cx,y\x00alias=virtio:d1v*\x00")
		require.NoError(t, os.WriteFile(name, pack(t, filepath.Ext(file), data), 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "modules.builtin"), []byte("kernel/fs/e.ko\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "modules.builtin.modinfo"), []byte("e.license=GPL\x00e.alias=x\x00"), 0o644))
	return root
}

func paths(modules []Module) []string {
	var out []string
	for _, m := range modules {
		out = append(out, m.Path)
	}
	return out
}

func TestClosure(t *testing.T) {
	tree, err := OpenTree(kernelTree(t))
	require.NoError(t, err)
	require.Equal(t, "6.1.0-test", tree.Release)
	for _, c := range []struct {
		name            string
		wanted          []string
		modules, absent []string
	}{
		{"absent", []string{"nope"}, nil, []string{"nope"}},
		{"built in", []string{"e"}, nil, nil},
		{"a cycle", []string{"d"}, []string{"kernel/c_three.ko", "kernel/d.ko"}, nil},
		{"all it needs, however packed", []string{"a_one", "a-one"},
			[]string{"kernel/a-one.ko", "kernel/c_three.ko", "kernel/d.ko", "kernel/net/b.ko"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			modules, missing, err := tree.Closure(c.wanted)
			require.NoError(t, err)
			require.Equal(t, c.modules, paths(modules))
			require.Equal(t, c.absent, missing)
			for _, m := range modules {
				require.Equal(t, "\x7fELF", string(m.Data[:4]), m.Path)
			}
		})
	}
	modules, _, err := tree.Closure([]string{"b"})
	require.NoError(t, err)
	require.Equal(t, "kernel/c_three.ko: kernel/d.ko\nkernel/d.ko: kernel/c_three.ko\nkernel/net/b.ko: kernel/c_three.ko\n",
		string(tree.modulesDep(modules)))
	require.Equal(t, "alias of:N*T*Cx,y b\nalias virtio:d1v* b\n", string(modulesAlias(modules[len(modules)-1:])))
}

func TestBadModules(t *testing.T) {
	for _, c := range []struct {
		name, file string
		data       []byte
		want       string
	}{
		{"not ELF", "m.ko", []byte("text"), "m.ko: EOF"},
		{"no modinfo", "m.ko", module(t, ".text", "x"), "not a kernel module"},
		{"not xz", "m.ko.xz", []byte("text"), "unpack m.ko.xz"},
		{"cut gzip", "m.ko.gz", pack(t, ".gz", module(t, ".modinfo", "name=m\x00"))[:40], "unpack m.ko.gz: unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, c.file), c.data, 0o644))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "modules.order"), nil, 0o644))
			tree, err := OpenTree(dir)
			require.NoError(t, err)
			_, _, err = tree.Closure([]string{"m"})
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestOpenTreeRefuses(t *testing.T) {
	two := t.TempDir()
	for _, release := range []string{"1", "2"} {
		require.NoError(t, os.MkdirAll(filepath.Join(two, "lib", "modules", release), 0o755))
	}
	for name, dir := range map[string]string{
		"neither a kernel's module directory": t.TempDir(),
		"holds 2 kernels' modules":            two,
	} {
		_, err := OpenTree(dir)
		require.ErrorContains(t, err, name)
	}
}

// list unpacks an initramfs.
func list(t *testing.T, packed []byte) map[string]cpio.Record {
	t.Helper()
	data, err := io.ReadAll(lz4.NewReader(bytes.NewReader(packed)))
	require.NoError(t, err)
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(data)))
	require.NoError(t, err)
	out := map[string]cpio.Record{}
	for _, r := range records {
		out[r.Name] = r
	}
	return out
}

func names(records map[string]cpio.Record) []string {
	var out []string
	for name := range records {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func TestWrite(t *testing.T) {
	root := kernelTree(t)
	tree, err := OpenTree(root)
	require.NoError(t, err)
	init, config := filepath.Join(root, "init"), filepath.Join(root, "config")
	require.NoError(t, os.WriteFile(init, []byte("#!"), 0o644))
	require.NoError(t, os.WriteFile(config, []byte("#\n# Automatically generated\n\nCONFIG_RD_LZ4=y\n# CONFIG_X is not set\n"), 0o600))

	var first, second bytes.Buffer
	c := Config{Init: init, Tree: tree, Modules: []string{"d", "nope"}, Kconfig: config}
	size, missing, err := Write(&first, c)
	require.NoError(t, err)
	require.Equal(t, first.Len(), size)
	require.Equal(t, []string{"nope"}, missing)
	later := first.Bytes()
	require.NoError(t, os.Chtimes(init, testTime, testTime))
	_, _, err = Write(&second, c)
	require.NoError(t, err)
	require.Equal(t, later, second.Bytes(), "the same input gives other bytes")
	require.Equal(t, lz4End, later[len(later)-len(lz4End):])

	got := list(t, first.Bytes())
	require.Equal(t, []string{
		".", "dev", "dev/console", "dev/null", "init", "lib", "lib/modules", "lib/modules/6.1.0-test",
		"lib/modules/6.1.0-test/config", "lib/modules/6.1.0-test/kernel", "lib/modules/6.1.0-test/kernel/c_three.ko",
		"lib/modules/6.1.0-test/kernel/d.ko", "lib/modules/6.1.0-test/modules.alias", "lib/modules/6.1.0-test/modules.builtin.modinfo",
		"lib/modules/6.1.0-test/modules.dep", "proc", "sys", "tmp",
	}, names(got))
	for name, want := range map[string]string{"config": "CONFIG_RD_LZ4=y\n", "modules.builtin.modinfo": "e.alias=x\x00"} {
		r := got["lib/modules/6.1.0-test/"+name]
		text, err := io.ReadAll(io.NewSectionReader(r, 0, int64(r.FileSize)))
		require.NoError(t, err)
		require.Equal(t, want, string(text), name)
	}
	require.EqualValues(t, cpio.S_IFREG|0o755, got["init"].Mode)
	require.EqualValues(t, cpio.S_IFCHR|0o600, got["dev/console"].Mode)
	require.Equal(t, []uint64{5, 1}, []uint64{got["dev/console"].Rmajor, got["dev/console"].Rminor})
	require.Equal(t, []uint64{1, 3}, []uint64{got["dev/null"].Rmajor, got["dev/null"].Rminor})
}

func TestWriteWithoutModules(t *testing.T) {
	init := filepath.Join(t.TempDir(), "init")
	require.NoError(t, os.WriteFile(init, []byte("#!"), 0o755))
	var out bytes.Buffer
	_, missing, err := Write(&out, Config{Init: init, Modules: []string{"virtio_pci"}})
	require.NoError(t, err)
	require.Empty(t, missing, "nothing is known to be missing")
	require.Equal(t, []string{".", "dev", "dev/console", "dev/null", "init", "proc", "sys", "tmp"}, names(list(t, out.Bytes())))
}

func TestWriteConfigWithoutModules(t *testing.T) {
	dir := t.TempDir()
	init, named, nameless := filepath.Join(dir, "init"), filepath.Join(dir, "config-6.1.0"), filepath.Join(dir, ".config")
	for _, name := range []string{init, named, nameless} {
		require.NoError(t, os.WriteFile(name, []byte("CONFIG_RD_LZ4=y\n"), 0o755))
	}
	var out bytes.Buffer
	_, _, err := Write(&out, Config{Init: init, Kconfig: named})
	require.NoError(t, err)
	require.Contains(t, list(t, out.Bytes()), "lib/modules/6.1.0/config")
	_, _, err = Write(&out, Config{Init: init, Kconfig: nameless})
	require.ErrorContains(t, err, "says which kernel it is of")
	require.NoError(t, os.WriteFile(named, []byte("# CONFIG_RD_LZ4 is not set\nCONFIG_RD_LZ4=m\n"), 0o644))
	_, _, err = Write(&out, Config{Init: init, Kconfig: named})
	require.ErrorContains(t, err, "CONFIG_RD_LZ4 is not y: this kernel cannot unpack the initramfs")
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	require.NoError(t, os.WriteFile(large, make([]byte, MaxInit+1), 0o755))
	for name, init := range map[string]string{
		"no such file":                   filepath.Join(dir, "none"),
		"5000001 bytes, at most 5000000": large,
	} {
		var out bytes.Buffer
		_, _, err := Write(&out, Config{Init: init})
		require.ErrorContains(t, err, name)
		require.Zero(t, out.Len())
	}
}

// What make guest built is what the issue of size is about.
func TestBuiltGuest(t *testing.T) {
	if os.Getenv("VMSPEC_BOOT") == "" {
		t.Skip("needs what make guest builds: make test sets VMSPEC_BOOT")
	}
	dir := filepath.Join("..", "build", "arm64")
	init, err := os.Stat(filepath.Join(dir, "init"))
	require.NoError(t, err)
	require.LessOrEqual(t, init.Size(), int64(MaxInit))
	packed, err := os.ReadFile(filepath.Join(dir, "initramfs.cpio.lz4"))
	require.NoError(t, err)
	require.LessOrEqual(t, len(packed), MaxInitramfs)
	files := list(t, packed)
	for name := range files {
		require.Regexp(t, `^(\.|init|proc|sys|tmp|dev|dev/console|dev/null|lib|lib/modules|lib/modules/[^/]+(|/modules\.(dep|alias|builtin\.modinfo)|/config|/kernel(/[^.]+(\.ko)?)?))$`, name)
	}
	k, err := FindKernel(filepath.Join(dir, "kernel"))
	require.NoError(t, err)
	tree, err := OpenTree(k.Modules)
	require.NoError(t, err)
	// Which of these are modules, and where they lie, differs between releases.
	modules, missing, err := tree.Closure([]string{"virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "virtio_console"})
	require.NoError(t, err)
	require.Empty(t, missing)
	require.NotEmpty(t, modules)
	for _, m := range modules {
		require.Contains(t, files, "lib/modules/"+k.Release+"/"+m.Path)
	}
}
