package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/qmp"
	"vmspec/cmd/vmspec/internal/target"
	"vmspec/results"
	"vmspec/results/report"
)

// qmpNeeds are what QEMU does by its monitor.
var qmpNeeds = []string{report.NeedBlock, report.NeedNet, report.NeedPause}

// allNeeds stands for all of them.
const allNeeds = "all"

func (f *runFlags) registerNeeds(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.needs, "needs", nil, "do this if the guest needs it, by QMP, or in xen-domu by xl: "+strings.Join(qmpNeeds, ", ")+", or all")
}

// offerByQMP offers what --needs names. QEMU's monitor will be a socket in dir.
func (f *runFlags) offerByQMP(t target.Target, dir string) error {
	if slices.Equal(f.needs, []string{allNeeds}) {
		f.needs = qmpNeeds
	}
	for _, need := range f.needs {
		switch {
		case t.UBoot:
			return fmt.Errorf("--needs %s: U-Boot hands no parameters to an image's guest", need)
		case !slices.Contains(qmpNeeds, need):
			return fmt.Errorf("--needs %s: %s, or %s", need, strings.Join(qmpNeeds, ", "), allNeeds)
		case f.server.offers[need] != nil:
			return fmt.Errorf("--needs %s: --on-need does it", need)
		}
		if t.Hypervisor != "" {
			if err := f.offerByDom0(t, need, dir); err != nil {
				return err
			}
			continue
		}
		f.Monitor = filepath.Join(dir, "qmp")
		f.server.offers[need] = f.server.acting("QMP", byQMP(f.Monitor))
	}
	return nil
}

// byQMP does what a guest needs by QEMU's monitor.
func byQMP(socket string) actor {
	return func(ctx context.Context, n report.Need, d qmp.Device) (a results.Act, err error) {
		a.Said, err = qmp.VM{Socket: socket}.Serve(ctx, n, d)
		return a, err
	}
}
