package guest

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
)

// maxFile bounds a file that has a size; the kernel's own texts have none. The
// device tree, at most 2 MiB by the arm64 boot protocol, is the largest.
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
// other than absence are kept and answered again by the returned FS. Should it
// panic, nothing is known: the FS answers [ErrNotCaptured] for everything.
func Snapshot(root fs.ReadLinkFS) (files *FS) {
	defer func() {
		if recover() != nil {
			files = newFS(nil)
		}
	}()
	s := snapshot{root: root, fs: newFS(coverage())}
	for _, c := range captured {
		s.files, s.names = c.files, c.names
		s.take(".", strings.Split(c.dir, "/"), 0)
	}
	return s.fs
}

// snapshot takes one row of captured after the other.
type snapshot struct {
	root  fs.ReadLinkFS
	fs    *FS
	files []string // of the row
	names bool
}

// take finds the directories that the pattern means below dir, a directory
// with no link in its name, and takes the row's files in each.
func (s *snapshot) take(dir string, pattern []string, links int) {
	if len(pattern) == 0 {
		for _, file := range s.files {
			for _, name := range s.match(dir, file) {
				s.takeLeaf(path.Join(dir, name))
			}
		}
		return
	}
	for _, name := range s.match(dir, pattern[0]) {
		s.enter(path.Join(dir, name), pattern[1:], links)
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

// enter goes on below a directory, or where a link to one leads.
func (s *snapshot) enter(name string, rest []string, links int) {
	s.look(name)
	e := s.fs.entries[name]
	switch {
	case e == nil || links > maxLinks:
	case e.mode.IsDir():
		s.take(name, rest, links)
	case e.mode&fs.ModeSymlink != 0:
		target := string(e.data)
		if !path.IsAbs(target) {
			target = path.Join("/", path.Dir(name), target)
		}
		elements := strings.Split(strings.TrimPrefix(path.Clean(target), "/"), "/")
		s.take(".", slices.Concat(elements, rest), links+1)
	}
}

// look keeps what is at name, and returns a file that is yet to be read. What was looked at before is not looked at again: every system call counts
// where the processor is emulated.
func (s *snapshot) look(name string) (file fs.FileInfo) {
	if s.fs.entries[name] != nil {
		return nil
	}
	info, err := s.root.Lstat(name)
	if err != nil {
		s.failed(name, err)
		return nil
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		s.fs.put(name, &entry{mode: fs.ModeDir | 0o555})
	case mode&fs.ModeSymlink != 0:
		target, err := s.root.ReadLink(name)
		if err != nil {
			s.failed(name, err)
			return nil
		}
		s.fs.put(name, &entry{mode: fs.ModeSymlink | 0o777, data: []byte(target)})
	case s.names || !mode.IsRegular():
		s.fs.AddError(name, ErrNotCaptured)
	default:
		return info
	}
	return nil
}

// takeLeaf keeps a file's content, and of all else that it is there.
func (s *snapshot) takeLeaf(name string) {
	if info := s.look(name); info != nil {
		s.takeFile(name, info.Size())
	}
}

func (s *snapshot) takeFile(name string, size int64) {
	if size > maxFile {
		s.fs.AddError(name, errors.New("larger than 4 MiB"))
		return
	}
	data, err := fs.ReadFile(s.root, name)
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
