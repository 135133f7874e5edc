package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vmspec/cmd/vmspec/internal/vmm"
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
	at := liveOf(c.Context())
	r.Line = at.before(r.Line)
	done := showChanging(c.ErrOrStderr(), func() string { return "booting " + name + ": " + at.String() })
	defer done()
	return r.Start(untilSignal(c))
}

// conclude prints the report, or why there is none.
func (w *watchFlags) conclude(stdout io.Writer, name string, r vmm.Run, out *vmm.Outcome) error {
	if out.Refused() && !onStderr(out) {
		why := fmt.Errorf("%s: the VMM gave up: it %s", name, out.Ended())
		if out.Stderr != "" {
			why = fmt.Errorf("%w: %s", why, strings.Join(lastSaid(out), "\n"))
		}
		return gaveUp{why}
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
