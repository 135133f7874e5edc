package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/suite"
)

// matrixFlags say how a set of boots is run.
type matrixFlags struct {
	mergeFlags
	jobs int
	logs string
}

func newMatrix() *cobra.Command {
	var f matrixFlags
	c := &cobra.Command{
		Use:   "matrix [vmspec | TARGET... | FILE]",
		Short: "Run a set of boots and conclude on their platform",
		Long: `Run a set of boots and conclude on their platform, as merge does. The set vmspec,
which is the default, is what the specification needs of QEMU's targets, by each
profile. Targets are those of "vmspec targets". A file (YAML) lists the boots of
a platform of your own, as "run exec" starts them:

  platform: my-cloud
  boots:
    - name: gicv3
      command: [my-vmm, --gic, "3", --cmdline, "{append}"]
    - name: gicv2
      command: ./boot.sh gicv2      # a line for the shell
      flags: [--serial, vm.sock]    # of run exec
      profiles: [v2.0]              # that need it; all if there are none
    - name: reference
      target: qemu-virt-uefi

A boot's name names its log. A boot that did not report is named, and the
verdict is no better than could-not-tell.`,
		Args: takes(0, unlimited, "a set"),
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	f.register(c)
	f.vm.register(c)
	c.Flags().StringVar(&f.platform, "platform", "", "`NAME` of the platform (default that of the set)")
	c.Flags().StringSliceVar((*[]string)(&f.profiles), "profile", []string{string(suite.RFCv2)}, "judge by these `PROFILES`, with commas between")
	c.Flags().IntVarP(&f.jobs, "jobs", "j", max(1, runtime.NumCPU()/2), "how many VMs run at once")
	c.Flags().StringVar(&f.logs, "logs", "", "keep the logs in `DIR`")
	return c
}

// run runs the boots that the profiles need, and merges them.
func (f *matrixFlags) run(c *cobra.Command, args []string) error {
	set, err := findSet(args)
	if err != nil {
		return err
	}
	if err := f.complete(set); err != nil {
		return err
	}
	remove, err := f.prepareLogs()
	if err != nil {
		return err
	}
	defer remove()
	ctx := untilSignal(c)
	runs := f.runAll(ctx, c, f.neededBy(set))
	if err := ctx.Err(); err != nil {
		return errors.New("interrupted")
	}
	return f.concludeAll(c, runs)
}

// complete checks the flags, and takes what is missing from the set.
func (f *matrixFlags) complete(set *bootSet) error {
	if f.jobs < 1 {
		return fmt.Errorf("-j %d: at least 1", f.jobs)
	}
	if f.platform == "" {
		f.platform = set.Platform
	}
	if f.platform == "" { // targets, which the user puts together
		var names []string
		for _, b := range set.Boots {
			names = append(names, b.Name)
		}
		f.platform = strings.Join(names, "+")
	}
	if len(f.profiles) == 0 {
		return fmt.Errorf("--profile: a name is empty: the profiles are %v", suite.Profiles())
	}
	return errors.Join(f.outputFlags.check(), f.profiles.check(&f.outputFlags), f.vm.read())
}

// prepareLogs makes the folder of the logs. One that nobody named is removed.
func (f *matrixFlags) prepareLogs() (remove func(), err error) {
	if f.logs != "" {
		return func() {}, makeFolder("--logs", filepath.Join(f.logs, "x"))
	}
	f.logs, err = os.MkdirTemp("", "vmspec-matrix-")
	return func() { _ = os.RemoveAll(f.logs) }, err
}

// neededBy lists the boots that any of the profiles needs.
func (f *matrixFlags) neededBy(set *bootSet) (out []setBoot) {
	for _, b := range set.Boots {
		if slices.ContainsFunc(f.profiles, b.needed) {
			out = append(out, b)
		}
	}
	return out
}

// A bootRun is what came of a boot.
type bootRun struct {
	setBoot
	log    string
	status results.Conformance
	stderr string
	took   time.Duration
	live   liveStage
}

// runAll runs the boots, so many at once.
func (f *matrixFlags) runAll(ctx context.Context, c *cobra.Command, boots []setBoot) []*bootRun {
	var all []*bootRun
	for _, b := range boots {
		all = append(all, &bootRun{setBoot: b, log: filepath.Join(f.logs, b.Name+".log")})
	}
	p := newProgress(c.ErrOrStderr(), len(all))
	defer p.stop()
	var wait sync.WaitGroup
	slots := make(chan struct{}, f.jobs)
	for _, r := range all {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() == nil {
				p.begin(r)
				r.run(ctx, f.more()...)
				p.end(r)
			}
		})
	}
	wait.Wait()
	return all
}

// more are the flags that every boot gets.
func (f *matrixFlags) more() []string {
	if f.vm.file == "" {
		return nil
	}
	return []string{"--claims", f.vm.file}
}

// run runs one boot, and leaves its log and the record beside it.
func (r *bootRun) run(ctx context.Context, more ...string) {
	var stdout, stderr bytes.Buffer
	began := time.Now()
	r.status = run(withLive(ctx, &r.live), r.args(r.log, more...), &stdout, &stderr)
	r.took, r.stderr = time.Since(began), strings.TrimSpace(stderr.String())
}

// concludeAll merges the boots by each profile.
func (f *matrixFlags) concludeAll(c *cobra.Command, runs []*bootRun) error {
	boots, lost := f.bootsOf(c, runs)
	verdicts, more := f.verdicts(runs, boots)
	without := withoutReport(runs, append(lost, more...))
	f.lost = without
	if verdicts == nil && !f.isDocument() {
		return without
	}
	f.waive(verdicts)
	if err := f.printMerged(c.OutOrStdout(), verdicts); err != nil {
		return err
	}
	if verdicts == nil {
		return without
	}
	return withLost(c.ErrOrStderr(), worstOf(verdicts, f.strict), without)
}

// withoutReport is the error of boots that did not report; nil if there is none. Where
// no boot could be run, nothing was tried: the environment is wrong.
func withoutReport(runs []*bootRun, lost []string) error {
	if lost == nil {
		return nil
	}
	err := errors.New(strings.Join(lost, "\n"))
	if slices.ContainsFunc(runs, func(r *bootRun) bool { return r.status != unusable }) {
		return undecided{err}
	}
	return err
}

// bootsOf reads what the boots reported, and says why there is no report of others.
func (f *matrixFlags) bootsOf(c *cobra.Command, runs []*bootRun) (boots map[*bootRun][]results.Boot, lost []string) {
	boots = map[*bootRun][]results.Boot{}
	for _, r := range runs {
		more, why := f.ran(c, r)
		boots[r] = more
		for _, w := range why {
			lost = append(lost, r.Name+": "+w)
		}
		if r.stderr != "" && why == nil {
			fmt.Fprintf(c.ErrOrStderr(), "vmspec: %s: %s\n", r.Name, r.said())
		}
	}
	return boots, lost
}

// verdicts are those by each profile, and why there is none by others.
func (f *matrixFlags) verdicts(runs []*bootRun, boots map[*bootRun][]results.Boot) (verdicts []*results.Merged, lost []string) {
	for _, profile := range f.profiles {
		var needed []results.Boot
		for _, r := range runs {
			if r.needed(profile) {
				needed = append(needed, boots[r]...)
			}
		}
		merged, err := results.MergeOf(needed...).By(profile)
		if err != nil {
			lost = append(lost, fmt.Sprintf("by %s: %v", profile, err))
			continue
		}
		addFixes(&merged.Report)
		verdicts = append(verdicts, merged)
	}
	return verdicts, lost
}

// said is what the boot's run said beside its report.
func (r *bootRun) said() string { return strings.TrimPrefix(r.stderr, "vmspec: ") }

// ran returns what a run reported, and why it reported nothing.
func (f *matrixFlags) ran(c *cobra.Command, r *bootRun) (boots []results.Boot, why []string) {
	if r.status == unusable {
		return nil, []string{r.said()}
	}
	boots, lost, err := f.mergeFlags.bootsOf(c, r.log, r.Name)
	switch {
	case len(boots) == 0 && r.stderr != "":
		return nil, []string{r.said()}
	case err != nil:
		return nil, []string{err.Error()}
	}
	for _, e := range lost {
		why = append(why, e.Error())
	}
	return boots, why
}
