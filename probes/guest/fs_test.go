package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

var errIO = errors.New("input/output error")

// small is a guest of which were captured all of sys/bus, the one file
// proc/cmdline, and whatever is named config below lib/modules.
func small() *FS {
	f := newFS([]string{"sys/bus/*", "sys/bus/*/*", "proc/cmdline", "proc/locked", "lib/modules/*/config"})
	f.AddFile("sys/bus/pci/a", []byte("1\n"))
	f.AddFile("sys/bus/pci/b", nil)
	f.AddFile("proc/cmdline", []byte("quiet\n"))
	f.AddError("proc/locked", errIO)
	f.AddFile("sys/devices/x/y", []byte("y\n"))
	for name, target := range map[string]string{
		"sys/bus/link":     "../devices/x",
		"sys/bus/absolute": "/sys/devices/x",
		"sys/bus/away":     "../../../../../../proc",
		"sys/bus/nowhere":  "../devices/none",
		"sys/bus/missing":  "pci/none",
		"sys/bus/self":     "self",
		"sys/bus/one":      "two",
		"sys/bus/two":      "one",
		"sys/bus/empty":    "",
		"sys/bus/chain":    "link",
	} {
		f.put(name, &entry{mode: fs.ModeSymlink | 0o777, data: []byte(target)})
	}
	return f
}

func TestReadFile(t *testing.T) {
	tests := map[string]struct {
		name, want string
		err        error
		text       string // of an error without a name
	}{
		"leaves the root":           {"../etc/passwd", "", fs.ErrInvalid, ""},
		"absolute":                  {"/proc/cmdline", "", fs.ErrInvalid, ""},
		"not clean":                 {"proc/../proc/cmdline", "", fs.ErrInvalid, ""},
		"nothing":                   {"", "", fs.ErrInvalid, ""},
		"outside the capture":       {"etc/passwd", "", ErrNotCaptured, ""},
		"beside a captured file":    {"proc/version", "", ErrNotCaptured, ""},
		"below a file":              {"proc/cmdline/x", "", ErrNotCaptured, ""},
		"too deep":                  {"sys/bus/pci/a/b", "", ErrNotCaptured, ""},
		"missing below the capture": {"sys/bus/pci/c", "", fs.ErrNotExist, ""},
		"missing directory":         {"sys/bus/usb", "", fs.ErrNotExist, ""},
		"missing by a pattern":      {"lib/modules/6.1/config", "", fs.ErrNotExist, ""},
		"missing pattern directory": {"lib/modules", "", fs.ErrNotExist, ""},
		"link to what is missing":   {"sys/bus/missing", "", fs.ErrNotExist, ""},
		"link to itself":            {"sys/bus/self", "", nil, "too many symbolic links"},
		"links in a circle":         {"sys/bus/one/x", "", nil, "too many symbolic links"},
		"read error of the guest":   {"proc/locked", "", errIO, ""},
		"directory":                 {"sys/bus/pci", "", nil, "is a directory"},
		"directory by a link":       {"sys/bus/link", "", nil, "is a directory"},
		"link of no length":         {"sys/bus/empty", "", nil, "is a directory"},

		"file":                    {"sys/bus/pci/a", "1\n", nil, ""},
		"empty file":              {"sys/bus/pci/b", "", nil, ""},
		"by a link":               {"sys/bus/link/y", "y\n", nil, ""},
		"by an absolute link":     {"sys/bus/absolute/y", "y\n", nil, ""},
		"by a link to a link":     {"sys/bus/chain/y", "y\n", nil, ""},
		"by a link over the root": {"sys/bus/away/cmdline", "quiet\n", nil, ""},
	}
	f := small()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			data, err := f.ReadFile(test.name)
			file, openErr := f.Open(test.name)
			switch {
			case test.err != nil:
				require.ErrorIs(t, err, test.err)
				require.ErrorIs(t, openErr, test.err)
			case test.text != "":
				require.ErrorContains(t, err, test.text)
			default:
				require.NoError(t, err)
				require.NoError(t, openErr)
				require.NoError(t, file.Close())
			}
			require.Equal(t, test.want, string(data))
		})
	}
}

// A probe takes [fs.ErrNotExist] for a fact: nothing else may look like it.
func TestUnknownIsNotAbsent(t *testing.T) {
	f := small()
	for _, name := range []string{"etc/passwd", "proc/locked", "sys/bus/self", "../x", "proc/cmdline/x"} {
		_, err := f.Open(name)
		require.NotErrorIs(t, err, fs.ErrNotExist, name)
	}
	// What lies below a directory that could not be read is not known.
	f = newFS([]string{"sys/bus/*/*"})
	f.AddError("sys/bus/pci", errIO)
	_, err := f.ReadFile("sys/bus/pci/a")
	require.ErrorIs(t, err, errIO)
	_, err = f.ReadDir("sys/bus/pci")
	require.ErrorIs(t, err, errIO)
}

func TestReadFileIsACopy(t *testing.T) {
	f := small()
	data, err := f.ReadFile("proc/cmdline")
	require.NoError(t, err)
	data[0] = 'X'
	data, err = f.ReadFile("proc/cmdline")
	require.NoError(t, err)
	require.Equal(t, "quiet\n", string(data))
}

func TestReadDir(t *testing.T) {
	tests := map[string]struct {
		name string
		want []string
		err  error
	}{
		"outside the capture":                 {"etc", nil, ErrNotCaptured},
		"only chosen files":                   {"proc", nil, ErrNotCaptured},
		"only chosen files, not there":        {"lib/modules/6.1", nil, fs.ErrNotExist},
		"the root":                            {".", nil, ErrNotCaptured},
		"missing":                             {"sys/bus/usb", nil, fs.ErrNotExist},
		"listed":                              {"sys/bus/pci", []string{"a", "b"}, nil},
		"listed by the link that leads there": {"sys/bus/link", []string{"y"}, nil},
	}
	f := small()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			entries, err := f.ReadDir(test.name)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, names(entries))
		})
	}
	_, err := f.ReadDir("proc/cmdline")
	require.ErrorContains(t, err, "not a directory")
	_, err = f.ReadDir("proc/locked")
	require.ErrorIs(t, err, errIO)
}

func names(entries []fs.DirEntry) (out []string) {
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestReadLink(t *testing.T) {
	f := small()
	target, err := f.ReadLink("sys/bus/self")
	require.NoError(t, err, "the last element is not followed")
	require.Equal(t, "self", target)
	_, err = f.ReadLink("proc/cmdline")
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = f.ReadLink("sys/bus/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = f.ReadLink("etc/mtab")
	require.ErrorIs(t, err, ErrNotCaptured)
}

func TestStat(t *testing.T) {
	f := small()
	info, err := f.Stat("sys/bus/link")
	require.NoError(t, err)
	require.True(t, info.IsDir())
	info, err = f.Lstat("sys/bus/link")
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, info.Mode().Type())
	info, err = f.Stat("proc/cmdline")
	require.NoError(t, err)
	require.EqualValues(t, 6, info.Size())
	_, err = f.Stat("sys/bus/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = f.Lstat("etc")
	require.ErrorIs(t, err, ErrNotCaptured)
}

// The standard library knows more rules of a file system than we would think
// of.
func TestIsAnFS(t *testing.T) {
	f := newFS([]string{"*/*/*/*"})
	f.AddFile("sys/bus/pci/a", []byte("1\n"))
	f.AddFile("sys/devices/x/y", []byte("y\n"))
	f.AddFile("proc/empty", nil)
	f.put("sys/bus/link", &entry{mode: fs.ModeSymlink | 0o777, data: []byte("../devices/x")})
	require.NoError(t, fstest.TestFS(f, "sys/bus/pci/a", "sys/devices/x/y", "proc/empty"))
}

func TestWith(t *testing.T) {
	f := small()
	changed := f.With(map[string][]byte{
		"proc/cmdline":   []byte("debug\n"), // replaced
		"proc/locked":    []byte("open\n"),  // an error no more
		"sys/bus/pci/a":  nil,               // removed
		"sys/bus/pci/c":  []byte("new\n"),   // added
		"sys/bus/link/y": []byte("z\n"),     // by a link
		"sys/bus/self":   nil,               // a link removed
	})
	for name, want := range map[string]string{"proc/cmdline": "debug\n", "proc/locked": "open\n", "sys/bus/pci/c": "new\n", "sys/devices/x/y": "z\n", "sys/bus/absolute/y": "z\n"} {
		data, err := changed.ReadFile(name)
		require.NoError(t, err, name)
		require.Equal(t, want, string(data))
	}
	_, err := changed.ReadFile("sys/bus/pci/a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = changed.ReadLink("sys/bus/self")
	require.ErrorIs(t, err, fs.ErrNotExist)
	entries, err := changed.ReadDir("sys/bus/pci")
	require.NoError(t, err)
	require.Equal(t, []string{"b", "c"}, names(entries))

	data, err := f.ReadFile("proc/cmdline")
	require.NoError(t, err)
	require.Equal(t, "quiet\n", string(data), "the original is as it was")

	changed.AddFile("sys/bus/pci/a", []byte("again\n"))
	entries, err = changed.ReadDir("sys/bus/pci")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c"}, names(entries), "listed once")
}

// fromDisk takes a snapshot of a directory in which the files lie; a content
// that begins with "->" is a link.
func fromDisk(t *testing.T, files map[string]string) *FS {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := dir + "/" + name
		require.NoError(t, os.MkdirAll(full[:strings.LastIndexByte(full, '/')], 0o755))
		if target, ok := strings.CutPrefix(content, "->"); ok {
			require.NoError(t, os.Symlink(target, full))
			continue
		}
		require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
	}
	return Snapshot(os.DirFS(dir).(fs.ReadLinkFS), all)
}

func TestSnapshot(t *testing.T) {
	f := fromDisk(t, map[string]string{
		"proc/cmdline":                            "quiet\n",
		"proc/secret":                             "not asked for\n",
		"proc/42/mountinfo":                       "rootfs / rootfs rw 0 0\n",
		"proc/self":                               "->42",
		"sys/bus/pci/devices/0000:00:01.0":        "->../../../devices/pci0/0000:00:01.0",
		"sys/devices/pci0/0000:00:01.0/vendor":    "0x1af4\n",
		"sys/devices/pci0/0000:00:01.0/serial":    "not asked for\n",
		"sys/devices/pci0/0000:00:01.0/driver":    "->../../../bus/pci/drivers/virtio-pci",
		"sys/bus/platform/devices/loop":           "->loop",
		"sys/bus/platform/devices/gone":           "->../../../devices/gone",
		"sys/firmware/efi/efivars/SecretKey-1234": "key",
		"sys/module/vfat/refcnt":                  "1\n",
	})
	for name, want := range map[string]string{
		"proc/cmdline": "quiet\n", "proc/self/mountinfo": "rootfs / rootfs rw 0 0\n", "sys/bus/pci/devices/0000:00:01.0/vendor": "0x1af4\n",
	} {
		data, err := f.ReadFile(name)
		require.NoError(t, err, name)
		require.Equal(t, want, string(data))
	}
	target, err := f.ReadLink("sys/bus/pci/devices/0000:00:01.0/driver")
	require.NoError(t, err)
	require.Equal(t, "../../../bus/pci/drivers/virtio-pci", target)

	for name, want := range map[string]error{
		"proc/secret": ErrNotCaptured, "sys/bus/pci/devices/0000:00:01.0/serial": ErrNotCaptured,
		"sys/bus/pci/devices/0000:00:01.0/class": fs.ErrNotExist, "proc/iomem": fs.ErrNotExist,
		"sys/module/vfat/refcnt": ErrNotCaptured, "sys/firmware/efi/efivars/SecretKey-1234": ErrNotCaptured,
		"sys/bus/platform/devices/gone/driver": fs.ErrNotExist,
	} {
		_, err := f.ReadFile(name)
		require.ErrorIs(t, err, want, name)
	}
	_, err = f.ReadFile("sys/bus/platform/devices/loop/driver")
	require.Error(t, err, "a link that leads nowhere for ever")
	entries, err := f.ReadDir("sys/firmware/efi/efivars")
	require.NoError(t, err)
	require.Equal(t, []string{"SecretKey-1234"}, names(entries), "the name alone")
}

// brokenFS fails to open some names, as a guest of which a part is unreadable.
type brokenFS struct {
	fs.ReadLinkFS
	names []string
}

func (b brokenFS) Open(name string) (fs.File, error) {
	for _, n := range b.names {
		if n == name {
			return nil, &fs.PathError{Op: "open", Path: name, Err: errIO}
		}
	}
	return b.ReadLinkFS.Open(name)
}

// The interrupts of a machine with 512 CPUs have eleven bytes for each: what is kept
// of them reads as before.
func TestSnapshotOfManyCPUs(t *testing.T) {
	const cpus, lines = 512, 1500
	row := " 11:" + strings.Repeat("          7", cpus) + "     GICv3  27 Level     arch_timer\n"
	text := " CPU0" + strings.Repeat("       CPU1", cpus-1) + "\n" + strings.Repeat(row, lines)
	require.Greater(t, len(text), 2*maxFile)
	f := Snapshot(fstest.MapFS{interrupts: {Data: []byte(text)}}, func(string) error { return nil })
	data, err := f.ReadFile(interrupts)
	require.NoError(t, err)
	got := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	require.Len(t, got, 1+lines)
	require.Equal(t, strings.Fields(row), strings.Fields(got[lines]))

	small := strings.Repeat(row, 10)
	f = Snapshot(fstest.MapFS{interrupts: {Data: []byte(small)}}, func(string) error { return nil })
	data, err = f.ReadFile(interrupts)
	require.NoError(t, err)
	require.Equal(t, small, string(data), "a small one as it is")
}

func TestSnapshotKeepsErrors(t *testing.T) {
	files := fstest.MapFS{
		"proc/cmdline":          {Data: []byte("quiet\n")},
		"proc/iomem":            {Data: []byte("0-1 : x\n")},
		"sys/bus/pci/devices/x": {Data: []byte("x")},
		"proc/tty/driver/ttyS":  {Data: []byte("x")},
		"proc/interrupts":       {Data: []byte(strings.Repeat("x", maxFile+1))},
		"proc/version":          {Data: []byte(strings.Repeat("x", maxFile))},
		"proc/consoles":         {Mode: fs.ModeNamedPipe}, // to open it would wait for ever
	}
	f := Snapshot(brokenFS{files, []string{"proc/iomem", "sys/bus/pci/devices", "proc/tty/driver"}}, all)
	_, err := f.ReadFile("proc/iomem")
	require.ErrorIs(t, err, errIO)
	require.NotContains(t, strings.TrimPrefix(err.Error(), "read proc/iomem: "), "proc/iomem", "the name once")
	_, err = f.ReadFile("proc/interrupts")
	require.ErrorContains(t, err, "larger than 4 MiB")
	_, err = f.ReadFile("proc/consoles")
	require.ErrorIs(t, err, ErrNotCaptured)
	data, err := f.ReadFile("proc/version")
	require.NoError(t, err)
	require.Len(t, data, maxFile)
	// An unreadable directory is not an empty one, live, changed or captured.
	again, err := ReadCapture(bytes.NewReader(write(t, f)))
	require.NoError(t, err)
	for _, files := range []*FS{f, f.With(nil), again} {
		for _, dir := range []string{"sys/bus/pci/devices", "proc/tty/driver"} {
			_, err = files.ReadDir(dir)
			require.ErrorContains(t, err, errIO.Error(), dir)
			_, err = files.ReadFile(dir + "/ttyAMA")
			require.ErrorContains(t, err, errIO.Error(), dir)
		}
	}
}

// all lets a snapshot read everything.
func all(string) error { return nil }

func TestSnapshotLeavesOut(t *testing.T) {
	files := fstest.MapFS{
		"proc/cmdline":          {Data: []byte("quiet\n")},
		"proc/iomem":            {Data: []byte("0-1 : x\n")},
		"sys/bus/pci/devices/x": {Mode: fs.ModeSymlink, Data: []byte("../../../devices/x")},
	}
	var asked []string
	f := Snapshot(files, func(name string) error {
		if asked = append(asked, name); name == "proc/iomem" || name == "sys/bus/pci/devices" {
			return errors.New("hung")
		}
		return nil
	})
	require.Contains(t, asked, "proc/cmdline")
	require.NotContains(t, asked, "proc/consoles", "there is no such file")
	data, err := f.ReadFile("proc/cmdline")
	require.NoError(t, err)
	require.Equal(t, "quiet\n", string(data))
	_, err = f.ReadFile("proc/iomem")
	require.EqualError(t, err, "read proc/iomem: hung")
	_, err = f.ReadDir("sys/bus/pci/devices")
	require.ErrorContains(t, err, "hung")
}

// askedFS tells what names a snapshot asks the file system about.
type askedFS struct {
	fs.ReadLinkFS
	asked map[string]int
}

func (a askedFS) ReadLink(name string) (string, error) {
	a.asked["readlink "+name]++
	return a.ReadLinkFS.ReadLink(name)
}

func (a askedFS) Lstat(name string) (fs.FileInfo, error) {
	a.asked["lstat "+name]++
	return a.ReadLinkFS.Lstat(name)
}

// Under emulation every question costs, and there are some hundred devices.
func TestSnapshotAsksLittleOfADevice(t *testing.T) {
	link := func(target string) *fstest.MapFile {
		return &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte(target)}
	}
	const device = "sys/devices/platform/9000000.pl011"
	files := fstest.MapFS{
		"sys/bus/amba/devices/9000000.pl011": link("../../../devices/platform/9000000.pl011"),
		device + "/driver":                   link("../../../bus/amba/drivers/uart-pl011"),
		device + "/firmware_node":            link("../../LNXSYSTM:00/ARMH0011:00"),
	}
	for _, acpi := range []bool{false, true} {
		if acpi {
			files["sys/bus/acpi"] = &fstest.MapFile{Mode: fs.ModeDir}
		}
		root := askedFS{files, map[string]int{}}
		f := Snapshot(root, all)
		target, err := f.ReadLink("sys/bus/amba/devices/9000000.pl011/driver")
		require.NoError(t, err)
		require.Equal(t, "../../../bus/amba/drivers/uart-pl011", target)
		_, err = f.ReadLink("sys/bus/amba/devices/9000000.pl011/firmware_node")
		require.Equal(t, acpi, err == nil, "%v", err)
		require.Equal(t, 1, root.asked["readlink "+device+"/driver"])
		require.Zero(t, root.asked["readlink "+device])
		require.Zero(t, root.asked["lstat "+device])
	}
}

func TestSnapshotOfNothing(t *testing.T) {
	f := Snapshot(os.DirFS(t.TempDir()).(fs.ReadLinkFS), all)
	for _, name := range []string{"proc/cmdline", "sys/bus/pci/devices", "sys/class/tty"} {
		_, err := f.Stat(name)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
	require.Len(t, f.entries, 1, fmt.Sprint(f.entries))
}
