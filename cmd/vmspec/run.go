package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/probes/kernel"
	"vmspec/results"
	"vmspec/suite"
)

// watchFlags are what all kinds of run have.
type watchFlags struct {
	timeout, silence time.Duration
	log              string
	profiles         profilesFlag
	outputFlags
	vm     claimsFlag
	boots  int
	part   *part // of a series; nil for none
	server *server
	image  map[string]results.Judged // its file, before the run
	sector sectorSize                // of the image, if it was said
	chosen suite.Settings            // what --append asks of the guest
	lacks  []string                  // what this machine's processor does not have
	loader string                    // a boot loader that hands over the device tree
}

func (w *watchFlags) register(c *cobra.Command) {
	c.Flags().DurationVar(&w.timeout, "timeout", 2*time.Minute, "end the VM after this long")
	c.Flags().DurationVar(&w.silence, "silence", time.Minute, "end a VM whose console is silent for this long")
	c.Flags().StringVar(&w.log, "log", "", "keep the console's output in `FILE`")
	c.Flags().IntVar(&w.boots, "boots", 1, "power the VM on so `OFTEN`, with one variable store, then once with a fresh one (vmspec help farm)")
	w.profiles.register(c, "the guest's")
	w.vm.register(c)
	w.server = &server{}
	w.server.register(c)
	w.outputFlags.register(c)
}

// check refuses times in which no guest could say anything, and a profile that
// does not exist.
func (w *watchFlags) check() error {
	for _, t := range []struct {
		flag string
		time time.Duration
	}{{"timeout", w.timeout}, {"silence", w.silence}} {
		if t.time <= 0 {
			return fmt.Errorf("--%s %s: more than 0, such as 2m", t.flag, t.time)
		}
	}
	return errors.Join(w.outputFlags.check(), w.profiles.check(&w.outputFlags), w.vm.read(), w.server.check())
}

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
			return f.run(c, args[0])
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
	if err := f.prepareGRUB(c.Context(), t); err != nil {
		return err
	}
	if f.vm.file == "" {
		f.vm.claims = t.Claims(f.Options)
	}
	hint := ""
	if slices.Contains(f.Extra, "-append") {
		hint = ": -append behind -- replaces vmspec's own; use --append"
	}
	_, err := f.watch(c, t.Name, vmm.Run{Command: append([]string{t.Program()}, t.Args(f.Options)...), Nonce: nonce}, hint)
	if f.Capture != "" && (err == nil || errors.As(err, new(verdict))) {
		return checkCapture(c.ErrOrStderr(), f.Capture, err)
	}
	return err
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

// watch runs a VMM and prints what came of it. hint says why a report may carry
// another nonce than the run's.
func (w *watchFlags) watch(c *cobra.Command, name string, r vmm.Run, hint string) (*vmm.Outcome, error) {
	var held nonces
	w.server.begin()
	defer w.server.close()
	r.Timeout, r.Silence, r.Line, r.Serve = w.timeout, w.silence, held.line, w.server.offers
	w.part.begin(&r)
	out, err := w.logged(c, name, r)
	if out == nil {
		return nil, err
	}
	w.server.complain(c.ErrOrStderr(), name)
	var unknown error // the profile, or what is claimed, to this report
	if whole(out) {
		var other *results.Report
		if other, unknown = w.profiles.one(out.Report, name); unknown == nil {
			out.Report = other
		}
	}
	if unknown == nil && whole(out) {
		unknown = w.vm.apply(c.ErrOrStderr(), out.Report, name)
	}
	err = errors.Join(err, w.observe(r, out))
	concluded := unknown
	if unknown == nil {
		concluded = w.conclude(c.OutOrStdout(), name, r, out)
	}
	if other := held.others(r.Nonce); other != "" && !whole(out) {
		concluded = undecided{fmt.Errorf("%s: %s%s", name, other, hint)}
	}
	switch {
	case whole(out) && out.Report.Provisional():
		fmt.Fprintln(c.ErrOrStderr(), "vmspec:", died(name, out))
	case out.Killed && whole(out):
		fmt.Fprintf(c.ErrOrStderr(), "vmspec: %s: the VM %s after its report and was ended\n", name, afterReport(out.Reason))
	}
	if err != nil { // the report is printed; what was lost is said
		return out, err
	}
	return out, concluded
}

// logged runs the VMM, with a log if one is wanted.
func (w *watchFlags) logged(c *cobra.Command, name string, r vmm.Run) (*vmm.Outcome, error) {
	if w.log == "" {
		return watched(c, name, r)
	}
	log, err := openLog(w.log)
	if err != nil {
		return nil, err
	}
	r.Log, r.Before = log, append(r.Before, log.empty)
	out, err := watched(c, name, r)
	return out, errors.Join(err, log.close(c.ErrOrStderr()))
}

// whole tells whether there is a report to conclude from.
func whole(out *vmm.Outcome) bool { return out.Report != nil && out.Report.Incomplete == nil }

// afterReport says what a VM did that reported and was ended.
func afterReport(reason string) string {
	if reason == vmm.Rebooted {
		return reason
	}
	return "did not end"
}

// watched runs the VMM, with progress for a person who watches.
func watched(c *cobra.Command, name string, r vmm.Run) (*vmm.Outcome, error) {
	done := showProgress(c.ErrOrStderr(), "booting "+name)
	defer done()
	return r.Start(untilSignal(c))
}

// conclude prints the report, or why there is none.
func (w *watchFlags) conclude(stdout io.Writer, name string, r vmm.Run, out *vmm.Outcome) error {
	if out.Refused() && !onStderr(out) {
		gaveUp := fmt.Sprintf("%s: the VMM gave up: it %s", name, out.Ended())
		if out.Stderr == "" {
			return errors.New(gaveUp)
		}
		return fmt.Errorf("%s: %s", gaveUp, strings.Join(lastSaid(out), "\n"))
	}
	if !whole(out) {
		return undecided{errors.New(explain(name, r, out) + imageFaults(w.image))}
	}
	return w.finishBy(stdout, name, out.Report, w.profiles)
}

// explain says why there is no report to conclude from, and what the guest
// last said.
func explain(name string, r vmm.Run, out *vmm.Outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: no report", name)
	if out.Report != nil {
		fmt.Fprintf(&b, "%s: %s", " that is whole", strings.ReplaceAll(out.Report.Incomplete.Error(), "\n", "; "))
	}
	if out.Doing != "" {
		fmt.Fprintf(&b, ": %s", lastWord(out.Doing))
	}
	b.WriteString(ending(out) + "\n")
	if len(out.Last) == 0 {
		return b.String() + silence(r, out)
	}
	b.WriteString("the guest's last lines:\n" + indent(out.Last))
	if hint := elsewhere(r, out); hint != "" && out.Report == nil {
		b.WriteString("\n" + hint)
	}
	return b.String()
}

// ending says how a run without a final report ended, and the VMM's own words.
func ending(out *vmm.Outcome) string {
	var b strings.Builder
	for _, why := range []string{out.Symptom, out.Reason} {
		switch {
		case why == "" || why == vmm.Lasted:
		case why == vmm.Rebooted:
			b.WriteString(": the VM booted again")
		default:
			fmt.Fprintf(&b, ": %s", why)
		}
	}
	switch {
	case out.Left:
		fmt.Fprintf(&b, ": the VMM %s and left the VM running", out.Ended())
	case !out.Killed:
		fmt.Fprintf(&b, ": the VMM %s", out.Ended())
	}
	fmt.Fprintf(&b, " (after %.1f s)", out.Took.Seconds())
	if out.Stderr != "" && !out.Killed { // then it speaks of our signal
		fmt.Fprintf(&b, "\nthe VMM said:\n%s", indent(lastSaid(out)))
	}
	return b.String()
}

// maxSaid is how many of the VMM's own lines are shown.
const maxSaid = 12

// lastSaid returns the VMM's own last lines.
func lastSaid(out *vmm.Outcome) []string {
	lines := strings.Split(out.Stderr, "\n")
	return lines[max(0, len(lines)-maxSaid):]
}

// lastWord tells what a guest's suite said last of what it does. Of a trial, and
// of what it calls of UEFI, it would have said the end.
func lastWord(said string) string {
	if results.InTrial(said) {
		return fmt.Sprintf("the VM stopped in %q", said)
	}
	return fmt.Sprintf("the suite's last word was %q", said)
}

func indent(lines []string) string { return "  " + strings.Join(lines, "\n  ") }
