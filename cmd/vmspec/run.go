package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/probes/kernel"
	"vmspec/suite"
)

// runFlags are a target's options as given.
type runFlags struct {
	watchFlags
	target.Options
	accel, firmware, guest string
	append, dir            string // dir is the run's own
	needs                  []string
}

func newRun() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run TARGET [-- QEMU ARGUMENTS]",
		Short: "Start a target, or any VMM with \"run exec\", and judge the guest",
		Long: `Start a target, let the suite boot in it and print its report.

Arguments behind -- are QEMU's own, such as "-- -device pcie-root-port". The
targets are listed by "vmspec targets"; any other VMM is started by
"vmspec run exec -- COMMAND".`,
		Args: takes(1, unlimited, "a target, of those that \"vmspec targets\" lists"),
		RunE: func(c *cobra.Command, args []string) error {
			if at := c.ArgsLenAtDash(); len(args) > 1 && at != 1 {
				return fmt.Errorf("run takes one target, not %q; QEMU's own arguments follow --", args[1])
			}
			f.Extra = args[1:]
			return f.always(c, args[0], func() error { return f.run(c, args[0]) })
		},
	}
	f.register(c)
	c.Flags().IntVar(&f.GIC, "gic", 3, "GIC version: 2 or 3")
	c.Flags().IntVar(&f.CPUs, "cpus", 1, "number of CPUs")
	c.Flags().IntVar(&f.Memory, "memory", 512, "memory in MiB")
	c.Flags().StringVar(&f.accel, "accel", "auto", "auto, tcg, kvm or hvf")
	c.Flags().StringVar(&f.append, "append", "", "more kernel `PARAMETERS`, such as vmspec.only=PLAT-GIC; into an image by SMBIOS")
	c.Flags().StringVar(&f.Capture, "capture", "", "keep the captured guest in `FILE` (.tar.gz)")
	c.Flags().StringVar(&f.guest, "guest", "", "`DIR` with Image and initramfs.cpio.lz4, as make guest leaves them (default build/arm64, for AArch32 build/arm)")
	c.Flags().StringVar(&f.firmware, "firmware", "", "UEFI's `CODE,VARS` files; U-Boot has one")
	f.registerImage(c)
	f.registerNeeds(c)
	c.AddCommand(newRunExec())
	return c
}

// run starts a target.
func (f *runFlags) run(c *cobra.Command, name string) error {
	t, err := target.Find(name)
	if err != nil {
		return err
	}
	if f.chosen, err = checkAppend(f.append); err != nil {
		return err
	}
	if err := f.complete(c, t); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "vmspec-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f.dir = dir
	if err := errors.Join(f.prepareFirmware(t, dir), f.offerByQMP(t, dir)); err != nil {
		return err
	}
	if _, err := t.FindProgram(); err != nil {
		return err
	}
	if f.boots > 1 {
		return f.launchSeries(c, t, dir)
	}
	return f.launch(c, t, f.chosen.Nonce)
}

// launch starts a target that nothing is missing for.
func (f *runFlags) launch(c *cobra.Command, t target.Target, nonce string) error {
	if f.Capture != "" { // QEMU empties it
		file, err := openOutput("--capture", f.Capture)
		if err != nil {
			return err
		}
		defer file.Close()
	}
	// Nothing that we say reaches a guest behind U-Boot; the last report counts.
	if f.Append = f.server.parameter(f.append); nonce == "" && !t.UBoot {
		nonce = newNonce()
		f.Append = strings.TrimSpace("vmspec.nonce=" + nonce + " " + f.Append)
	}
	if t.Hypervisor != "" && f.Capture != "" {
		f.Append += " vmspec.capture=console"
	}
	if err := errors.Join(f.prepareGRUB(c.Context(), t), f.prepareHost(c.Context(), t)); err != nil {
		return err
	}
	if f.vm.file == "" {
		f.vm.claims = t.Claims(f.Options)
	}
	hint := ""
	if slices.Contains(f.Extra, "-append") {
		hint = ": -append behind -- replaces vmspec's own; use --append"
	}
	r := vmm.Run{Command: append([]string{t.Program()}, t.Args(f.Options)...), Env: target.Env(), Nonce: nonce}
	out, err := f.watch(c, t.Name, r, hint)
	switch {
	case f.Capture == "" || err != nil && !errors.As(err, new(verdict)):
		return err
	case t.Hypervisor != "":
		return keepConsoleCapture(c.ErrOrStderr(), f.Capture, out, err)
	default:
		return checkCapture(c.ErrOrStderr(), f.Capture, err)
	}
}

// refuse refuses the flags that would have no effect on a target.
func refuse(c *cobra.Command, t target.Target) error {
	for _, r := range []struct {
		flag, why string
		useless   bool
	}{
		{"image", "starts a kernel, not a disk image", !t.Image},
		{"disk", "starts a kernel, not a disk image", !t.Image},
		{"sector-size", "starts a kernel, not a disk image", !t.Image},
		{"guest", "boots what is in its disk image", t.Image},
		{"firmware", "starts a kernel without firmware", t.Firmware() == nil},
	} {
		if r.useless && c.Flags().Changed(r.flag) {
			return fmt.Errorf("--%s: %s %s", r.flag, t.Name, r.why)
		}
	}
	return nil
}

// prepareFirmware finds the firmware, and makes its variable store in dir.
func (f *runFlags) prepareFirmware(t target.Target, dir string) error {
	kind := t.Firmware()
	if kind == nil {
		return nil
	}
	firmware, err := kind.Find(f.firmware)
	if err != nil {
		return err
	}
	if f.Code = firmware.Code; firmware.Vars != "" {
		f.Vars, err = firmware.OwnVars(dir)
	}
	return err
}

// complete checks the flags against each other and this machine.
func (f *runFlags) complete(c *cobra.Command, t target.Target) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	if err := f.checkBoots(f.chosen, f.append, f.Capture); err != nil {
		return err
	}
	if err := f.Check(); err != nil {
		return err
	}
	if err := refuse(c, t); err != nil {
		return err
	}
	if f.Accel, err = t.ChooseAccel(f.accel); err != nil {
		return err
	}
	f.lacks = target.Lacks(f.Accel)
	f.allowForHost(c, t)
	if t.Image {
		return f.completeImage(t)
	}
	f.Kernel, f.Initramfs, err = findGuest(guestFolder(f.guest, arch(t)), arch(t))
	return err
}

// checkAppend refuses what the guest would only complain of after booting.
func checkAppend(parameters string) (suite.Settings, error) {
	p := map[string]string{}
	kernel.ParseParameters(p, strings.Fields(parameters))
	settings := suite.ParseSettings(p)
	if len(settings.Problems) > 0 {
		return settings, fmt.Errorf("--append: %s", strings.Join(settings.Problems, "; "))
	}
	return settings, nil
}

// newNonce returns a nonce that identifies this run's report.
func newNonce() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}
