// Vmspec is the host program: it builds what boots, starts virtual machines,
// and turns what they write on their consoles into verdicts.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"vmspec/results"
	"vmspec/suite"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr).ExitStatus())
}

// untilSignal is a context that ends with the first signal to end, for
// commands that leave something behind if they are not let clean up: SIGTERM
// and SIGHUP too, since a VM must not outlive a CI job that is cancelled. A
// second signal has its ordinary effect.
func untilSignal(c *cobra.Command) context.Context {
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	return ctx
}

// A verdict is the error of a command that concluded something: only the exit
// status is left to do.
type verdict results.Conformance

func (v verdict) Error() string { return string(v) }

// undecided is the error of a command that could not conclude, exit status 2.
type undecided struct{ error }

// unusable is what run returns for wrong usage and a wrong environment.
const unusable results.Conformance = "unusable"

// run runs the command line and returns its conclusion.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) results.Conformance {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var v verdict
	switch {
	case err == nil:
		return results.Conformant
	case errors.As(err, &v):
		return results.Conformance(v)
	}
	fmt.Fprintln(stderr, "vmspec:", err)
	if errors.As(err, new(undecided)) {
		return results.CouldNotTell
	}
	return unusable
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "vmspec",
		Short: "Is this virtual machine what the ARM VM System Specification promises?",
		Long: `Is this virtual machine what the ARM VM System Specification promises?

Exit status of run, judge, report, merge, matrix and image check: 0 conformant,
1 not conformant, 2 could not tell, 3 wrong usage or environment.

` + listPages(),
		Version:       suite.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(badFlag)
	root.AddCommand(newRun(), newTargets(), newDoctor(), newSpec(), newExplain(), newChanges(), newMan(), newJudge(), newReport(), newMerge(), newMatrix(), newDiff(), newWaivers(), newPublish(), newSite(), newImage(), newKernel(), newGuest(), newHypervisor(), newQMP(), newLAVA())
	root.SetHelpCommand(newHelp(root))
	addCompletions(root)
	return root
}
