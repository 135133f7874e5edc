package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/imagefile"
	"vmspec/cmd/vmspec/internal/target"
	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
)

// bootFlags say how an image is booted, and what is expected of it.
type bootFlags struct {
	target.Options
	outputFlags
	firmware         []string
	expect           string
	arch, accel, log string
	timeout, silence time.Duration
	sector           sectorSize
}

func newImageBoot() *cobra.Command {
	var f bootFlags
	c := &cobra.Command{
		Use:   "boot IMAGE [-- QEMU ARGUMENTS]",
		Short: "Boot any disk image by AAVMF and by U-Boot, and say what came",
		Long: `Boot a disk image, yours or anybody's, under QEMU: by AAVMF and by U-Boot, each
with an empty variable store, so that only the removable media path can start it.
Each boot ends when the expected text is on its serial console, when the guest
shows that it cannot go on, or when its console is silent.

Without --expect, a Linux kernel's first lines are waited for. What the VM writes
to the image is thrown away. Packed images and containers are read as by "vmspec
image check".

The boots decide IMG-REMOVABLE. With --format, the report of "vmspec image check"
is printed with that decided, and the rest goes to standard error.

Exit status: 0 the text came by each firmware, 1 it did not come, 2 could not
tell, 3 wrong usage or environment.`,
		Example: `  vmspec image boot --expect 'login:' disk.qcow2
  vmspec image boot --expect 'login:' --firmware u-boot --timeout 5m disk.img
  vmspec image boot --firmware CODE.fd,VARS.fd disk.img -- -device virtio-net-pci`,
		Args: takes(1, unlimited, "an image"),
		RunE: func(c *cobra.Command, args []string) error {
			if at := c.ArgsLenAtDash(); len(args) > 1 && at != 1 {
				return fmt.Errorf("image boot takes one image, not %q; QEMU's own arguments follow --", args[1])
			}
			f.Extra = args[1:]
			return f.run(c, args[0])
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.expect, "expect", "", "`TEXT` that the console shows when the image has started, such as login: (default a Linux kernel's first lines)")
	flags.StringArrayVar(&f.firmware, "firmware", []string{"aavmf", "u-boot"}, "aavmf, u-boot, UEFI's `CODE,VARS` files, or U-Boot's file; may be repeated")
	flags.StringVar(&f.arch, "arch", "arm64", "of the VM: arm64 or arm")
	flags.DurationVar(&f.timeout, "timeout", 5*time.Minute, "end a VM after this long")
	flags.DurationVar(&f.silence, "silence", time.Minute, "end a VM whose console is silent for this long")
	flags.StringVar(&f.log, "log", "", "keep the consoles' output in `FILE`, of the second firmware in FILE.2")
	flags.IntVar(&f.CPUs, "cpus", 1, "number of CPUs")
	flags.IntVar(&f.Memory, "memory", 1024, "memory in MiB")
	flags.StringVar(&f.accel, "accel", "auto", "auto, tcg, kvm or hvf")
	flags.StringVar(&f.Disk, "disk", "virtio-blk-pci", "how the image is attached: "+strings.Join(target.Disks(), ", "))
	f.sector.register(c)
	f.outputFlags.register(c)
	return c
}

func (f *bootFlags) check() error {
	if strings.ContainsAny(f.expect, "\r\n") {
		return errors.New("--expect: one line of text, or a part of one")
	}
	if f.arch != "arm64" && f.arch != "arm" {
		return fmt.Errorf("--arch %s: arm64 or arm", f.arch)
	}
	for _, t := range []struct {
		flag string
		time time.Duration
	}{{"timeout", f.timeout}, {"silence", f.silence}} {
		if t.time <= 0 {
			return fmt.Errorf("--%s %s: more than 0, such as 2m", t.flag, t.time)
		}
	}
	f.GIC, f.Reset = 3, true // an image may reset the VM in its first boot
	return errors.Join(f.outputFlags.check(), f.Check(), f.CheckDisk(""), f.sector.check())
}

func (f *bootFlags) run(c *cobra.Command, name string) error {
	if err := f.check(); err != nil {
		return err
	}
	firmwares, err := f.firmwares()
	if err != nil {
		return err
	}
	disk, err := readImage(c, name)
	if err != nil {
		return err
	}
	defer disk.Close()
	if err := f.sector.checkOf(disk, name); err != nil {
		return err
	}
	f.Sector = cmp.Or(int(f.sector), disk.SectorSize())
	checked, err := checkImage(disk, int(f.sector), "", "")
	if err != nil {
		return err
	}
	boots, err := f.bootAll(c, disk, firmwares)
	if err != nil {
		return err
	}
	return f.conclude(c, name, checked, boots)
}

// bootAll boots the image by one firmware after the other.
func (f *bootFlags) bootAll(c *cobra.Command, disk *imagefile.Image, firmwares []imageFirmware) (boots []imageBoot, err error) {
	dir, err := os.MkdirTemp("", "vmspec-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	ctx := untilSignal(c)
	if f.Image, err = disk.File(ctx, dir); err != nil {
		return nil, err
	}
	for i, fw := range firmwares {
		b, err := f.boot(ctx, c, dir, i, fw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fw.name, err)
		}
		if ctx.Err() != nil {
			return nil, undecided{errors.New("interrupted")}
		}
		boots = append(boots, *b)
	}
	return boots, nil
}

// boot boots the image by the firmware that is the i-th.
func (f *bootFlags) boot(ctx context.Context, c *cobra.Command, dir string, i int, fw imageFirmware) (b *imageBoot, err error) {
	o := f.Options
	if o.Code = fw.Code; fw.Vars != "" {
		if o.Vars, err = fw.OwnVars(dir); err != nil {
			return nil, err
		}
	}
	if o.Accel, err = fw.target.ChooseAccel(f.accel); err != nil {
		return nil, err
	}
	if _, err := fw.target.FindProgram(); err != nil {
		return nil, err
	}
	ctx, came := context.WithCancel(ctx)
	defer came()
	b = &imageBoot{firmware: fw.name, console: &expectation{text: f.expect, came: came}}
	r := vmm.Run{
		Command: append([]string{fw.target.Program()}, fw.target.Args(o)...), Env: target.Env(),
		Timeout: f.timeout, Silence: f.silence, Log: b.console,
	}
	if f.log != "" {
		log, err := openLog(logOf(f.log, i+1))
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, log.close(c.ErrOrStderr())) }()
		r.Before = append(r.Before, log.empty)
		b.console.log = log
	}
	done := showProgress(c.ErrOrStderr(), "booting by "+fw.name)
	b.out, err = r.Start(ctx)
	done()
	if err == nil && b.out.Refused() {
		return nil, fmt.Errorf("the VMM gave up: it %s: %s", b.out.Ended(), strings.Join(lastSaid(b.out), "\n"))
	}
	return b, err
}

// logOf names the log of the n-th boot.
func logOf(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s.%d", name, n)
}

// An imageFirmware is one by which an image is booted.
type imageFirmware struct {
	target.Firmware
	name   string
	target target.Target
}

// firmwares finds those that --firmware names.
func (f *bootFlags) firmwares() (found []imageFirmware, err error) {
	suffix := map[string]string{"arm64": "", "arm": "32"}[f.arch]
	for _, named := range f.firmware {
		to, file := "qemu-uboot"+suffix, named
		switch {
		case strings.EqualFold(named, "aavmf"):
			to, file = "qemu-image"+suffix, ""
		case strings.EqualFold(named, "u-boot"):
			file = ""
		case strings.Contains(named, ","):
			to = "qemu-image" + suffix
		}
		t, err := target.Find(to)
		if err != nil {
			return nil, err
		}
		fw := imageFirmware{name: cmp.Or(file, t.Firmware().Name), target: t}
		if fw.Firmware, err = t.Firmware().Find(file); err != nil {
			return nil, err
		}
		found = append(found, fw)
	}
	if len(found) == 0 {
		return nil, errors.New("--firmware: aavmf, u-boot, or files")
	}
	return found, nil
}

// conclude says what came of the boots, and what that means.
func (f *bootFlags) conclude(c *cobra.Command, name string, checked *results.Report, boots []imageBoot) error {
	w := c.OutOrStdout()
	if f.format != "" {
		w = c.ErrOrStderr()
	}
	status := results.Conformant
	for _, b := range boots {
		fmt.Fprintln(w, b.words())
		if s := b.status(); worse(s, status) {
			status = s
		}
	}
	decided := removable(boots)
	decide(checked, decided)
	fmt.Fprintf(w, "IMG-REMOVABLE %s: %s\n", decided.Verdict, results.OneLine(decided.Text))
	for _, p := range checked.Points {
		if p.Verdict == results.Fail && p.ID != removableID {
			fmt.Fprintf(w, "image check: %s %s: %s\n  fix: %s\n", p.ID, p.Level, results.OneLine(p.Problem), results.OneLine(p.Fix))
		}
	}
	if f.format != "" {
		if err := f.finish(c.OutOrStdout(), name, checked); err != nil && !errors.As(err, new(verdict)) {
			return err
		}
	}
	if status.ExitStatus() != 0 {
		return verdict(status)
	}
	return nil
}

// worse tells whether a conclusion is worse than another: that something could not be
// told is worse than nothing, and better than that it did not come.
func worse(a, b results.Conformance) bool {
	order := []results.Conformance{results.Conformant, results.CouldNotTell, results.NotConformant}
	return slices.Index(order, a) > slices.Index(order, b)
}
