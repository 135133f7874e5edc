package guest

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
)

// maxFile bounds what is read of one file. The device tree, at most 2 MiB by
// the arm64 boot protocol, is the largest.
const maxFile = 4 << 20

// captured is what a capture covers: files to read below a directory, both as
// [path.Match] patterns without a leading slash. A file named "*" takes the
// whole listing. With names only, contents stay in the guest.
var captured = []struct {
	dir   string
	files []string
	names bool
}{
	{dir: "boot", files: []string{"config-*"}},
	{dir: "lib/modules/*", files: []string{"config"}},
	{dir: "proc", files: []string{
		"cmdline", "config.gz", "consoles", "cpuinfo", "filesystems", "interrupts", "iomem", "meminfo", "modules", "version"}},
	{dir: "proc/self", files: []string{"mounts"}},
	{dir: "proc/sys/kernel", files: []string{"osrelease"}},
	{dir: "proc/tty", files: []string{"drivers"}},
	{dir: "proc/tty/driver", files: []string{"*"}},
	{dir: "sys/bus/acpi/devices", files: []string{"*"}, names: true},
	{dir: "sys/bus/amba/devices/*", files: deviceLinks},
	{dir: "sys/bus/pci/devices/*", files: append([]string{"config", "vendor", "device", "class"}, deviceLinks...)},
	{dir: "sys/bus/pci/slots/*", files: []string{"address", "power"}},
	{dir: "sys/bus/pci_express/devices/*", files: []string{"driver"}},
	{dir: "sys/bus/platform/devices/*", files: deviceLinks},
	{dir: "sys/bus/virtio/devices/*", files: append([]string{"device", "vendor", "status", "features"}, deviceLinks...)},
	{dir: "sys/bus/xen/devices/*", files: append([]string{"nodename", "state", "devtype"}, deviceLinks...)},
	{dir: "sys/class/rtc/*", files: []string{"name"}},
	{dir: "sys/class/tty", files: []string{"*"}, names: true},
	{dir: "sys/class/tty/ttyAMA*", files: []string{"type"}},
	{dir: "sys/class/tty/ttyS*", files: []string{"type"}},
	{dir: "sys/devices/system/clocksource/clocksource0", files: []string{"current_clocksource", "available_clocksource"}},
	{dir: "sys/devices/system/cpu", files: []string{"kernel_max", "offline", "online", "possible", "present"}},
	{dir: "sys/firmware/acpi/tables", files: []string{"*"}},
	{dir: "sys/firmware/efi", files: []string{"fw_platform_size", "systab"}},
	{dir: "sys/firmware/efi/efivars", files: []string{"*"}, names: true},
	{dir: "sys/firmware", files: []string{"fdt"}},
	{dir: "sys/hypervisor", files: []string{"type", "guest_type"}},
	{dir: "sys/hypervisor/version", files: []string{"*"}},
	{dir: "sys/kernel/debug", files: []string{"devices_deferred", "psci"}},
	{dir: "sys/module", files: []string{"*"}, names: true},
}

// deviceLinks are what sysfs shows of a device's driver and of the node that
// describes it, in the device tree or in ACPI.
var deviceLinks = []string{"driver", "of_node", "firmware_node"}

// coverage lists the patterns of captured, joined.
func coverage() []string {
	var out []string
	for _, c := range captured {
		for _, file := range c.files {
			out = append(out, path.Join(c.dir, file))
		}
	}
	return out
}

// Snapshot reads what a capture covers from a live guest's root, an [fs.FS]
// that reads links, such as os.DirFS("/"). It changes nothing there. Errors
// other than absence are kept and answered again by the returned FS.
func Snapshot(root fs.ReadLinkFS) *FS {
	s := snapshot{root: root, fs: newFS(coverage())}
	for _, c := range captured {
		for _, file := range c.files {
			s.names = c.names
			s.take(".", append(strings.Split(c.dir, "/"), file), 0)
		}
	}
	return s.fs
}

type snapshot struct {
	root  fs.ReadLinkFS
	fs    *FS
	names bool
}

// take reads what the pattern finds below dir, a directory with no link in it.
func (s *snapshot) take(dir string, pattern []string, links int) {
	for _, name := range s.match(dir, pattern[0]) {
		s.takeOne(path.Join(dir, name), pattern[1:], links)
	}
}

// match lists the names in dir that one element of a pattern means.
func (s *snapshot) match(dir, element string) []string {
	if !strings.ContainsAny(element, "*?[") {
		return []string{element}
	}
	entries, err := fs.ReadDir(s.root, dir)
	if err != nil {
		s.failed(dir, err)
		return nil
	}
	s.fs.put(dir, &entry{mode: fs.ModeDir | 0o555})
	var out []string
	for _, e := range entries {
		if ok, err := path.Match(element, e.Name()); err == nil && ok {
			out = append(out, e.Name())
		}
	}
	return out
}

func (s *snapshot) takeOne(name string, rest []string, links int) {
	info, err := s.root.Lstat(name)
	if err != nil {
		s.failed(name, err)
		return
	}
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		s.takeLink(name, rest, links+1)
	case mode.IsDir():
		s.fs.put(name, &entry{mode: fs.ModeDir | 0o555})
		if len(rest) > 0 {
			s.take(name, rest, links)
		}
	case len(rest) > 0:
	case s.names || !mode.IsRegular():
		s.fs.AddError(name, ErrNotCaptured)
	default:
		s.takeFile(name)
	}
}

func (s *snapshot) takeLink(name string, rest []string, links int) {
	target, err := s.root.ReadLink(name)
	if err != nil || links > maxLinks {
		s.failed(name, errors.Join(err, errors.New("link not followed")))
		return
	}
	s.fs.put(name, &entry{mode: fs.ModeSymlink | 0o777, data: []byte(target)})
	if len(rest) == 0 {
		return
	}
	if !path.IsAbs(target) {
		target = path.Join("/", path.Dir(name), target)
	}
	elements := strings.Split(strings.TrimPrefix(path.Clean(target), "/"), "/")
	s.take(".", slices.Concat(elements, rest), links)
}

func (s *snapshot) takeFile(name string) {
	f, err := s.root.Open(name)
	if err != nil {
		s.failed(name, err)
		return
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("larger than 4 MiB")
	}
	if err != nil {
		s.failed(name, err)
		return
	}
	s.fs.AddFile(name, data)
}

// failed keeps err, unless it only says that there is no such file.
func (s *snapshot) failed(name string, err error) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return
	}
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	s.fs.AddError(name, err)
}
