package initramfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Kernel is a kernel unpacked from Debian's package.
type Kernel struct {
	Release string
	Image   string // path of the bootable image
	Modules string // path of the module tree
	Config  string // path of its configuration
}

// debian names the metapackage of each architecture's kernel, and Debian's own
// name for the architecture, by GOARCH.
var debian = map[string]struct{ arch, metapackage string }{
	"arm64": {"arm64", "linux-image-arm64"},
	"arm":   {"armhf", "linux-image-armmp-lpae"},
}

// ErrNoApt says that this machine cannot fetch Debian packages.
var ErrNoApt = errors.New("apt-get and dpkg-deb are needed to fetch Debian's kernel; " +
	"elsewhere give a kernel and its modules with KERNEL= and MODULES=")

// FetchKernel downloads Debian's kernel for a GOARCH into dir and unpacks it
// there. It needs apt's configured sources, but neither root nor the machine's
// own package state: lists, cache and status are private, in dir.
func FetchKernel(ctx context.Context, arch, dir string, progress io.Writer) (Kernel, error) {
	k, err := fetchKernel(ctx, arch, dir, progress)
	if err != nil {
		return Kernel{}, fmt.Errorf("fetch kernel for %s: %w", arch, err)
	}
	return k, nil
}

func fetchKernel(ctx context.Context, arch, dir string, progress io.Writer) (Kernel, error) {
	names, ok := debian[arch]
	if !ok {
		return Kernel{}, errors.New("no Debian kernel is known for this architecture")
	}
	a, err := newApt(dir, names.arch, progress)
	if err != nil {
		return Kernel{}, err
	}
	show, err := a.show(ctx, names.metapackage)
	if err != nil {
		return Kernel{}, err
	}
	name, err := kernelPackage(show)
	if err != nil {
		return Kernel{}, fmt.Errorf("%s: %w", names.metapackage, err)
	}
	if err := a.fetch(ctx, name); err != nil {
		return Kernel{}, err
	}
	return FindKernel(dir)
}

// FindKernel finds the kernel that FetchKernel left in dir.
func FindKernel(dir string) (Kernel, error) {
	root := filepath.Join(dir, unpacked)
	images, err := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return Kernel{}, fmt.Errorf("%d kernels in %s, want one", len(images), filepath.Join(root, "boot"))
	}
	release := strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
	return Kernel{
		Release: release,
		Image:   images[0],
		Modules: filepath.Join(root, "lib", "modules", release),
		Config:  filepath.Join(root, "boot", "config-"+release),
	}, nil
}

// apt runs Debian's package clients with a state of their own.
type apt struct {
	dir, arch string
	progress  io.Writer
}

func newApt(dir, arch string, progress io.Writer) (*apt, error) {
	for _, tool := range []string{"apt-get", "apt-cache", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, ErrNoApt
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, "apt", sub), 0o755); err != nil {
			return nil, err
		}
	}
	a := &apt{dir: dir, arch: arch, progress: progress}
	return a, os.WriteFile(filepath.Join(dir, "apt", "status"), nil, 0o644)
}

func (a *apt) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, args[len(args)-1], err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// apt runs one of apt's commands on the private state.
func (a *apt) apt(ctx context.Context, name string, args ...string) (string, error) {
	private := filepath.Join(a.dir, "apt")
	options := []string{
		"-oAPT::Architecture=" + a.arch,
		"-oAPT::Architectures=" + a.arch,
		"-oDir::State=" + private,
		"-oDir::State::Lists=" + filepath.Join(private, "lists"),
		"-oDir::State::status=" + filepath.Join(private, "status"),
		"-oDir::Cache=" + filepath.Join(private, "cache"),
		"-oAPT::Sandbox::User=root",
		"-oAcquire::Languages=none",
		"-q",
	}
	return a.run(ctx, name, append(options, args...)...)
}

// show reads the package lists anew and returns what they say of a package.
func (a *apt) show(ctx context.Context, name string) (string, error) {
	fmt.Fprintf(a.progress, "reading Debian's package lists for %s\n", a.arch)
	// One source that does not answer must not keep us from the others.
	_, updateErr := a.apt(ctx, "apt-get", "update")
	show, err := a.apt(ctx, "apt-cache", "show", "--no-all-versions", name)
	if err != nil {
		return "", errors.Join(err, updateErr)
	}
	return show, nil
}

// unpacked is the directory, below the one of a fetch, that holds a package's
// files.
const unpacked = "unpacked"

// fetch downloads a package and unpacks it, each in place of what was there.
func (a *apt) fetch(ctx context.Context, name string) error {
	old, err := filepath.Glob(filepath.Join(a.dir, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range append(old, filepath.Join(a.dir, unpacked)) {
		if err := os.RemoveAll(file); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.progress, "downloading %s\n", name)
	if _, err := a.apt(ctx, "apt-get", "download", name); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(a.dir, name+"_*.deb"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("apt-get download %s left %d packages in %s", name, len(files), a.dir)
	}
	fmt.Fprintf(a.progress, "unpacking %s\n", filepath.Base(files[0]))
	_, err = a.run(ctx, "dpkg-deb", "-x", files[0], filepath.Join(a.dir, unpacked))
	return err
}

// kernelPackage finds the versioned kernel among a metapackage's dependencies,
// given what apt-cache show prints.
func kernelPackage(show string) (string, error) {
	for line := range strings.Lines(show) {
		depends, ok := strings.CutPrefix(line, "Depends: ")
		if !ok {
			continue
		}
		for item := range strings.SplitSeq(depends, ",") {
			if name, _, _ := strings.Cut(strings.TrimSpace(item), " "); strings.HasPrefix(name, "linux-image-") {
				return name, nil
			}
		}
	}
	return "", errors.New("depends on no linux-image package")
}
