package initramfs

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// A hostRecipe says what a host is made of that runs a VM inside of a VM: Debian's
// packages, and what is taken of them. Releases differ in versions alone, so
// patterns and metapackages name none.
type hostRecipe struct {
	packages []string // apt follows what they depend on
	programs []string // patterns below the unpacked packages; linked in /bin, with their libraries
	modules  []string // of the kernel
}

// opened is a library that glibc opens when a thread is cancelled (pthread_cancel(3)):
// no program says that it needs it.
const opened = "libgcc_s.so.1"

var hostRecipes = map[string]hostRecipe{
	"xen": {
		packages: []string{"xen-system-arm64", "xenstore-utils", "busybox-static"},
		programs: []string{
			"usr/lib/xen-*/bin/xl", "usr/lib/xen-*/bin/xenconsole", "usr/lib/xen-*/bin/xenstored", "usr/lib/xen-*/bin/xenconsoled", "usr/lib/xen-*/bin/xen-init-dom0",
			"usr/bin/xenstore-read", "usr/bin/xenstore-write",
			busybox,
		},
		modules: []string{
			"xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs", "xen-blkback", "xen-netback",
			"loop", "bridge", "virtio_pci", "virtio_console",
		},
	},
	"kvm": {
		packages: []string{"qemu-system-arm", "busybox-static"},
		programs: []string{"usr/bin/qemu-system-aarch64", busybox},
		modules:  []string{"virtio_pci", "virtio_console"},
	},
}

// busybox is in /bin up to Debian 12, and in /usr/bin since.
const busybox = "{bin,usr/bin}/busybox"

// Hosts lists the names of those that are known.
func Hosts() []string { return []string{"kvm", "xen"} }

// hostFiles are our own, by the host's name: the first program, and scripts that
// Xen's tools run.
//
//go:embed hosts
var hostFiles embed.FS

// hostArchive is what packs a host, in its folder, and hostKernel its kernel.
const (
	hostArchive = "host.cpio.lz4"
	hostKernel  = "Image"
)

// A Host is what boots below a VM: its kernel, its initramfs, and Xen, if it is
// Xen's first domain.
type Host struct{ Kernel, Initramfs, Xen string }

// FetchHost downloads the packages of a host into dir, with all that they depend
// on, and builds what boots of them and of the kernel that FetchKernel left in
// kernelDir.
func FetchHost(ctx context.Context, name, kernelDir, dir string, progress io.Writer) (Host, error) {
	h, err := fetchHost(ctx, name, kernelDir, dir, progress)
	if err != nil {
		return Host{}, fmt.Errorf("build a host for %s: %w", name, err)
	}
	return h, nil
}

func fetchHost(ctx context.Context, name, kernelDir, dir string, progress io.Writer) (Host, error) {
	recipe, ok := hostRecipes[name]
	if !ok {
		return Host{}, fmt.Errorf("no such hypervisor: there are %s", strings.Join(Hosts(), ", "))
	}
	k, err := FindKernel(kernelDir)
	if err != nil {
		return Host{}, err
	}
	a, err := newApt(dir, debian["arm64"].arch, progress)
	if err != nil {
		return Host{}, err
	}
	updateErr := a.update(ctx)
	for _, p := range recipe.packages {
		if _, err := a.show(ctx, p); err != nil {
			return Host{}, whyMissing(err, updateErr)
		}
	}
	if err := a.fetchClosure(ctx, recipe.packages...); err != nil {
		return Host{}, err
	}
	if err := writeHost(name, recipe, k, dir); err != nil {
		return Host{}, err
	}
	return FindHost(name, dir)
}

// writeHost writes a host's kernel and its initramfs.
func writeHost(name string, recipe hostRecipe, k Kernel, dir string) error {
	packed, err := os.ReadFile(k.Image)
	if err != nil {
		return err
	}
	image, _, err := KernelImage(packed)
	if err != nil {
		return fmt.Errorf("%s: %w", k.Image, err)
	}
	records, err := recipe.records(name, k, filepath.Join(dir, unpacked))
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := compress(&archive, records); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, hostKernel), image, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, hostArchive), archive.Bytes(), 0o644)
}

// records are all files of a host.
func (r hostRecipe) records(name string, k Kernel, root string) ([]cpio.Record, error) {
	records := []cpio.Record{
		cpio.CharDev("dev/console", 0o600, 5, 1),
		cpio.CharDev("dev/null", 0o666, 1, 3),
		cpio.Symlink("bin/sh", "busybox"),
	}
	for _, dir := range []string{"proc", "sys", "tmp", "run"} {
		records = append(records, cpio.Directory(dir, 0o755))
	}
	programs, err := programRecords(root, r.programs)
	if err != nil {
		return nil, err
	}
	ours, err := ownRecords(name)
	if err != nil {
		return nil, err
	}
	tree, err := OpenTree(k.Modules)
	if err != nil {
		return nil, err
	}
	modules, missing, err := Config{Tree: tree, Modules: r.modules}.moduleRecords()
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("the kernel %s has no module %s", k.Release, strings.Join(missing, ", "))
	}
	return slices.Concat(records, programs, ours, modules), err
}

// ownRecords are our own files of a host. All are scripts but those called
// something.conf.
func ownRecords(name string) (records []cpio.Record, err error) {
	root := path.Join("hosts", name)
	err = fs.WalkDir(hostFiles, root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := hostFiles.ReadFile(file)
		mode := uint64(0o755)
		if path.Ext(file) == ".conf" {
			mode = 0o644
		}
		records = append(records, cpio.StaticFile(strings.TrimPrefix(file, root+"/"), string(text), mode))
		return err
	})
	return records, err
}

// FindHost finds what FetchHost left in dir.
func FindHost(name, dir string) (Host, error) {
	h := Host{Kernel: filepath.Join(dir, hostKernel), Initramfs: filepath.Join(dir, hostArchive)}
	for _, file := range []string{h.Kernel, h.Initramfs} {
		if _, err := os.Stat(file); err != nil {
			return Host{}, fmt.Errorf("find a host for %s: %w", name, err)
		}
	}
	if name != "xen" {
		return h, nil
	}
	found, err := filepath.Glob(filepath.Join(dir, unpacked, "boot", "xen-*-arm64"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("find Xen: %d files boot/xen-VERSION-arm64 in %s", len(found), filepath.Join(dir, unpacked))
	}
	if err != nil {
		return Host{}, err
	}
	h.Xen = found[0]
	return h, nil
}

// A HostFile is one that a host finds in its file system.
type HostFile struct {
	Name       string
	Data       []byte
	Executable bool
}

// AppendToHost writes a host's initramfs with more files behind it: a kernel
// unpacks one archive after the other
// (Documentation/driver-api/early-userspace/buffer-format.rst).
func AppendToHost(out io.Writer, hostInitramfs string, files []HostFile) error {
	archive, err := os.ReadFile(hostInitramfs)
	if err != nil {
		return err
	}
	archive = append(archive, make([]byte, -len(archive)&3)...) // an archive begins at a multiple of 4
	if _, err := out.Write(archive); err != nil {
		return err
	}
	var records []cpio.Record
	for _, f := range files {
		mode := uint64(0o644)
		if f.Executable {
			mode = 0o755
		}
		records = append(records, cpio.StaticFile(f.Name, string(f.Data), mode))
	}
	cpio.MakeAllReproducible(records)
	writer := cpio.Newc.Writer(out)
	if err := cpio.WriteRecordsAndDirs(writer, records); err != nil {
		return err
	}
	return cpio.WriteTrailer(writer)
}
