package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/qmp"
	"vmspec/results/report"
)

// newQMP is what adapters/qmp.sh runs.
func newQMP() *cobra.Command {
	return &cobra.Command{
		Use:   "qmp SOCKET",
		Short: "Do by QEMU's monitor what a guest needs, as a command of --on-need",
		Long: `Do by QEMU's monitor what a guest needs, as a command of --on-need.

What that is stands in the environment: VMSPEC_NEED, VMSPEC_NONCE,
VMSPEC_TIMEOUT, VMSPEC_DISK and VMSPEC_MAC. vmspec help hotplug tells more.`,
		Args: takes(1, 1, "the socket of -qmp unix:SOCKET,server=on,wait=off"),
		RunE: func(c *cobra.Command, args []string) error {
			n := report.Need{Name: os.Getenv("VMSPEC_NEED"), Nonce: os.Getenv("VMSPEC_NONCE")}
			var err error
			if n.Timeout, err = strconv.Atoi(os.Getenv("VMSPEC_TIMEOUT")); err != nil || n.Name == "" || n.Nonce == "" || n.Timeout < 1 {
				return fmt.Errorf("qmp is a command of --on-need: VMSPEC_NEED, VMSPEC_NONCE and VMSPEC_TIMEOUT are not what that sets")
			}
			ctx, cancel := context.WithTimeout(untilSignal(c), time.Duration(n.Timeout)*time.Second)
			defer cancel()
			said, err := qmp.VM{Socket: args[0]}.Serve(ctx, n, qmp.Device{Disk: os.Getenv("VMSPEC_DISK"), MAC: os.Getenv("VMSPEC_MAC")})
			if err == nil {
				fmt.Fprintln(c.OutOrStdout(), said)
			}
			return err
		},
	}
}
