package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/osimage"
	"vmspec/initramfs"
	"vmspec/probes/kernel"
)

// Names of what a guest boots, in its directory.
const (
	imageName     = "Image"
	initramfsName = "initramfs.cpio.lz4"
)

func newKernel() *cobra.Command {
	var arch, dir string
	c := &cobra.Command{
		Use:   "kernel",
		Short: "Fetch Debian's kernel, by apt-get",
		Args:  takes(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := initramfs.FetchKernel(untilSignal(c), arch, dir, c.ErrOrStderr())
			if err != nil {
				return err
			}
			fmt.Fprintf(c.ErrOrStderr(), "kernel %s is in %s\n", k.Release, dir)
			return nil
		},
	}
	c.Flags().StringVar(&arch, "arch", "arm64", "architecture, as Go names it")
	c.Flags().StringVar(&dir, "dir", filepath.Join("build", "arm64", "kernel"), "`DIR` to fetch into")
	return c
}

// guestFlags say what a guest is built from.
type guestFlags struct {
	init, out, debian       string
	image, modules, kconfig string
}

func newGuest() *cobra.Command {
	var f guestFlags
	c := &cobra.Command{
		Use:   "guest",
		Short: "Build what boots: an initramfs beside its kernel",
		Args:  takes(0, 0, ""),
		RunE:  func(c *cobra.Command, _ []string) error { return f.build(c.ErrOrStderr()) },
	}
	dir := filepath.Join("build", "arm64")
	c.Flags().StringVar(&f.init, "init", filepath.Join(dir, "init"), "the suite's init")
	c.Flags().StringVar(&f.out, "out", dir, "`DIR` to build in")
	c.Flags().StringVar(&f.debian, "debian", filepath.Join(dir, "kernel"), "`DIR` that vmspec kernel fetched into")
	c.Flags().StringVar(&f.image, "image", "", "a kernel of your own instead; with everything built in it needs no modules")
	c.Flags().StringVar(&f.modules, "modules", "", "its module tree")
	c.Flags().StringVar(&f.kconfig, "kconfig", "", "its configuration, if it is not beside the kernel and not in /proc/config.gz")
	return c
}

func (f *guestFlags) build(progress io.Writer) error {
	config := initramfs.Config{Init: f.init, Modules: kernel.Modules()}
	if err := f.complete(); err != nil {
		return err
	}
	image, err := f.readKernel()
	if err != nil {
		return err
	}
	if _, err := os.Stat(f.init); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there: make guest builds it in vmspec's source tree, or name one with --init", f.init)
	}
	if f.modules != "" {
		if config.Tree, err = initramfs.OpenTree(f.modules); err != nil {
			return err
		}
	}
	config.Kconfig = f.kconfig
	if err := makeFolder("--out", filepath.Join(f.out, initramfsName)); err != nil {
		return err
	}
	if err := writeKernel(filepath.Join(f.out, imageName), f.image, image); err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(f.out, initramfsName))
	if err != nil {
		return err
	}
	size, missing, err := initramfs.Write(out, config)
	if err := errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(out.Name()))
	}
	init, err := os.Stat(f.init)
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "%s: %d bytes; its init: %d bytes\n", out.Name(), size, init.Size())
	if len(missing) > 0 {
		fmt.Fprintf(progress, "the module tree has no %s: built in, or what they drive will not be seen\n", strings.Join(missing, " "))
	}
	return nil
}

// complete finds the kernel and what belongs to it.
func (f *guestFlags) complete() error {
	if f.image == "" {
		k, err := initramfs.FindKernel(f.debian)
		if err != nil {
			return noKernel(f.debian, err)
		}
		f.image, f.modules, f.kconfig = k.Image, k.Modules, k.Config
		return nil
	}
	if f.kconfig == "" {
		f.kconfig = besideKernel(f.image, f.modules)
	}
	return nil
}

// readKernel reads the kernel, unpacked so that any VMM starts it, and refuses
// what no VM boots, or not with this init.
func (f *guestFlags) readKernel() ([]byte, error) {
	data, err := os.ReadFile(f.image)
	if err != nil {
		return nil, err
	}
	image, arch, err := initramfs.KernelImage(data)
	if what := osimage.What(bytes.NewReader(data)); err != nil && what != "" {
		return nil, fmt.Errorf("%s is no kernel for ARM: it is %s", f.image, what)
	} else if err != nil {
		return nil, fmt.Errorf("%s is no kernel for ARM: %w", f.image, err)
	}
	if init := programArch(f.init); init != "" && init != arch {
		return nil, fmt.Errorf("%s is a kernel for %s, and the init %s is for %s", f.image, arch, f.init, init)
	}
	return image, nil
}

// programArch tells a program's architecture, as Go names it; empty for none of
// ARM's.
func programArch(name string) string {
	program, err := elf.Open(name)
	if err != nil {
		return ""
	}
	defer program.Close()
	return map[elf.Machine]string{elf.EM_AARCH64: "arm64", elf.EM_ARM: "arm"}[program.Machine]
}

// besideKernel finds a kernel's configuration where distributions put it. One
// that does not name its kernel counts only beside that kernel's modules.
func besideKernel(image, modules string) string {
	dir, name := filepath.Split(image)
	_, release, _ := strings.Cut(name, "-")
	candidates := []string{filepath.Join(dir, "config-"+release)}
	if modules != "" {
		candidates = append(candidates, filepath.Join(modules, "config"), filepath.Join(dir, ".config"))
	}
	for _, c := range candidates {
		if info, err := os.Stat(c); err == nil && info.Mode().IsRegular() {
			return c
		}
	}
	return ""
}

// writeKernel writes a kernel, unless it was read from the same file.
func writeKernel(to, from string, image []byte) error {
	a, err := os.Stat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return writeFile(to, image)
	} else if err != nil {
		return err
	}
	b, err := os.Stat(from)
	if err != nil || os.SameFile(a, b) {
		return err
	}
	return writeFile(to, image)
}
