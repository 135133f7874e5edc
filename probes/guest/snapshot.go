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

// maxFile bounds a file of a capture. The device tree, at most 2 MiB by the
// arm64 boot protocol, is the largest.
const maxFile = 4 << 20

// captured is what a capture covers: directories, and files to read in them, both as
// [path.Match] patterns without a leading slash. The file pattern "*" takes all of a
// directory. With names, only the names are captured and no contents. If two rows
// cover a file, the first one counts.
var captured = []struct {
	dir   string
	files []string
	names bool
}{
	{dir: "boot", files: []string{"config-*"}},
	{dir: "lib/modules/*", files: []string{"config", "modules.alias", "modules.builtin", "modules.builtin.modinfo"}},
	{dir: "proc", files: []string{
		"cmdline", "config.gz", "consoles", "cpuinfo", "filesystems", "interrupts", "iomem", "meminfo", "modules", "version"}},
	{dir: "proc/self", files: []string{"mountinfo"}},
	{dir: "proc/sys/kernel", files: []string{"osrelease"}},
	{dir: "proc/tty", files: []string{"drivers"}},
	{dir: "proc/tty/driver", files: []string{"*"}},
	{dir: "sys/block/*", files: []string{"size", "ro", "removable"}},
	{dir: "sys/block/*/device", files: []string{"driver"}},
	{dir: "sys/block/*/queue", files: []string{"logical_block_size"}},
	{dir: "sys/bus/acpi/devices", files: []string{"*"}, names: true},
	{dir: "sys/bus/amba/devices/*", files: deviceLinks},
	{dir: "sys/bus/amba/drivers", files: []string{"pl061_gpio", "rtc-pl031", "uart-pl011"}, names: true},
	{dir: "sys/bus/pci/devices/*", files: append([]string{"config", "resource", "vendor", "device", "class"}, deviceLinks...)},
	{dir: "sys/bus/pci/slots/*", files: []string{"address", "power"}},
	{dir: "sys/bus/pci_express/devices/*", files: []string{"driver"}},
	{dir: "sys/bus/platform/devices/*", files: deviceLinks},
	{dir: "sys/bus/platform/drivers", files: []string{"acpi-ged", "pci-host-generic", "sbsa-uart"}, names: true},
	{dir: "sys/bus/virtio/devices/*", files: append([]string{"device", "vendor", "status", "features"}, deviceLinks...)},
	{dir: "sys/bus/vmbus/devices/*", files: []string{"class_id", "driver", "state"}},
	{dir: "sys/bus/xen/devices/*", files: append([]string{"nodename", "state", "devtype"}, deviceLinks...)},
	{dir: "sys/class/dmi/id", files: []string{"bios_date", "bios_vendor", "bios_version", "product_name", "sys_vendor"}},
	{dir: "sys/class/net/*", files: []string{"carrier", "mtu", "operstate", "type"}},
	{dir: "sys/class/net/*/device", files: []string{"driver"}},
	{dir: "sys/class/rtc/*", files: []string{"hctosys", "name"}},
	{dir: "sys/class/tpm/*", files: []string{"tpm_version_major"}},
	{dir: "sys/class/tty", files: []string{"*"}, names: true},
	{dir: "sys/class/tty/ttyAMA*", files: []string{"type"}},
	{dir: "sys/class/tty/ttyS*", files: []string{"type"}},
	{dir: "sys/devices/system/clocksource/clocksource0", files: []string{"current_clocksource", "available_clocksource"}},
	{dir: "sys/devices/system/cpu", files: []string{"kernel_max", "enabled", "offline", "online", "possible", "present"}},
	{dir: "sys/firmware/acpi/tables", files: []string{"FACP", "APIC", "GTDT", "SPCR", "DBG2", "MCFG", "PPTT", "IORT", "DSDT"}},
	{dir: "sys/firmware/acpi/tables", files: []string{"*"}, names: true},
	{dir: "sys/firmware/efi", files: []string{"fw_platform_size", "systab"}},
	{dir: "sys/firmware/efi/efivars", files: bootVariables},
	{dir: "sys/firmware/efi/efivars", files: []string{"*"}, names: true},
	{dir: "sys/firmware", files: []string{"fdt"}},
	{dir: "sys/hypervisor", files: []string{"type", "guest_type"}},
	{dir: "sys/hypervisor/properties", files: []string{"features"}},
	{dir: "sys/hypervisor/version", files: []string{"*"}},
	{dir: "sys/kernel/debug", files: []string{"devices_deferred", "psci"}},
	{dir: "sys/kernel/debug/virtio-ports", files: []string{"*"}},
	{dir: "sys/kernel/security/tpm0", files: []string{"binary_bios_measurements"}},
	{dir: "sys/module", files: []string{"*"}, names: true},
}

// bootVariables say what the firmware boots and has booted: UEFI 2.10, section
// 3.3. Their GUID is EFI_GLOBAL_VARIABLE.
var bootVariables = []string{
	"BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c",
	"BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c",
	"Boot[0-9A-F][0-9A-F][0-9A-F][0-9A-F]-8be4df61-93ca-11d2-aa0d-00e098032b8c",
}

// deviceLinks are what sysfs shows of a device's driver and of the node that
// describes it, in the device tree or in ACPI.
var deviceLinks = []string{"driver", "of_node", companion}

// companion is a link that only ACPI's namespace makes (drivers/acpi/glue.c).
const companion = "firmware_node"

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
// other than absence are kept and answered again by the returned FS. After a panic
// nothing is known: the FS answers [ErrNotCaptured] for everything.
//
// It calls begin before it reads a file or a directory. If begin returns an error,
// that is kept as the file's error.
func Snapshot(root fs.ReadLinkFS, begin func(name string) error) (files *FS) {
	defer func() {
		if recover() != nil {
			files = newFS(nil)
		}
	}()
	s := snapshot{root: root, begin: begin, fs: newFS(coverage())}
	_, err := root.Lstat("sys/bus/acpi")
	s.acpi = !errors.Is(err, fs.ErrNotExist)
	for _, c := range captured {
		s.files, s.names = c.files, c.names
		s.take(".", strings.Split(c.dir, "/"), 0)
	}
	return s.fs
}

// Refresh reads some of what a snapshot covers once more, by its patterns: what may
// have changed since.
func (f *FS) Refresh(root fs.ReadLinkFS, patterns []string, begin func(name string) error) {
	defer func() { _ = recover() }() // then the rest is as it was
	s := snapshot{root: root, begin: begin, fs: f, again: true}
	for _, c := range captured {
		s.names, s.files = c.names, nil
		for _, file := range c.files {
			if slices.Contains(patterns, path.Join(c.dir, file)) {
				s.files = append(s.files, file)
			}
		}
		if len(s.files) > 0 {
			s.take(".", strings.Split(c.dir, "/"), 0)
		}
	}
}

// snapshot takes one row of captured after the other.
type snapshot struct {
	root  fs.ReadLinkFS
	begin func(name string) error
	fs    *FS
	acpi  bool     // the kernel may have ACPI's namespace
	files []string // of the row
	names bool
	again bool // files that were read before are read again
}

// named is a name in a directory, with its type if that is known. It saves a system
// call for each of the many links to devices, which counts on an emulated processor.
type named struct {
	name  string
	mode  fs.FileMode // its type
	known bool
}

// take finds the directories that match the pattern below dir, and takes the row's
// files in each. There is no link in the name of dir.
func (s *snapshot) take(dir string, pattern []string, links int) {
	if len(pattern) == 0 {
		for _, file := range s.files {
			if file == companion && !s.acpi {
				continue
			}
			for _, n := range s.match(dir, file) {
				s.takeLeaf(path.Join(dir, n.name), n)
			}
		}
		return
	}
	for _, n := range s.match(dir, pattern[0]) {
		s.enter(path.Join(dir, n.name), n, pattern[1:], links)
	}
}

// match lists the names in dir that match one element of a pattern.
func (s *snapshot) match(dir, element string) []named {
	if !strings.ContainsAny(element, "*?[") {
		return []named{{name: element}}
	}
	entries, err := s.list(dir)
	if err != nil {
		s.failed(dir, err)
		return nil
	}
	s.fs.put(dir, &entry{mode: fs.ModeDir | 0o555})
	var out []named
	for _, e := range entries {
		if ok, err := path.Match(element, e.Name()); err == nil && ok {
			out = append(out, named{name: e.Name(), mode: e.Type(), known: true})
		}
	}
	return out
}

// list lists a directory.
func (s *snapshot) list(dir string) ([]fs.DirEntry, error) {
	if err := s.begin(dir); err != nil {
		return nil, err
	}
	return fs.ReadDir(s.root, dir)
}

// enter goes on below a directory, or in the one to which a link leads.
func (s *snapshot) enter(name string, n named, rest []string, links int) {
	s.look(name, n)
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
		target = strings.TrimPrefix(path.Clean(target), "/")
		if strings.HasPrefix(target, devices) {
			s.fs.put(target, &entry{mode: fs.ModeDir | 0o555})
			s.take(target, rest, links+1)
			return
		}
		s.take(".", slices.Concat(strings.Split(target, "/"), rest), links+1)
	}
}

// devices is where sysfs has the directories of devices. Links to them have the
// whole name, which contains no other link (fs/kernfs/symlink.c). So the type of
// its elements need not be read.
const devices = "sys/devices/"

// look keeps a directory or a link. It tells whether the name is a file that has yet
// to be read. It looks at each name only once.
func (s *snapshot) look(name string, n named) (unread bool) {
	if e := s.fs.entries[name]; e != nil {
		return s.again && !s.names && e.mode.IsRegular()
	}
	if !n.known || n.mode&fs.ModeSymlink != 0 {
		target, err := s.root.ReadLink(name)
		switch {
		case err == nil:
			s.fs.put(name, &entry{mode: fs.ModeSymlink | 0o777, data: []byte(target)})
			return false
		case n.known || !errors.Is(err, syscall.EINVAL) && !errors.Is(err, fs.ErrInvalid):
			s.failed(name, err)
			return false
		}
		info, err := s.root.Lstat(name) // no link, so what is it?
		if err != nil {
			s.failed(name, err)
			return false
		}
		n.mode = info.Mode().Type()
	}
	switch {
	case n.mode.IsDir():
		s.fs.put(name, &entry{mode: fs.ModeDir | 0o555})
	case s.names || !n.mode.IsRegular():
		s.fs.AddError(name, ErrNotCaptured)
	default:
		return true
	}
	return false
}

// takeLeaf keeps a file's content. Of anything else it keeps only that it is there.
func (s *snapshot) takeLeaf(name string, n named) {
	if !s.look(name, n) {
		return
	}
	data, err := s.read(name)
	if s.again {
		s.fs.drop(name)
	}
	if err != nil {
		s.failed(name, err)
		return
	}
	scrub(name, data)
	s.fs.AddFile(name, data)
}

var errLarge = errors.New("larger than 4 MiB")

// read reads a file, and no more of it than a capture may hold.
func (s *snapshot) read(name string) ([]byte, error) {
	if err := s.begin(name); err != nil {
		return nil, err
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, 0, 4096) // what most of the kernel's texts fit into
	narrow := 0                   // how much of it is squeezed
	for {
		if name == interrupts && len(data) > maxWide {
			data = squeeze(data, narrow)
			narrow = len(data)
		}
		if len(data) == cap(data) {
			more := len(data)
			if info, err := f.Stat(); err == nil && info.Size() <= maxFile {
				more = max(more, int(info.Size())-len(data)+1)
			}
			data = slices.Grow(data, more)
		}
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		case len(data) > maxFile:
			return nil, errLarge
		}
	}
}

// interrupts is a table with a column for each CPU. Up to maxWide bytes are kept as
// they are; of a larger one, blanks are kept once.
const (
	interrupts = "proc/interrupts"
	maxWide    = 1 << 20
)

// squeeze keeps one of each row of blanks behind from.
func squeeze(data []byte, from int) []byte {
	out := data[:from]
	for _, c := range data[from:] {
		if c != ' ' || len(out) == 0 || out[len(out)-1] != ' ' {
			out = append(out, c)
		}
	}
	return out
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
