package kernel_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/kernel"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// machine is the least that a kernel shows, and files.
func machine(files fstest.MapFS) fstest.MapFS {
	m := fstest.MapFS{
		"proc/sys/kernel/osrelease": file("6.1.0-test\n"),
		"proc/cmdline":              file("panic=-1\n"),
		"sys/module/virtio_blk/x":   file(""),
	}
	for name, f := range files {
		m[name] = f
	}
	return m
}

func read(t *testing.T, files fstest.MapFS) *kernel.Facts {
	t.Helper()
	f, err := kernel.Read(machine(files))
	require.NoError(t, err)
	return f
}

func zipped(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return &fstest.MapFile{Data: b.Bytes()}
}

func TestReadFaults(t *testing.T) {
	cut := zipped(t, "CONFIG_EFI=y\n")
	cut.Data = cut.Data[:len(cut.Data)-4]
	for name, f := range map[string]*fstest.MapFile{"config is no gzip": file("CONFIG_EFI=y\n"), "config is cut": cut} {
		k, err := kernel.Read(machine(fstest.MapFS{"proc/config.gz": f}))
		require.NoError(t, err, name)
		require.Empty(t, k.Config, name)
	}
	for _, name := range []string{"proc/sys/kernel/osrelease", "proc/cmdline", "sys/module/virtio_blk/x"} {
		m := machine(nil)
		delete(m, name)
		_, err := kernel.Read(m)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
}

// 300 kB of zeroes unpack to some hundred MB.
func TestConfigIsBounded(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 16 {
		_, err := z.Write(bytes.Repeat([]byte("CONFIG_A=y\n"), 100_000))
		require.NoError(t, err)
	}
	_, err := z.Write([]byte("CONFIG_LAST=y\n"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	f := read(t, fstest.MapFS{"proc/config.gz": {Data: b.Bytes()}})
	require.Empty(t, f.Config)
	require.Contains(t, f.Lacks("CONFIG_LAST"), "unknown", "half a configuration says nothing of the rest")
	require.False(t, f.Without("CONFIG_LAST"))
}

func TestReadConfig(t *testing.T) {
	const modules, boot = "lib/modules/6.1.0-test/config", "boot/config-6.1.0-test"
	tests := map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"none":                {nil, ""},
		"another release's":   {fstest.MapFS{"boot/config-6.1.0": file("CONFIG_A=y\n")}, ""},
		"boot":                {fstest.MapFS{boot: file("CONFIG_A=y\n")}, boot},
		"modules before boot": {fstest.MapFS{boot: file(""), modules: file("CONFIG_A=y\n")}, modules},
		"running kernel's first": {fstest.MapFS{boot: file(""), modules: file(""), "proc/config.gz": zipped(t, "CONFIG_A=y\n")},
			"proc/config.gz"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := read(t, test.files)
			require.Equal(t, test.want, f.Config)
			require.Equal(t, test.want != "", f.Lacks("CONFIG_A") == "")
			require.Equal(t, f.Config != "", f.Without("CONFIG_OF_NOBODY"))
			require.False(t, f.Lacks("CONFIG_A") == "" && f.Without("CONFIG_A"))
		})
	}
}

func TestOption(t *testing.T) {
	for name, test := range map[string]struct {
		config, want string
		set          bool
	}{
		"empty":            {"", "", false},
		"commented":        {"# CONFIG_A is not set\n#CONFIG_A=y\n", "", false},
		"no value":         {"CONFIG_A\n", "", false},
		"not an option":    {"export CONFIG_A=y\n", "", false},
		"another's prefix": {"CONFIG_AB=y\nXCONFIG_A=y\n", "", false},
		"first line":       {"CONFIG_A=y\n", "y", true},
		"last line, cut":   {"CONFIG_B=m\nCONFIG_A=", "", true},
		"carriage return":  {"CONFIG_B=m\r\nCONFIG_A=m\r\n", "m", true},
		"text":             {"CONFIG_A=\"a=b\"\n", "\"a=b\"", true},
	} {
		value, set := kernel.Option(test.config, "CONFIG_A")
		require.Equal(t, test.want, value, name)
		require.Equal(t, test.set, set, name)
	}
}

func FuzzOption(f *testing.F) {
	files := guesttest.Open(f, "qemu-virt-gicv2")
	facts, err := kernel.Read(files)
	require.NoError(f, err)
	text, err := files.ReadFile(facts.Config)
	require.NoError(f, err)
	f.Add(string(text[:4096]), "CONFIG_ARM64") // the whole has 290 kB, which would slow the fuzzer down
	f.Add("CONFIG_A=y\nCONFIG_A=m", "CONFIG_A")
	f.Fuzz(func(t *testing.T, config, name string) {
		value, set := kernel.Option(config, name)
		require.Equal(t, set, strings.Contains("\n"+config, "\n"+name+"="))
		require.Contains(t, config, value)
	})
}

func TestLacks(t *testing.T) {
	const modules, config, log = "vmspec/modules", "boot/config-6.1.0-test", "vmspec/kmsg"
	tests := map[string]struct {
		option string
		files  fstest.MapFS
		want   string
	}{
		"configuration unknown": {"CONFIG_EFI", nil, "unknown: has it CONFIG_EFI?"},
		"not set":               {"CONFIG_EFI", fstest.MapFS{config: file("CONFIG_EFIVAR_FS=y\n")}, "lacks CONFIG_EFI"},
		"module not asked for":  {"CONFIG_EFIVAR_FS", fstest.MapFS{config: file("CONFIG_EFIVAR_FS=m\n")}, "CONFIG_EFIVAR_FS as a module"},
		"module missing": {"CONFIG_EFIVAR_FS", fstest.MapFS{config: file("CONFIG_EFIVAR_FS=m\n"), modules: file("missing efivarfs\n")},
			"CONFIG_EFIVAR_FS as a module"},
		"other module loaded":  {"CONFIG_EFIVAR_FS", fstest.MapFS{modules: file("loaded xenfs\n")}, "unknown"},
		"log of another thing": {"CONFIG_EFI", fstest.MapFS{log: file("[    0.000000] efi: EFI v2.70\n")}, "unknown"},

		"built in":              {"CONFIG_EFI", fstest.MapFS{config: file("CONFIG_EFI=y\n")}, ""},
		"module we know not":    {"CONFIG_FOO", fstest.MapFS{config: file("CONFIG_FOO=m\n")}, "CONFIG_FOO as a module"},
		"module loaded by us":   {"CONFIG_EFIVAR_FS", fstest.MapFS{modules: file("loaded efivarfs\n")}, ""},
		"module with no device": {"CONFIG_EFIVAR_FS", fstest.MapFS{modules: file("idle efivarfs\n")}, ""},
		"module loaded already": {"CONFIG_VIRTIO_BLK", nil, ""},
		"it looked for UEFI":    {"CONFIG_EFI", fstest.MapFS{log: file("[    0.000000] efi: UEFI not found.\n")}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			lacks := read(t, test.files).Lacks(test.option)
			if test.want == "" {
				require.Empty(t, lacks)
				return
			}
			require.Contains(t, lacks, test.want)
		})
	}
}

func TestParameters(t *testing.T) {
	tests := map[string]struct {
		line, smbios string
		want         map[string]string
	}{
		"none":                    {"panic=-1", "", map[string]string{}},
		"not the suite's":         {"xvmspec.a=1 vmspecs.b=2 vmspec=3", "", map[string]string{}},
		"SMBIOS unreadable":       {"vmspec.a=1", "error no /dev/mem", map[string]string{"a": "1"}},
		"SMBIOS failed half-way":  {"", "vmspec.a=1\nerror cut", map[string]string{"a": "1"}},
		"value with a sign in it": {"vmspec.a=b=c", "", map[string]string{"a": "b=c"}},
		"flag":                    {"vmspec.readonly", "", map[string]string{"readonly": ""}},
		"SMBIOS":                  {"", "vmspec.a=1 other\nvmspec.b=2", map[string]string{"a": "1", "b": "2"}},
		"command line first":      {"vmspec.a=line", "vmspec.a=smbios vmspec.b=2", map[string]string{"a": "line", "b": "2"}},
		"last of two":             {"vmspec.a=1 vmspec.a=2", "", map[string]string{"a": "2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := read(t, fstest.MapFS{"proc/cmdline": file(test.line + "\n"), "vmspec/parameters": file(test.smbios)})
			require.Equal(t, test.want, f.Parameters)
		})
	}
}

func TestHas(t *testing.T) {
	f := read(t, fstest.MapFS{"proc/cmdline": file("root=/dev/vda efi=noruntime noefi dtb=a=b quiet\n")})
	for _, word := range []string{"root", "efi=noruntime", "efi", "noefi", "dtb", "dtb=a=b", "quiet"} {
		require.True(t, f.Has(word), word)
	}
	for _, word := range []string{"", "roo", "/dev/vda", "efi=", "efi=no", "efi=debug", "noefi=1", "a"} {
		require.False(t, f.Has(word), word)
	}
}

func TestValue(t *testing.T) {
	f := read(t, fstest.MapFS{"proc/cmdline": file("efi=debug quiet efi=noruntime,x=y xefi=1 empty=\n")})
	for name, want := range map[string]string{"none": "", "quiet": "", "empty": "", "ef": "", "efi": "noruntime,x=y", "xefi": "1"} {
		require.Equal(t, want, f.Value(name), name)
	}
}

func TestLog(t *testing.T) {
	_, err := kernel.Log(fstest.MapFS{})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = kernel.Log(fstest.MapFS{"vmspec/kmsg": file("error operation not permitted\n")})
	require.EqualError(t, err, "operation not permitted")
	log, err := kernel.Log(fstest.MapFS{"vmspec/kmsg": file("[    0.000000] a\nerror b\n")})
	require.NoError(t, err, "a message may begin with any word")
	require.Equal(t, []string{"[    0.000000] a", "error b"}, log)
}

func TestReadCaptured(t *testing.T) {
	f, err := kernel.Read(guesttest.Open(t, "qemu-virt-gicv2"))
	require.NoError(t, err)
	require.Regexp(t, `^\d+\.\d+\.\d+-\d+-arm64$`, f.Release)
	require.Equal(t, "arm64 pid1", f.Arch+" "+f.Context)
	require.Contains(t, f.Parameters, "nonce")
	require.Equal(t, "lib/modules/"+f.Release+"/config", f.Config)
	require.True(t, f.NoUEFI)
	for module, state := range f.Modules {
		require.Contains(t, []string{"loaded", "idle", "missing"}, state, module)
	}
	require.Equal(t, "loaded", f.Modules["virtio_pci"])
	require.Empty(t, f.Lacks("CONFIG_VIRTIO_PCI"))
	require.Contains(t, f.Lacks("CONFIG_NO_SUCH_OPTION"), "lacks")
}

func TestReadUnreadable(t *testing.T) {
	_, err := kernel.Read(failingFS{errors.ErrUnsupported})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

type failingFS struct{ err error }

func (f failingFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
}

func TestMessage(t *testing.T) {
	for line, want := range map[string]string{
		"[    1.000000] efi: off":          "efi: off",
		"[    1.000000] [Firmware Bug]: x": "[Firmware Bug]: x",
		"[Firmware Bug]: x":                "[Firmware Bug]: x",
		"[Firmware] x":                     "[Firmware] x",
		"no stamp":                         "no stamp",
		"":                                 "",
	} {
		require.Equal(t, want, kernel.Message(line))
	}
}

// What was made of a file is made once, until the file changes.
func TestKeptUntilChanged(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-uefi-gicv3")
	log, err := kernel.Log(files)
	require.NoError(t, err)
	again, err := kernel.Log(files)
	require.NoError(t, err)
	require.Same(t, &log[0], &again[0])
	text, err := fs.ReadFile(files, "vmspec/kmsg")
	require.NoError(t, err)
	files.AddFile("vmspec/kmsg", text)
	again, err = kernel.Log(files)
	require.NoError(t, err)
	require.Same(t, &log[0], &again[0], "it is the same text")
	files.AddFile("vmspec/kmsg", append(text, "[   12.000000] more\n"...))
	again, err = kernel.Log(files)
	require.NoError(t, err)
	require.Equal(t, append(log, "[   12.000000] more"), again)
}
