package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/initramfs"
)

// hostFolder is where a hypervisor's host lies: in the guest's folder, or in that of the
// AArch64 guests beside it. A host runs guests of both kinds.
func hostFolder(guest, name string) string {
	return firstThere(filepath.Join(guest, name), filepath.Join(filepath.Dir(guest), "arm64", name), filepath.Join("build", "arm64", name))
}

// findHost finds what runs a hypervisor.
func findHost(guest, name string) (initramfs.Host, error) {
	dir := hostFolder(guest, name)
	h, err := initramfs.FindHost(name, dir)
	if err != nil {
		return h, fmt.Errorf("what runs %s is not in %s: vmspec hypervisor %s --dir %s builds it, from Debian's packages by apt-get", name, dir, name, dir)
	}
	return h, nil
}

// Times for a target whose guest runs below a hypervisor in an emulated machine, where
// none are given: it boots two kernels.
const (
	hostTimeout = 10 * time.Minute
	hostSilence = 4 * time.Minute
)

// allowForHost gives such a target more time.
func (f *runFlags) allowForHost(c *cobra.Command, t target.Target) {
	if t.Hypervisor == "" {
		return
	}
	if !c.Flags().Changed("timeout") {
		f.timeout = hostTimeout
	}
	if !c.Flags().Changed("silence") {
		f.silence = hostSilence
	}
}

// Where a host finds the guest in its file system.
const (
	inHostKernel    = "/guest/Image"
	inHostInitramfs = "/guest/initramfs"
	inHostCode      = "/guest/code.fd"
	inHostVars      = "/guest/vars.fd"
)

// prepareHost makes what a target with a hypervisor of its own boots.
func (f *runFlags) prepareHost(ctx context.Context, t target.Target) error {
	if t.Hypervisor == "" {
		return nil
	}
	host, err := findHost(guestFolder(f.guest, "arm64"), t.Hypervisor)
	if err != nil {
		return err
	}
	f.HostKernel, f.XenBinary = host.Kernel, host.Xen
	switch t.Domain {
	case target.Dom0:
		return nil
	case target.Dom0less:
		return f.prepareXenTree(ctx, t)
	}
	files, err := f.hostFiles(t)
	if err != nil {
		return err
	}
	f.HostInitramfs = filepath.Join(f.dir, "host.cpio.lz4")
	out, err := os.Create(f.HostInitramfs)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := initramfs.AppendToHost(out, host.Initramfs, files); err != nil {
		return fmt.Errorf("build the host of %s: %w", t.Name, err)
	}
	return nil
}

//go:embed adapters/xen.sh
var xenAdapter []byte

// hostFiles are the guest, and what says how a host starts it.
func (f *runFlags) hostFiles(t target.Target) (files []initramfs.HostFile, err error) {
	if t.Domain == target.DomU {
		files = []initramfs.HostFile{
			{Name: "guest/domain.cfg", Data: []byte(target.DomainConfig(t, f.Options, inHostKernel, inHostInitramfs))},
			{Name: "bin/xen.sh", Data: xenAdapter, Executable: true},
		}
	} else {
		files = []initramfs.HostFile{{Name: "guest/start", Data: []byte(t.HostScript(f.inHost()))}}
	}
	for _, file := range []struct{ from, to string }{
		{f.Kernel, inHostKernel}, {f.Initramfs, inHostInitramfs}, {f.Code, inHostCode}, {f.Vars, inHostVars},
	} {
		if file.from == "" {
			continue
		}
		data, err := os.ReadFile(file.from)
		if err != nil {
			return nil, err
		}
		files = append(files, initramfs.HostFile{Name: strings.TrimPrefix(file.to, "/"), Data: data})
	}
	return files, nil
}

// inHost are the options as the host sees them.
func (f *runFlags) inHost() target.Options {
	o := f.Options
	o.Kernel, o.Initramfs, o.Code, o.Vars = inHostKernel, inHostInitramfs, inHostCode, inHostVars
	o.Extra, o.Host = nil, target.Host{} // QEMU's own arguments are the outer machine's
	return o
}

// prepareXenTree makes the device tree from which Xen starts a domain by itself.
func (f *runFlags) prepareXenTree(ctx context.Context, t target.Target) error {
	machine, err := f.machineTree(ctx, t)
	if err != nil {
		return fmt.Errorf("the machine's device tree: %w", err)
	}
	var sizes [2]int64
	for i, name := range []string{f.Kernel, f.Initramfs} {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		sizes[i] = info.Size()
	}
	tree, err := target.Dom0lessTree(machine, t, f.Options, sizes[0], sizes[1])
	if err != nil {
		return err
	}
	f.HostTree = filepath.Join(f.dir, "xen.dtb")
	return os.WriteFile(f.HostTree, tree, 0o600)
}
