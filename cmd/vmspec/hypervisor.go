package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/initramfs"
)

func newHypervisor() *cobra.Command {
	var kernel, dir string
	c := &cobra.Command{
		Use:   "hypervisor NAME",
		Short: "Build what runs a hypervisor below a guest, from Debian's packages by apt-get",
		Long: `Build what runs a hypervisor below a guest, from Debian's packages by apt-get:
xen for Xen's first domain, kvm for a host whose QEMU runs a VM by KVM. The
targets whose names begin so need it.`,
		Args:      takes(1, 1, strings.Join(initramfs.Hosts(), " or ")),
		ValidArgs: initramfs.Hosts(),
		RunE: func(c *cobra.Command, args []string) error {
			if dir == "" {
				dir = filepath.Join("build", "arm64", args[0])
			}
			if _, err := initramfs.FindKernel(kernel); err != nil {
				return noKernel(kernel, err)
			}
			_, err := initramfs.FetchHost(untilSignal(c), args[0], kernel, dir, c.ErrOrStderr())
			if err == nil {
				fmt.Fprintf(c.ErrOrStderr(), "a host for %s is in %s\n", args[0], dir)
			}
			return err
		},
	}
	c.Flags().StringVar(&kernel, "debian", filepath.Join("build", "arm64", "kernel"), "`DIR` that vmspec kernel fetched into")
	c.Flags().StringVar(&dir, "dir", "", "`DIR` to build in (default build/arm64/NAME)")
	return c
}
