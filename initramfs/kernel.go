package initramfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A Kernel is a kernel unpacked from Debian's packages.
type Kernel struct {
	Release string
	Image   string // path of the bootable image
	Modules string // path of the module tree
	Config  string // path of its configuration
}

// KernelCloud is Debian's other kernel for arm64. It drives a TPM and added memory,
// which the plain one does not.
const KernelCloud = "arm64-cloud"

// debian names the metapackage of each architecture's kernel, and Debian's own
// name for the architecture, by GOARCH.
var debian = map[string]struct{ arch, metapackage string }{
	"arm64":     {"arm64", "linux-image-arm64"},
	"arm":       {"armhf", "linux-image-armmp-lpae"},
	KernelCloud: {"arm64", "linux-image-cloud-arm64"},
}

// FetchKernel downloads Debian's kernel for a GOARCH, or KernelCloud, into dir and unpacks it
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
	if err := fetchParts(ctx, names.arch, names.metapackage, dir, progress); err != nil {
		return Kernel{}, err
	}
	return FindKernel(dir)
}

// fetchParts downloads a package and the other parts of its source that it
// needs into dir.
func fetchParts(ctx context.Context, arch, name, dir string, progress io.Writer) error {
	a, err := newApt(dir, arch, progress)
	if err != nil {
		return err
	}
	updateErr := a.update(ctx)
	names, err := a.parts(ctx, name)
	if err != nil {
		return whyMissing(err, updateErr)
	}
	return a.fetch(ctx, names...)
}

// whyMissing says what to do where the lists have no such package, given how
// reading them ended.
func whyMissing(err, updateErr error) error {
	if !errors.Is(err, ErrNoPackage) {
		return err
	}
	if updateErr != nil {
		return fmt.Errorf("the package lists could not be read; try again with a network: %w", updateErr)
	}
	return fmt.Errorf("%w: use a Debian container, KERNEL= and MODULES=, or vmspec's release archive", err)
}

// FindKernel finds the kernel that FetchKernel left in dir. Its parts lie in
// boot, named by the release (up to Debian 13), or in the module tree (since).
func FindKernel(dir string) (Kernel, error) {
	root := filepath.Join(dir, unpacked)
	tree, err := treeRoot(root)
	if err != nil {
		return Kernel{}, fmt.Errorf("find kernel: %w", err)
	}
	k := Kernel{Release: filepath.Base(tree), Modules: tree}
	if k.Image, err = firstFile(filepath.Join(root, "boot", "vmlinuz-"+k.Release), filepath.Join(tree, "vmlinuz")); err != nil {
		return Kernel{}, fmt.Errorf("find kernel: image: %w", err)
	}
	if k.Config, err = firstFile(filepath.Join(root, "boot", "config-"+k.Release), filepath.Join(tree, "config")); err != nil {
		return Kernel{}, fmt.Errorf("find kernel: configuration: %w", err)
	}
	return k, nil
}

// firstFile returns the first of some files that exists.
func firstFile(names ...string) (string, error) {
	var errs error
	for _, name := range names {
		_, err := os.Stat(name)
		if err == nil {
			return name, nil
		}
		errs = errors.Join(errs, err)
	}
	return "", errs
}
