// Package osimage finds the kernel of the guest OS in a disk image. It shows the
// kernel's release, command line, configuration and modules as the files that
// probes/kernel reads in a running guest.
//
// Only the ESP is read: a unified kernel image, or a kernel with its initial
// ramdisk, configuration and command line beside it. The files may be damaged or
// hostile: nothing is allocated because they claim a size, and no more is
// unpacked than a kernel would unpack.
package osimage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"vmspec/initramfs"
	"vmspec/probes/image"
	"vmspec/probes/kernel"
	"vmspec/probes/note"
)

// ErrNoKernel says that no kernel was found.
var ErrNoKernel = errors.New("no kernel is in the ESP; other file systems are not read")

// A guest is a kernel and what goes with it.
type guest struct {
	arch            string // as Go names it
	kernel, initrd  *io.SectionReader
	release         string
	config, cmdline string
}

// Open finds a kernel in a disk that was inspected. The architecture is named as
// in Go; empty for any.
func Open(r io.ReaderAt, d *image.Disk, arch string) (fs.FS, error) {
	esp := d.Boots("", arch)
	if esp == nil {
		return nil, errors.New("no ESP, in which a kernel would be looked for")
	}
	files, err := image.OpenFiles(r, d, esp)
	if err != nil {
		return nil, err
	}
	g, err := find(files, esp, arch)
	if err != nil {
		return nil, err
	}
	return g.files(len(d.Partitions) > 1)
}

// find looks for a kernel in three steps: the boot programs, the place for unified
// kernel images (UAPI Group's Boot Loader Specification, type 2), every file.
func find(files *image.Files, esp *image.ESP, arch string) (*guest, error) {
	all := files.All()
	for _, place := range []func(string) bool{isBootProgram(esp), isUnified, func(string) bool { return true }} {
		for _, n := range all {
			if !place(n.Path) || n.Size < initramfs.KernelHeadSize {
				continue
			}
			r, err := files.Open(n)
			if err != nil {
				continue // a damaged file system is a matter of other clauses
			}
			g, err := open(r)
			switch {
			case err != nil:
				return nil, fmt.Errorf("%s: %w", n.Path, err)
			case g == nil || arch != "" && g.arch != arch:
				continue
			case g.initrd == nil:
				g.beside(files, all, n.Path)
			}
			return g, nil
		}
	}
	return nil, ErrNoKernel
}

func isBootProgram(esp *image.ESP) func(string) bool {
	return func(name string) bool {
		for i := range esp.Programs {
			if strings.EqualFold(esp.Programs[i].Path, name) {
				return true
			}
		}
		return false
	}
}

func isUnified(name string) bool {
	name = strings.ToUpper(name)
	return strings.HasPrefix(name, `\EFI\LINUX\`) && strings.HasSuffix(name, ".EFI")
}

// open opens a unified kernel image or a kernel; nil if the file is neither.
func open(r *io.SectionReader) (*guest, error) {
	sections, machine, err := readSections(r)
	if err != nil {
		return nil, err
	}
	g := &guest{arch: machine, kernel: sections[".linux"], initrd: sections[".initrd"]}
	if g.kernel == nil {
		if g.arch = kernelArch(r); g.arch == "" {
			return nil, nil
		}
		g.kernel = r
		return g, nil
	}
	g.release, g.cmdline = text(sections[".uname"]), text(sections[".cmdline"])
	return g, nil
}

// Bounds on a section that holds one line, and on a configuration, in bytes.
const (
	maxText   = 64 << 10
	maxConfig = 4 << 20
)

// text reads a section that holds one line; empty if there is no section.
func text(s *io.SectionReader) string {
	if s == nil {
		return ""
	}
	b, err := io.ReadAll(io.LimitReader(s, maxText))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.TrimRight(string(b), "\x00"))
}

// beside looks for the initial ramdisk and the configuration in the directory of
// the kernel. Of several it takes the one whose name ends most like the kernel's:
// distributions name them so.
func (g *guest) beside(files *image.Files, all []image.Name, kernel string) {
	dir, base := split(kernel)
	best := map[string]int{}
	for _, n := range all {
		at, name := split(n.Path)
		if !strings.EqualFold(at, dir) || n.Path == kernel {
			continue
		}
		kind := kindOf(name)
		rank := 1 + shared(base, name)
		if kind == "" || rank <= best[kind] {
			continue
		}
		r, err := files.Open(n)
		if err != nil {
			continue
		}
		best[kind] = rank
		if kind == "initrd" {
			g.initrd = r
		} else if b, err := io.ReadAll(io.LimitReader(r, maxConfig)); err == nil {
			g.config = string(b)
		}
	}
}

func split(name string) (dir, base string) {
	dir, base = path.Split(strings.ReplaceAll(name, `\`, "/"))
	return dir, strings.ToLower(base)
}

func kindOf(name string) string {
	switch {
	case strings.HasPrefix(name, "init"), strings.Contains(name, "ramdisk"), strings.HasPrefix(name, "ramfs"):
		return "initrd"
	case strings.HasPrefix(name, "config"):
		return "config"
	}
	return ""
}

// shared returns how many bytes at their end two names have in common.
func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// files shows the guest as files for probes/kernel. With partial the image has
// more file systems, which were not read and may hold modules.
func (g *guest) files(partial bool) (fs.FS, error) {
	release, config, err := scan(g.kernel)
	if err != nil {
		return nil, fmt.Errorf("kernel: %w", err)
	}
	ramdisk := archive{}
	if g.initrd != nil {
		if err := ramdisk.read(g.initrd); err != nil {
			return nil, fmt.Errorf("initial ramdisk: %w", err)
		}
	}
	release = firstOf(g.release, release, ramdisk.release(), "unknown")
	context := kernel.ContextImage
	if partial {
		context += " " + kernel.Partial
	}
	root := files{note.Path(kernel.ContextNote()): context + "\n", "proc/sys/kernel/osrelease": release + "\n", "proc/cmdline": g.cmdline + "\n"}
	dir := path.Join("lib/modules", release)
	root[path.Join(dir, "config")] = firstOf(config, g.config, ramdisk.kept[path.Join(dir, "config")], ramdisk.kept["boot/config-"+release])
	for _, list := range []string{"modules.builtin", "modules.builtin.modinfo"} {
		root[path.Join(dir, list)] = ramdisk.kept[path.Join(dir, list)]
	}
	root[path.Join(dir, "modules.dep")] = ramdisk.modulesDep(dir)
	for name, text := range root {
		if text == "" {
			delete(root, name)
		}
	}
	return root, nil
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// files are texts, by name.
type files map[string]string

// Open exists for [fs.FS] alone: all readers call ReadFile.
func (f files) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadFile returns a text.
func (f files) ReadFile(name string) ([]byte, error) {
	if text, ok := f[name]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
}

// ReadDir finds every directory empty: in an image no module is loaded.
func (f files) ReadDir(string) ([]fs.DirEntry, error) { return nil, nil }
